package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/story"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	api := func(code, message string) error { return &smithy.GenericAPIError{Code: code, Message: message} }
	status := func(status int, err error) error {
		return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err}
	}
	for _, test := range []struct {
		err     error
		outcome story.Outcome
		is      error
	}{
		{&types.ProvisionedThroughputExceededException{}, story.Busy, dynamo.ErrThrottled},
		{&types.RequestLimitExceeded{}, story.Busy, dynamo.ErrThrottled},
		{api("ThrottlingException", ""), story.Busy, dynamo.ErrThrottled},
		{&types.InternalServerError{}, story.Retry, nil},
		{status(500, api("InternalServerError", "")), story.Retry, nil},
		{status(503, api("UnknownError", "")), story.Retry, nil},
		{api("CodeOfTomorrow", ""), story.Retry, nil},
		{context.DeadlineExceeded, story.Retry, nil},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, story.Retry, nil},
		{&smithy.DeserializationError{Err: errors.New("invalid character '<'")}, story.Retry, nil},

		{&types.ResourceNotFoundException{}, story.Wait, dynamo.ErrNoTable},
		{api("AccessDeniedException", ""), story.Wait, dynamo.ErrNoAccess},
		{status(403, api("UnknownError", "")), story.Wait, dynamo.ErrNoAccess},
		{api("UnrecognizedClientException", ""), story.Wait, dynamo.ErrNoCredentials},
		{api("ExpiredTokenException", ""), story.Wait, dynamo.ErrNoCredentials},
		{api("InvalidSignatureException", ""), story.Wait, dynamo.ErrNoCredentials},
		{api("MissingAuthenticationToken", ""), story.Wait, dynamo.ErrNoCredentials},
		{fmt.Errorf("x: %w", dynamo.ErrConfig), story.Wait, nil},
		{api("ValidationException", "The provided key element does not match the schema"), story.Wait, dynamo.ErrWrongTable},
		{api("ValidationException", "One or more parameter values were invalid: Missing the key pk in the item"), story.Wait, dynamo.ErrWrongTable},
		{api("ValidationException", "One or more parameter values were invalid: Type mismatch for key object expected: N actual: S"), story.Wait, dynamo.ErrWrongTable},
		{api("ValidationException", "One of the required keys was not given a value"), story.Wait, dynamo.ErrWrongTable},

		{api("ValidationException", "Item size has exceeded the maximum allowed size"), story.Reject, nil},
		{api("SerializationException", ""), story.Reject, nil},
		{status(413, api("UnknownError", "")), story.Reject, nil},
	} {
		outcome, is := dynamo.Classify(fmt.Errorf("operation error: %w", test.err))
		if outcome != test.outcome || is != test.is {
			t.Errorf("%T %v: got %v, %v, want %v, %v", test.err, test.err, outcome, is, test.outcome, test.is)
		}
	}
}

// TestErrorsOfStory checks what those see who know only package story.
func TestErrorsOfStory(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code           string
		unusable, busy bool
	}{
		{"ResourceNotFoundException", true, false},
		{"AccessDeniedException", true, false},
		{"ExpiredTokenException", true, false},
		{"ProvisionedThroughputExceededException", false, true},
		{"ThrottlingException", false, true},
		{"InternalServerError", false, false},
	} {
		b := newBench(t, dynamo.Config{})
		b.faults.set(func(_ string, req *http.Request, _ http.RoundTripper) (*http.Response, error) {
			return apiError(req, 400, test.code, "as said"), nil
		})
		_, listErr := b.List(t.Context(), story.Query{})
		_, readErr := b.Read(t.Context(), user42, "id")
		putErr := b.Put(t.Context(), []story.Part{headPart(headerOf(user42, idAt(at(10, 0), "a")), "")})
		for method, err := range map[string]error{"List": listErr, "Read": readErr, "Put": putErr} {
			if err == nil || errors.Is(err, story.ErrUnusable) != test.unusable || errors.Is(err, story.ErrBusy) != test.busy {
				t.Errorf("%s, %s: got %v, want it unusable %v and busy %v", method, test.code, err, test.unusable, test.busy)
			}
			if text := fmt.Sprint(err); strings.Contains(text, "story: the store") {
				t.Errorf("%s, %s: got the text %q, which says it twice", method, test.code, text)
			}
		}
	}
	for _, err := range []error{dynamo.ErrConfig, dynamo.ErrWrongTable} {
		if !errors.Is(err, story.ErrUnusable) || errors.Is(err, story.ErrBusy) {
			t.Errorf("%v: want it unusable, and not busy", err)
		}
	}
}

// TestNoIdentity checks that the answer of a service that is asked for credentials is
// not taken for the table's.
func TestNoIdentity(t *testing.T) {
	for _, variable := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(variable, "")
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
	for name, status := range map[string]int{"forbidden": 403, "unauthorized": 401, "missing": 404, "broken": 500, "busy": 429} {
		service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"code":"AccessDeniedException","message":"as said"}`)
		}))
		defer service.Close()
		for _, variables := range []map[string]string{
			{"AWS_EC2_METADATA_SERVICE_ENDPOINT": service.URL},         // of a machine
			{"AWS_CONTAINER_CREDENTIALS_FULL_URI": service.URL + "/c"}, // of a container
		} {
			for variable, value := range variables {
				t.Setenv(variable, value)
			}
			loaded, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("us-east-1"), config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }))
			if err != nil {
				t.Fatal(err)
			}
			_, err = dynamodb.NewFromConfig(loaded).ListTables(t.Context(), &dynamodb.ListTablesInput{})
			if outcome, is := dynamo.Classify(err); outcome != story.Wait || is != dynamo.ErrNoCredentials {
				t.Errorf("%s, %v: got %v, %v of %v, want to wait for credentials", name, variables, outcome, is, err)
			}
			for variable := range variables {
				t.Setenv(variable, "")
			}
		}
	}
	for _, answer := range []error{ // of STS, for instance
		&smithy.GenericAPIError{Code: "AccessDenied"}, &smithy.GenericAPIError{Code: "ThrottlingException"}, &smithy.GenericAPIError{Code: "ValidationException"},
	} {
		denied := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, answer })
		for _, retryer := range []aws.Retryer{aws.NopRetryer{}, retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })} {
			_, err := dynamodb.New(dynamodb.Options{Region: "us-east-1", Credentials: denied, Retryer: retryer}).ListTables(t.Context(), &dynamodb.ListTablesInput{})
			if outcome, is := dynamo.Classify(err); outcome != story.Wait || is != dynamo.ErrNoCredentials {
				t.Errorf("got %v, %v of %v, want to wait for credentials", outcome, is, err)
			}
		}
	}
	_, is := dynamo.Classify(&smithy.GenericAPIError{Code: "AccessDeniedException", Message: "get identity: forged"})
	if is != dynamo.ErrNoAccess {
		t.Errorf("what DynamoDB itself denies: got %v", is)
	}
}

// TestClassifyClient makes the SDK itself fail: for these it has no error types.
func TestClassifyClient(t *testing.T) {
	t.Parallel()
	none := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no EC2 IMDS role found")
	})
	for _, test := range []struct {
		options dynamodb.Options
		want    error
		reason  string
	}{
		{dynamodb.Options{Region: "us-east-1", Credentials: none}, dynamo.ErrNoCredentials, "no credentials"},
		{dynamodb.Options{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("", "", "")}, dynamo.ErrNoCredentials, "empty credentials"},
		{dynamodb.Options{Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}, dynamo.ErrConfig, "no region"},
	} {
		_, err := dynamodb.New(test.options).ListTables(t.Context(), &dynamodb.ListTablesInput{})
		outcome, is := dynamo.Classify(err)
		if outcome != story.Wait || is != test.want {
			t.Errorf("%s: got %v, %v of %v, want to wait for %v", test.reason, outcome, is, err, test.want)
		}
	}
}

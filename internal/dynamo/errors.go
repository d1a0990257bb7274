package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dynamoslog/dynamoslog/story"
)

// What may be wrong with a table, or with the way to it. The root package
// exports these.
var (
	ErrConfig        = error(&sentinel{"dynamoslog: the table cannot be used as configured", story.ErrUnusable})
	ErrNoTable       = error(&sentinel{"dynamoslog: no such table in this account and region: create it with Table.Create, or correct Table.Name or the region", story.ErrUnusable})
	ErrTableExists   = errors.New("dynamoslog: the table exists already: Table.Check says whether it can be used")
	ErrWrongTable    = error(&sentinel{"dynamoslog: the table is not laid out for stories: Table.Check says what differs", story.ErrUnusable})
	ErrNoAccess      = error(&sentinel{"dynamoslog: access denied: allow this identity the actions on the table and on its index, see Table", story.ErrUnusable})
	ErrNoCredentials = error(&sentinel{"dynamoslog: no valid AWS credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or renew the expired ones", story.ErrUnusable})
	ErrThrottled     = error(&sentinel{"dynamoslog: throttled: the capacity of the table, its index or the account is used up: try again a little later, or raise it", story.ErrBusy})
)

// A sentinel is an error that is one of package story's as well.
type sentinel struct {
	text string
	is   error
}

func (e *sentinel) Error() string { return e.text }

func (e *sentinel) Unwrap() error { return e.is }

// A fault is what is known of an error code of DynamoDB.
type fault struct {
	outcome story.Outcome
	is      error // one of the above, or nil
}

var faults = map[string]fault{
	"ResourceNotFoundException": {story.Wait, ErrNoTable},

	"AccessDeniedException": {story.Wait, ErrNoAccess},
	"AccessDenied":          {story.Wait, ErrNoAccess},
	"NotAuthorized":         {story.Wait, ErrNoAccess},
	"OptInRequired":         {story.Wait, ErrNoAccess},

	"ExpiredToken":                             {story.Wait, ErrNoCredentials},
	"ExpiredTokenException":                    {story.Wait, ErrNoCredentials},
	"RequestExpired":                           {story.Wait, ErrNoCredentials},
	"UnrecognizedClientException":              {story.Wait, ErrNoCredentials},
	"InvalidClientTokenId":                     {story.Wait, ErrNoCredentials},
	"InvalidSignatureException":                {story.Wait, ErrNoCredentials},
	"SignatureDoesNotMatch":                    {story.Wait, ErrNoCredentials},
	"IncompleteSignature":                      {story.Wait, ErrNoCredentials},
	"IncompleteSignatureException":             {story.Wait, ErrNoCredentials},
	"MissingAuthenticationToken":               {story.Wait, ErrNoCredentials},
	"MissingAuthenticationTokenException":      {story.Wait, ErrNoCredentials},
	"InvalidIdentityTokenException":            {story.Wait, ErrNoCredentials},
	"NotAuthorizedException":                   {story.Wait, ErrNoCredentials},
	"ValidationException":                      {story.Reject, nil},
	"SerializationException":                   {story.Reject, nil},
	"ItemCollectionSizeLimitExceededException": {story.Reject, nil},

	"ProvisionedThroughputExceededException": {story.Busy, ErrThrottled},
	"ThrottlingException":                    {story.Busy, ErrThrottled},
	"Throttling":                             {story.Busy, ErrThrottled},
	"RequestLimitExceeded":                   {story.Busy, ErrThrottled},
	"LimitExceededException":                 {story.Busy, ErrThrottled},
}

// wrongTable are parts of the texts of a ValidationException for which the table
// is to blame and not the item. DynamoDB has no code of its own for them.
var wrongTable = []string{
	"does not match the schema",
	"does not match schema type",
	"Type mismatch for key",
	"Type mismatch for Index Key",
	"One of the required keys was not given a value",
	"Missing the key",
	"missed key schema element",
	"does not have the specified index",
}

// classify tells what to do with a part whose write ended in err, and which of
// this package's errors it is, if any. What it does not know passes.
func classify(err error) (story.Outcome, error) {
	if errors.Is(err, ErrConfig) {
		return story.Wait, nil
	}
	if withoutIdentity(err) {
		return story.Wait, ErrNoCredentials
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		if api.ErrorCode() == "ValidationException" {
			for _, text := range wrongTable {
				if strings.Contains(api.ErrorMessage(), text) {
					return story.Wait, ErrWrongTable
				}
			}
		}
		if known, ok := faults[api.ErrorCode()]; ok {
			return known.outcome, known.is
		}
	}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		switch response.HTTPStatusCode() {
		case http.StatusRequestEntityTooLarge:
			return story.Reject, nil
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
			return story.Wait, ErrNoAccess
		}
		return story.Retry, nil
	}
	// The SDK has no type for this.
	if strings.Contains(err.Error(), "failed to resolve service endpoint") {
		return story.Wait, ErrConfig
	}
	return story.Retry, nil
}

// withoutIdentity reports whether a call was not made because no credentials were
// found for it, whatever the service said that was asked for them: the metadata of a
// machine or a container, STS, SSO. The SDK has no type for this, but wraps it.
func withoutIdentity(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		switch err.(type) {
		case smithy.APIError, *smithyhttp.ResponseError, interface{ Unwrap() []error }:
			return false
		}
		if strings.HasPrefix(err.Error(), "get identity: ") {
			return true
		}
	}
	return false
}

// answered reports whether an error is DynamoDB's answer, and not the lack of one.
func answered(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api)
}

// place says which table it is: there may be one of the name in each region.
func (s *Store) place() string {
	return fmt.Sprintf("table %q in %s", s.Name, s.client.Options().Region)
}

// explain wraps an error of a call so that it says what to do about it.
func (s *Store) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("dynamoslog: %s: %w (%v)", s.place(), ctx.Err(), err)
	}
	if _, is := classify(err); is != nil {
		return fmt.Errorf("%w: %s: %w", is, s.place(), err)
	}
	return fmt.Errorf("dynamoslog: %s: %w", s.place(), err)
}

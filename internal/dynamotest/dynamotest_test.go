package dynamotest_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.uber.org/goleak"

	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStartAnswers(t *testing.T) {
	client := dynamotest.Start(t)
	got, err := client.ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	if got.TableNames == nil {
		t.Error("ListTables: got no list of tables")
	}
	if a, b := dynamotest.TableName(t), dynamotest.TableName(t); a == b {
		t.Errorf("TableName: got %q twice", a)
	}
	if a, b := dynamotest.Endpoint(t), dynamotest.Endpoint(t); a != b {
		t.Errorf("Endpoint: got %q, then %q: want one emulator a process", a, b)
	}
}

// TestSetenv uses the emulator as a program does that loads its configuration,
// with a client that nobody closes: goleak finds no connection of it.
func TestSetenv(t *testing.T) {
	dynamotest.Setenv(t)
	loaded, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dynamodb.NewFromConfig(loaded).ListTables(t.Context(), &dynamodb.ListTablesInput{}); err != nil {
		t.Error(err)
	}
}

// TestEndsWithKilledProcess runs this test's binary as a process that starts an
// emulator and is then killed, which leaves it no time to clean up.
func TestEndsWithKilledProcess(t *testing.T) {
	const child = "DYNAMOTEST_CHILD"
	if os.Getenv(child) != "" {
		os.Stdout.WriteString("endpoint " + dynamotest.Endpoint(t) + "\n")
		io.Copy(io.Discard, os.Stdin) // until killed
	}
	if os.Getenv("DYNAMODB_ENDPOINT") != "" {
		t.Skip("DYNAMODB_ENDPOINT is set: no emulator is started")
	}
	dynamotest.Start(t) // skips where there is none
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), child+"=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var endpoint string
	for lines := bufio.NewScanner(stdout); endpoint == "" && lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "endpoint "); ok {
			endpoint = url
		}
	}
	answers := func() bool {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get(endpoint)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	}
	if !answers() {
		t.Errorf("the emulator of the child process does not answer at %q", endpoint)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // "signal: killed"
	for deadline := time.Now().Add(10 * time.Second); answers(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the emulator is alive 10 s after its test process was killed")
		}
	}
}

// TestMissing runs this test's binary without Java, and without Node.
func TestMissing(t *testing.T) {
	switch os.Getenv("DYNAMOTEST_CHILD") {
	case "java":
		dynamotest.Start(t)
		return
	case "node":
		dynamotest.Dynalite(t)
		return
	}
	for _, test := range []struct{ child, ci, want, missing, reason string }{
		{"java", "", "--- SKIP", "java is not installed", "a machine without Java runs the other tests"},
		{"java", "true", "--- FAIL", "java is not installed", "in CI nothing is left out unseen"},
		{"node", "", "--- SKIP", "node is not installed", "so does one without Node"},
		{"node", "true", "--- FAIL", "node is not installed", "in CI nothing is left out unseen"},
	} {
		cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "DYNAMOTEST_CHILD="+test.child, "DYNAMODB_ENDPOINT=", "PATH=", "CI="+test.ci)
		got, _ := cmd.CombinedOutput() // its exit status is what is asked for
		if !strings.Contains(string(got), test.want) || !strings.Contains(string(got), test.missing) {
			t.Errorf("CI=%q: want %s and what is missing (%s), got:\n%s", test.ci, test.want, test.reason, got)
		}
	}
}

// TestDynalite asks for one thing that it has, and for the one that it has not.
func TestDynalite(t *testing.T) {
	endpoint := dynamotest.Dynalite(t)
	if again := dynamotest.Dynalite(t); again != endpoint {
		t.Errorf("got %q, then %q: want one a process", endpoint, again)
	}
	client, closed := dynamotest.ClientOf(endpoint, http.DefaultTransport.(*http.Transport).Clone())
	defer closed()
	if _, err := client.ListTables(t.Context(), &dynamodb.ListTablesInput{}); err != nil || dynamotest.IsUnknownOperation(err) {
		t.Error(err)
	}
	table := dynamotest.TableName(t)
	_, err := client.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName:               &table,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: &table, Enabled: new(bool)},
	})
	if !dynamotest.IsUnknownOperation(err) {
		t.Errorf("UpdateTimeToLive: got %v; where dynalite has it, the tests may ask for more", err)
	}
}

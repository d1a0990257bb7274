package dynamotest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	startTime = 30 * time.Second // a Java process starts in 1 to 2 s on an idle machine
	pollTime  = 50 * time.Millisecond
)

// An emulator is a running process.
type emulator struct {
	endpoint string
	// lifeline is the pipe whose end ends the emulator. It is kept here, because
	// the collector closes files that nothing refers to.
	lifeline *os.File
}

// startLocal starts DynamoDB Local.
func startLocal(ctx context.Context) (*emulator, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return nil, errors.New("java is not installed (the emulator is a Java program), and DYNAMODB_ENDPOINT is not set")
	}
	folder, err := fetch(ctx)
	if err != nil {
		return nil, err
	}
	return start(ctx, folder, "java", "-Djava.library.path=./DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar",
		"-inMemory", "-disableTelemetry", "-port")
}

// start starts an emulator in its folder, by a command whose last argument will be a free
// port. A port may be taken between its choice and its use, so it tries some.
func start(ctx context.Context, folder string, command ...string) (*emulator, error) {
	if _, err := exec.LookPath("sh"); err != nil {
		return nil, errors.New("sh is not installed (a shell ends the emulator with the tests)")
	}
	var err error
	for range 3 {
		var e *emulator
		if e, err = startOnce(ctx, folder, command); err == nil {
			return e, nil
		}
	}
	return nil, err
}

// holdScript runs its arguments until its standard input ends.
const holdScript = `"$@" & cat >/dev/null; kill -9 $!`

func startOnce(ctx context.Context, folder string, command []string) (*emulator, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	output, err := os.CreateTemp("", "dynamotest-*.log")
	if err != nil {
		return nil, err
	}
	defer os.Remove(output.Name()) // on unix the emulator goes on writing to it, unseen
	defer output.Close()
	held, lifeline, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer held.Close()

	args := append([]string{"-c", holdScript, "sh"}, command...)
	cmd := exec.Command("sh", append(args, port)...)
	cmd.Dir = folder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = held, output, output
	if err := cmd.Start(); err != nil {
		lifeline.Close()
		return nil, err
	}
	e := &emulator{endpoint: "http://127.0.0.1:" + port, lifeline: lifeline}
	if err := e.await(ctx, output.Name()); err != nil {
		lifeline.Close()
		return nil, errors.Join(err, cmd.Wait())
	}
	return e, nil
}

// await returns when the emulator answers, or tells why it does not.
func (e *emulator) await(ctx context.Context, output string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		said, err := os.ReadFile(output)
		if err != nil {
			return err
		}
		// It stays alive after an exception, without listening.
		if strings.Contains(string(said), "Exception") || strings.Contains(string(said), "Error:") {
			return fmt.Errorf("the emulator did not start: %s", said)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.endpoint, nil)
		if err != nil {
			return err
		}
		if resp, err := client.Do(req); err == nil {
			return resp.Body.Close() // any answer will do: this one is a refusal
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the emulator did not answer within %v: %w: %s", startTime, ctx.Err(), said)
		case <-time.After(pollTime):
		}
	}
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

package acceptance_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/handlertest"
)

const dirEnv = "DYNAMOSLOG_TEST_DIR" // where a process that a test starts has its files

// TestMain runs the tests, or what a test starts as another process.
func TestMain(m *testing.M) {
	if os.Getenv(killEnv) != "" {
		exit(runKilled())
	} else if how := os.Getenv(endEnv); how != "" {
		exit(runEnding(how))
	} else if how := os.Getenv(lastEnv); how != "" {
		exit(runLastWords(how))
	} else if how := os.Getenv(childEnv); how != "" {
		runChild(how)
	} else {
		handlertest.Main(m)
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

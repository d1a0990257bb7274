//go:build !unix

package cli_test

import (
	"testing"
	"time"
)

// processorTime is not told here.
func processorTime(testing.TB) time.Duration { return 0 }

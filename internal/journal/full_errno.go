//go:build !plan9 && !windows

package journal

import (
	"errors"
	"syscall"
)

// isFull reports whether an error says that the disk is full.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) }

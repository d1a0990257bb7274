//go:build !darwin && !linux

package journal

import (
	"errors"
	"os"
)

const canMap = false

func (y *system) allocate(file *os.File, size int64) error { return y.blank(file, size) }

func (y *system) mmap(*os.File, int64, bool) ([]byte, error) { return nil, errors.ErrUnsupported }

func munmap([]byte) error { return nil }

func msync([]byte) error { return nil }

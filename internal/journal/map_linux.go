package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate gives a file of size bytes its place on the disk. Those that it already
// had keep what is in them.
func (y *system) allocate(file *os.File, size int64) error {
	if err := y.check("allocate", file.Name()); err != nil {
		return err
	}
	for {
		err := unix.Fallocate(int(file.Fd()), 0, 0, size)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return y.blank(file, size)
		case err != nil:
			return &os.PathError{Op: "fallocate", Path: file.Name(), Err: err}
		default:
			return nil
		}
	}
}

// populate makes all pages of a mapping present, where the kernel can (5.14).
func populate(data []byte) bool {
	return unix.Madvise(data, unix.MADV_POPULATE_WRITE) == nil
}

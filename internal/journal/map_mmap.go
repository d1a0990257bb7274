//go:build darwin || linux

package journal

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const canMap = true

// mmap maps a file that is size bytes long and has its place on the disk. All of
// it reads as zeros then, and is present: the first write to a page costs nothing.
func (y *system) mmap(file *os.File, size int64, fresh bool) ([]byte, error) {
	if err := y.check("mmap", file.Name()); err != nil {
		return nil, err
	}
	flags := unix.MAP_SHARED
	if y.private {
		flags = unix.MAP_PRIVATE
	}
	data, err := unix.Mmap(int(file.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil {
		return nil, &os.PathError{Op: "mmap", Path: file.Name(), Err: err}
	}
	if populate(data) && fresh {
		return data, nil
	}
	if err := guard(func() { clear(data) }); err != nil {
		_ = unix.Munmap(data)
		return nil, fmt.Errorf("mmap %s: %w", file.Name(), err)
	}
	return data, nil
}

func munmap(data []byte) error { return unix.Munmap(data) }

func msync(data []byte) error { return unix.Msync(data, unix.MS_SYNC) }

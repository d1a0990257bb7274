package journal

import (
	"fmt"
	"os"
	"runtime/debug"
)

// A system is the way to the files. Its zero value goes to the real ones; tests
// make it fail.
type system struct {
	fault    func(op, path string) error // asked before each operation
	private  bool                        // mappings never reach their files
	unmapped bool                        // records are written, not copied to a mapping
}

func (y *system) check(op, path string) error {
	if y.fault == nil {
		return nil
	}
	if err := y.fault(op, path); err != nil {
		return &os.PathError{Op: op, Path: path, Err: err}
	}
	return nil
}

func (y *system) mkdirAll(path string) error {
	if err := y.check("mkdir", path); err != nil {
		return err
	}
	return os.MkdirAll(path, 0o700)
}

func (y *system) mkdir(path string) error {
	if err := y.check("mkdir", path); err != nil {
		return err
	}
	return os.Mkdir(path, 0o700)
}

func (y *system) remove(path string) error {
	if err := y.check("remove", path); err != nil {
		return err
	}
	return os.Remove(path)
}

func (y *system) write(file *os.File, b []byte, off int64) error {
	if err := y.check("write", file.Name()); err != nil {
		return err
	}
	_, err := file.WriteAt(b, off)
	return err
}

// blank makes a file size zeros that have their place on the disk: a mapping of
// a sparse file faults when the disk is full.
func (y *system) blank(file *os.File, size int64) error {
	if err := y.check("allocate", file.Name()); err != nil {
		return err
	}
	if err := file.Truncate(size); err != nil {
		return err
	}
	zeros := make([]byte, min(size, 1<<20))
	for off := int64(0); off < size; off += int64(len(zeros)) {
		if _, err := file.WriteAt(zeros[:min(size-off, int64(len(zeros)))], off); err != nil {
			return err
		}
	}
	return nil
}

// guard turns a fault in a mapping into an error.
func guard(f func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	f()
	return nil
}

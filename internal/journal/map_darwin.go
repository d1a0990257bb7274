package journal

import "os"

// allocate gives a file of size bytes its place on the disk, by writing zeros.
func (y *system) allocate(file *os.File, size int64) error { return y.blank(file, size) }

func populate([]byte) bool { return false }

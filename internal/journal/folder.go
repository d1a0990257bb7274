package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

const (
	lockName     = "lock"
	storedName   = "stored"      // names the segments of which everything is kept elsewhere
	segmentName  = "%016x.seg"   // by sequence number
	newSuffix    = ".new"        // of a file that is not complete yet
	unusedName   = "%016x.spare" // not of the log: being made, or waiting to be recycled
	folderPrefix = "log-"
)

var (
	folderPattern  = regexp.MustCompile(`^log-\d{8}T\d{6}\.\d{9}-[0-9a-f]{16}$`)
	segmentPattern = regexp.MustCompile(`^[0-9a-f]{16}\.seg$`)
	unusedPattern  = regexp.MustCompile(`^[0-9a-f]{16}\.spare$`)
)

// A folder is the directory of one log, locked as long as it is in use.
type folder struct {
	path string
	lock *os.File
	info os.FileInfo // of lock
}

// makeFolder makes and locks a folder of its own in dir. Its name sorts by time.
func makeFolder(sys *system, dir string) (*folder, error) {
	if err := sys.mkdirAll(dir); err != nil {
		return nil, err
	}
	const tries = 10 // somebody may adopt the folder before it is locked, as one left behind
	for range tries {
		name := fmt.Sprintf("%s%s-%016x", folderPrefix,
			time.Now().UTC().Format("20060102T150405.000000000"), random())
		path := filepath.Join(dir, name)
		if err := sys.mkdir(path); err != nil {
			return nil, err
		}
		f, err := lockFolder(sys, path, os.O_CREATE)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(filepath.Join(path, lockName))
			_ = os.Remove(path)
			return nil, err
		}
		if f != nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("journal: %s: no folder could be locked", dir)
}

// lockFolder takes the lock of a folder. It returns nil where another has it, or
// has removed it meanwhile.
func lockFolder(sys *system, path string, flag int) (*folder, error) {
	lock, err := sys.open(filepath.Join(path, lockName), os.O_RDWR|flag)
	if err != nil {
		return nil, err
	}
	f := &folder{path: path, lock: lock}
	locked, err := tryLock(lock)
	if err == nil && locked {
		f.info, err = lock.Stat()
	}
	if err == nil && locked && f.there() {
		return f, nil
	}
	_ = lock.Close()
	return nil, err
}

// there says whether the folder is still the one that is locked.
func (f *folder) there() bool { return names(filepath.Join(f.path, lockName), f.info) }

// names says whether path is the name of a certain file.
func names(path string, info os.FileInfo) bool {
	found, err := os.Stat(path)
	return err == nil && os.SameFile(found, info)
}

// segments lists the names of the folder's segments, the oldest first.
func (f *folder) segments() ([]string, error) { return f.list(segmentPattern) }

func (f *folder) list(pattern *regexp.Regexp) ([]string, error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if pattern.MatchString(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// remove deletes the folder, whose segments are gone, and releases its lock.
// What others put there stays, and so does the folder then.
func (f *folder) remove(sys *system) error {
	unused, err := f.list(unusedPattern)
	for _, name := range unused {
		err = errors.Join(err, missingIsFine(sys.remove(filepath.Join(f.path, name))))
	}
	err = errors.Join(err, missingIsFine(sys.remove(filepath.Join(f.path, storedName+newSuffix))))
	lock := filepath.Join(f.path, lockName)
	err = errors.Join(err, f.lock.Close()) // an open file cannot be removed everywhere
	err = errors.Join(err, missingIsFine(sys.remove(lock)))
	if left, _ := os.ReadDir(f.path); err == nil && len(left) > 0 {
		return nil
	}
	return errors.Join(err, missingIsFine(sys.remove(f.path)))
}

func (f *folder) release() error { return f.lock.Close() }

func missingIsFine(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

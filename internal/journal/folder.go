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

// errPlanted says that something is none of what this package makes. Where others may
// write to the directory, a link there could lead anywhere.
var errPlanted = errors.New("it is a link, of another kind, or another user's, and is left alone; remove it")

// A folder is the directory of one log, locked as long as it is in use. Its files are
// reached by way of root, which leads nowhere else whatever becomes of path.
type folder struct {
	path string
	root *os.Root
	self os.FileInfo
	lock *os.File
	info os.FileInfo // of lock
}

// openFolder opens a folder that is there, which is not locked by that.
func openFolder(path string) (*folder, error) {
	found, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !found.IsDir() || !ours(found) {
		return nil, fmt.Errorf("%s: %w", path, errPlanted)
	}
	f := &folder{path: path}
	if f.root, err = os.OpenRoot(path); err != nil {
		return nil, err
	}
	if f.self, err = f.root.Stat("."); err == nil && !os.SameFile(found, f.self) {
		err = fmt.Errorf("%s: %w", path, errPlanted)
	}
	if err != nil {
		_ = f.root.Close()
		return nil, err
	}
	return f, nil
}

// examine returns what a file is, which must be one that this package can have made.
func (f *folder) examine(name string) (os.FileInfo, error) {
	found, err := f.root.Lstat(name)
	if err == nil && (!found.Mode().IsRegular() || !ours(found)) {
		err = fmt.Errorf("%s: %w", filepath.Join(f.path, name), errPlanted)
	}
	return found, err
}

// open opens a file that is there.
func (f *folder) open(sys *system, name string, flag int) (*os.File, error) {
	if err := sys.check("open", filepath.Join(f.path, name)); err != nil {
		return nil, err
	}
	found, err := f.examine(name)
	if err != nil {
		return nil, err
	}
	file, err := f.root.OpenFile(name, flag, 0)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !os.SameFile(info, found) {
		return nil, errors.Join(fmt.Errorf("%s: %w", file.Name(), errPlanted), err, file.Close())
	}
	return file, nil
}

// create makes a file, in place of one of that name.
func (f *folder) create(sys *system, name string) (*os.File, error) {
	if err := sys.check("open", filepath.Join(f.path, name)); err != nil {
		return nil, err
	}
	if _, err := f.examine(name); err == nil {
		err = f.root.Remove(name)
		if err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// remove removes a file. One that is not there is fine.
func (f *folder) remove(sys *system, name string) error {
	if err := sys.check("remove", filepath.Join(f.path, name)); err != nil {
		return missingIsFine(err)
	}
	if _, err := f.examine(name); err != nil {
		return missingIsFine(err)
	}
	return missingIsFine(f.root.Remove(name))
}

func (f *folder) rename(sys *system, from, to string) error {
	if err := sys.check("rename", filepath.Join(f.path, from)); err != nil {
		return err
	}
	for _, name := range []string{from, to} {
		if _, err := f.examine(name); err != nil && (name == from || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	return f.root.Rename(from, to)
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
		f, err := lockFolder(sys, path, true)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(path) // it is empty, or stays
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
func lockFolder(sys *system, path string, create bool) (*folder, error) {
	f, err := openFolder(path)
	if err != nil {
		return nil, err
	}
	locked := false
	if f.lock, err = f.openLock(sys, create); err == nil {
		locked, err = tryLock(f.lock)
	}
	if err == nil && locked {
		f.info, err = f.lock.Stat()
	}
	if err == nil && locked && f.there() {
		return f, nil
	}
	if create && err != nil && f.lock != nil {
		_ = f.root.Remove(lockName)
	}
	_ = f.release()
	return nil, err
}

func (f *folder) openLock(sys *system, create bool) (*os.File, error) {
	file, err := f.open(sys, lockName, os.O_RDWR)
	if !create || !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	file, err = f.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) { // another was faster
		return f.open(sys, lockName, os.O_RDWR)
	}
	return file, err
}

// there says whether the folder is still the one that is locked.
func (f *folder) there() bool {
	found, err := os.Lstat(f.path)
	return err == nil && os.SameFile(found, f.self) && f.names(lockName, f.info)
}

// names says whether name is that of a certain file.
func (f *folder) names(name string, info os.FileInfo) bool {
	found, err := f.root.Lstat(name)
	return err == nil && os.SameFile(found, info)
}

// segments lists the names of the folder's segments, the oldest first.
func (f *folder) segments() ([]string, error) { return f.list(segmentPattern) }

func (f *folder) list(pattern *regexp.Regexp) ([]string, error) {
	entries, err := fs.ReadDir(f.root.FS(), ".")
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

// end deletes the folder, whose segments are gone, and releases its lock. What others
// put there stays, and so does the folder then.
func (f *folder) end(sys *system) error {
	unused, err := f.list(unusedPattern)
	for _, name := range append(unused, storedName+newSuffix) {
		if removeErr := f.remove(sys, name); !errors.Is(removeErr, errPlanted) {
			err = errors.Join(err, removeErr)
		}
	}
	err = errors.Join(err, f.lock.Close()) // an open file cannot be removed everywhere
	err = errors.Join(err, f.remove(sys, lockName))
	left, _ := fs.ReadDir(f.root.FS(), ".")
	found, lstatErr := os.Lstat(f.path)
	stays := err == nil && len(left) > 0 || lstatErr != nil || !os.SameFile(found, f.self)
	err = errors.Join(err, f.root.Close())
	if stays {
		return err
	}
	return errors.Join(err, missingIsFine(sys.remove(f.path)))
}

func (f *folder) release() error {
	var err error
	if f.lock != nil {
		err = f.lock.Close()
	}
	return errors.Join(err, f.root.Close())
}

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

package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Remains are a log that its process left behind. They are locked: no other
// process adopts them until Remove or Close.
type Remains struct {
	folder   *folder
	sys      *system
	segments []leftSegment // by position
	listed   Damage        // files that are no segments, or could not be opened

	mu     sync.Mutex
	damage Damage
	kept   map[string]error // files that could not be read, by name
	file   *os.File         // of the last Read
	opened string           // its name
}

type leftSegment struct {
	identity
	name string
}

// Adopt locks and returns the logs in dir whose processes are gone, the oldest
// first. Those in use, or being adopted by another process, are left out, and so
// are those of a newer version, which the error tells of; it may come with some
// remains. It tells as well of folders that are links or another user's, and of links
// in a folder: whoever may write to dir can put them there. None is followed, and
// nothing is removed by way of one. A missing dir holds none. The caller ends each by Remove or Close.
func Adopt(dir string) ([]*Remains, error) { return adoptAll(new(system), dir) }

func adoptAll(sys *system, dir string) ([]*Remains, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []*Remains
	for _, entry := range entries {
		if !folderPattern.MatchString(entry.Name()) {
			continue
		}
		r, adoptErr := adopt(sys, filepath.Join(dir, entry.Name()))
		if adoptErr != nil {
			err = errors.Join(err, fmt.Errorf("journal: %w", adoptErr))
		}
		if r != nil {
			all = append(all, r)
		}
	}
	return all, err
}

// adopt returns nil where there is nothing to recover.
func adopt(sys *system, path string) (*Remains, error) {
	f, err := lockFolder(sys, path, false)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = lockLockless(sys, path)
	}
	if f == nil || err != nil {
		return nil, missingIsFine(err)
	}
	r := &Remains{folder: f, sys: sys, kept: make(map[string]error)}
	if err := errors.Join(r.removeStored(), r.list()); err != nil {
		return nil, errors.Join(err, f.release())
	}
	if len(r.segments) == 0 && r.listed.Files == 0 {
		return nil, f.end(sys)
	}
	return r, nil
}

// lockLockless makes the lock of a folder that has none: its process died before it
// made one, and then the folder is empty, or somebody removed it.
func lockLockless(sys *system, path string) (*folder, error) {
	if f, err := openFolder(path); err != nil {
		return nil, err
	} else if left, err := f.segments(); err != nil || len(left) == 0 {
		err = errors.Join(err, f.release())
		_ = os.Remove(path) // where it is empty
		return nil, err
	} else if err := f.release(); err != nil {
		return nil, err
	}
	return lockFolder(sys, path, true)
}

func (r *Remains) list() error {
	names, err := r.folder.segments()
	if err != nil {
		return err
	}
	for _, name := range names {
		id, size, err := r.identify(name)
		switch {
		case errors.Is(err, ErrVersion):
			return fmt.Errorf("%s: %w", filepath.Join(r.folder.path, name), err)
		case errors.Is(err, errForeign):
			r.listed.Files++
			r.listed.Bytes += size
		case err != nil:
			r.listed.Files++
			r.listed.Err = errors.Join(r.listed.Err, err)
			r.kept[name] = err
		default:
			r.segments = append(r.segments, leftSegment{id, name})
		}
	}
	slices.SortStableFunc(r.segments, func(a, b leftSegment) int { return cmp.Compare(a.base(), b.base()) })
	all := len(r.segments)
	r.segments = slices.CompactFunc(r.segments, func(a, b leftSegment) bool { return a.seq == b.seq })
	r.listed.Files += all - len(r.segments) // copies
	r.damage = r.listed
	return nil
}

// identify reads the header at the beginning of a file, or the one at its end.
func (r *Remains) identify(name string) (id identity, size int64, err error) {
	file, err := r.folder.open(new(system), name, os.O_RDONLY)
	if err != nil {
		return identity{}, 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return identity{}, 0, err
	}
	b := make([]byte, headerSize)
	for _, off := range []int64{0, info.Size() - headerSize} {
		if off < 0 {
			continue
		}
		if n, err := file.ReadAt(b, off); err != nil && !errors.Is(err, io.EOF) {
			return identity{}, 0, err
		} else if id, err := parseHeader(b[:n]); !errors.Is(err, errForeign) {
			return id, info.Size(), err
		}
	}
	return identity{}, info.Size(), errForeign
}

// All yields every intact record in the order of positions. A payload is valid
// until the next one.
func (r *Remains) All() iter.Seq2[Position, []byte] {
	return func(yield func(Position, []byte) bool) {
		damage := r.listed
		var buf []byte
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.damage = damage
		}()
		for i := range r.segments {
			s := &r.segments[i]
			var err error
			if buf, err = r.load(s, buf); err != nil {
				damage.Files++
				damage.Err = errors.Join(damage.Err, err)
				r.mu.Lock()
				r.kept[s.name] = err
				r.mu.Unlock()
				continue
			}
			if short := s.size - int64(len(buf)); short > 0 {
				damage.Files++
				damage.Bytes += short
			}
			for off, payload := range s.records(buf, &damage) {
				if !yield(s.base()+Position(off), payload) {
					return
				}
			}
		}
	}
}

// load reads a segment, as far as the file goes.
func (r *Remains) load(s *leftSegment, buf []byte) ([]byte, error) {
	file, err := r.folder.open(new(system), s.name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if int64(cap(buf)) < s.size {
		buf = make([]byte, s.size)
	}
	n, err := io.ReadFull(file, buf[:s.size])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return buf[:n], err
}

// Read appends the payload of a record to buf, which it returns as it was on an
// error.
func (r *Remains) Read(pos Position, buf []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.segments {
		s := &r.segments[i]
		if pos < s.base() || pos >= s.base()+Position(s.size) {
			continue
		}
		if r.opened != s.name {
			r.closeFile()
			file, err := r.folder.open(new(system), s.name, os.O_RDONLY)
			if err != nil {
				return buf, err
			}
			r.file, r.opened = file, s.name
		}
		return s.read(r.file, int64(pos-s.base()), buf)
	}
	return buf, ErrFreed
}

func (r *Remains) closeFile() {
	if r.file != nil {
		_ = r.file.Close()
	}
	r.file, r.opened = nil, ""
}

// Refused reports whether a record found no room when the log was written, or could
// not be written: what is left is then not all that its process did. Appends that
// failed before the oldest record that is left are forgotten.
func (r *Remains) Refused() bool {
	return slices.ContainsFunc(r.segments, func(s leftSegment) bool { return s.refused })
}

// Damage returns what All found besides intact records, the last time it ran to its
// end; before that, only the files that are no segments.
func (r *Remains) Damage() Damage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.damage
}

// Remove deletes the remains, once their records are kept elsewhere, and releases
// them. Files that could not be read stay, for another time.
func (r *Remains) Remove() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closeFile()
	names, err := r.folder.segments()
	names = slices.DeleteFunc(names, func(name string) bool { return r.kept[name] != nil })
	if err == nil {
		err = r.markStored(names)
	}
	if err == nil {
		err = r.removeStored()
	}
	if err != nil || len(r.kept) > 0 {
		for _, kept := range r.kept {
			err = errors.Join(err, kept)
		}
		return errors.Join(err, r.folder.release())
	}
	return r.folder.end(r.sys)
}

// markStored notes which segments are to be deleted: all of them, or none. What is
// in the last of three would be taken for all that there is, if the process died
// when two are deleted.
func (r *Remains) markStored(names []string) error {
	file, err := r.folder.create(r.sys, storedName+newSuffix)
	if err != nil {
		return err
	}
	err = r.sys.write(file, []byte(strings.Join(names, "\n")), 0)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = r.folder.rename(r.sys, storedName+newSuffix, storedName)
	}
	if err == nil {
		err = syncFolder(r.folder.root)
	}
	return err
}

// removeStored deletes what is noted, and then the note.
func (r *Remains) removeStored() error {
	if _, err := r.folder.examine(storedName); err != nil {
		return missingIsFine(err)
	}
	names, err := r.folder.root.ReadFile(storedName)
	if err != nil {
		return missingIsFine(err)
	}
	for name := range strings.Lines(string(names)) {
		if name = strings.TrimSuffix(name, "\n"); segmentPattern.MatchString(name) {
			err = errors.Join(err, r.folder.remove(r.sys, name))
		}
	}
	if err != nil {
		return err
	}
	return r.folder.remove(r.sys, storedName)
}

// Close releases the remains, for another to adopt.
func (r *Remains) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closeFile()
	return r.folder.release()
}

package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// make makes the file of the next segment, of a spare one if there is. It gets its
// name when it is ready: until then its records are none.
func (k *keeper) make() (*segment, error) {
	if k.folder == nil {
		f, err := makeFolder(k.sys, k.log.dir)
		if err != nil {
			return nil, err
		}
		k.folder = f
	}
	unused, fresh := fmt.Sprintf(unusedName, k.sequence), true
	if n := len(k.spares); n > 0 {
		unused, fresh = k.spares[n-1], false
		k.spares = k.spares[:n-1]
	}
	s := &segment{
		identity: newIdentity(int64(k.log.opts.SegmentSize), k.sequence, random()),
		folder:   k.folder,
		name:     fmt.Sprintf(segmentName, k.sequence),
	}
	s.room.reserved.Store(headerSize)
	if err := k.fill(s, unused, fresh); err != nil {
		k.discard(s)
		_ = s.folder.remove(new(system), unused)
		if errors.Is(err, errPlanted) {
			k.sequence++ // goes on beside it
		}
		return nil, err
	}
	k.sequence++
	return s, nil
}

func (k *keeper) fill(s *segment, unused string, fresh bool) (err error) {
	var file *os.File
	if fresh {
		file, err = s.folder.create(k.sys, unused)
	} else {
		file, err = s.folder.open(k.sys, unused, os.O_RDWR)
	}
	if err != nil {
		return err
	}
	s.file.Store(file)
	if err := k.space(s, file, fresh); err != nil {
		return err
	}
	header := s.header()
	if err := k.sys.write(file, header, 0); err != nil {
		return err
	}
	if err := k.sys.write(file, header, s.end()); err != nil {
		return err
	}
	durable := k.log.opts.Sync > 0
	if durable {
		if err := file.Sync(); err != nil {
			return err
		}
	}
	if s.data == nil { // where files are not mapped, an open one perhaps cannot be renamed
		_ = file.Close()
	}
	if err := s.folder.rename(k.sys, unused, s.name); err != nil {
		return err
	}
	if s.data == nil {
		if file, err = s.folder.open(k.sys, s.name, os.O_RDWR); err != nil {
			return err
		}
		s.file.Store(file)
	}
	if durable {
		if err := syncFolder(s.folder.root); err != nil {
			return err
		}
	}
	s.info, err = file.Stat()
	return err
}

// space makes room for the segment: zeros, mapped where that is possible.
func (k *keeper) space(s *segment, file *os.File, fresh bool) error {
	if canMap && !k.sys.unmapped {
		if err := k.sys.allocate(file, s.size); err != nil {
			return err
		}
		data, err := k.sys.mmap(file, s.size, fresh)
		if err == nil {
			s.data = data
			return nil
		}
	}
	return k.sys.blank(file, s.size)
}

// discard gives up a segment without records.
func (k *keeper) discard(s *segment) {
	if s.data != nil {
		_ = munmap(s.data)
		s.data = nil
	}
	if file := s.file.Load(); file != nil {
		_ = file.Close()
	}
	_ = s.folder.remove(new(system), s.name)
}

// rescue copies a full segment whose file somebody removed, from the file that is
// still open, to where it can be found again.
func (k *keeper) rescue(s *segment) {
	name := fmt.Sprintf(segmentName, s.seq)
	unused := fmt.Sprintf(unusedName, s.seq)
	file, err := k.folder.create(k.sys, unused)
	if err != nil {
		return
	}
	old := s.file.Load()
	_, err = io.Copy(file, io.NewSectionReader(old, 0, s.size))
	err = errors.Join(err, file.Close())
	if err == nil {
		err = k.folder.rename(k.sys, unused, name)
	}
	if err == nil {
		file, err = k.folder.open(k.sys, name, os.O_RDWR)
	}
	if err != nil {
		_ = k.folder.remove(new(system), unused)
		return
	}
	if s.info, err = file.Stat(); err == nil {
		s.file.Store(file)
		s.folder, s.name, s.gone, s.synced = k.folder, name, false, 0
		_ = old.Close()
	}
}

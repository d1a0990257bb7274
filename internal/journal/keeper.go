package journal

import (
	"errors"
	"fmt"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/proflabel"
)

// A keeper makes, syncs and frees the segments of a log, on the log's goroutine. It
// alone does I/O besides the appends, and holds no lock meanwhile.
type keeper struct {
	log      *Log
	sys      *system
	folder   *folder
	sequence uint64   // of the segment made next
	spares   []string // names of files to be recycled

	making, freeing, syncing attempt
	lookAt                   time.Time // whether the files are still there

	event error // failed, but need not fail again
	told  bool  // OnError heard of a failure, and not of its end
}

// An attempt is something that is tried again some time after it failed.
type attempt struct {
	err error
	at  time.Time
}

func (a *attempt) due(now time.Time) bool { return !now.Before(a.at) }

func (k *keeper) run() {
	proflabel.Clear()
	l := k.log
	defer close(l.stopped)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-l.quit:
			return
		case <-timer.C:
		case <-l.wake:
		}
		now := time.Now()
		k.tend(now)
		k.report()
		timer.Reset(k.next().Sub(now))
	}
}

func (k *keeper) next() time.Time {
	next := k.lookAt
	if k.log.opts.Sync > 0 && k.syncing.at.Before(next) {
		next = k.syncing.at
	}
	return next
}

// tend does what is to be done.
func (k *keeper) tend(now time.Time) {
	l := k.log
	l.mu.Lock()
	asked := l.asked
	k.event = l.broken
	l.broken = nil
	if l.pause {
		l.pause = false
		k.making = attempt{k.event, now.Add(l.opts.retry)}
	}
	l.mu.Unlock()

	k.look(now)
	k.sync(now, false)
	k.settle(now)
	err := k.provide(now)

	l.mu.Lock()
	l.answered, l.answer = asked, err
	l.changed.Broadcast()
	l.mu.Unlock()
}

// report tells OnError when trouble begins and when it ends.
func (k *keeper) report() {
	err := k.event
	for _, a := range []attempt{k.making, k.freeing, k.syncing} {
		if err == nil {
			err = a.err
		}
	}
	if err == nil {
		err = k.log.Err()
	}
	if k.told == (err != nil) || errors.Is(err, ErrClosed) {
		return
	}
	k.told = err != nil
	if tell := k.log.opts.OnError; tell != nil {
		tell(err)
	}
}

// look notices files that somebody removed: appends to them would be for nothing.
func (k *keeper) look(now time.Time) {
	if now.Before(k.lookAt) {
		return
	}
	k.lookAt = now.Add(k.log.opts.retry)
	if k.folder == nil {
		return
	}
	if !k.folder.there() {
		k.event = fmt.Errorf("%w: %s was removed", ErrFailed, k.folder.path)
		_ = k.folder.release()
		k.folder, k.spares = nil, nil
	}
	l := k.log
	l.mu.Lock()
	next := l.next
	if next != nil && !k.keeps(next) {
		l.next = nil
	} else {
		next = nil
	}
	l.mu.Unlock()
	if next != nil {
		k.discard(next)
	}
	for _, s := range *l.live.Load() {
		if s.gone || k.keeps(s) {
			continue
		}
		s.gone = true
		if k.event == nil {
			k.event = fmt.Errorf("%w: %s was removed", ErrFailed, s.path())
		}
		s.seal() // also one that has just become the current one
	}
}

func (k *keeper) keeps(s *segment) bool {
	return s.folder == k.folder && s.folder.names(s.name, s.info)
}

// sync forces to the disk what was appended since the last time.
func (k *keeper) sync(now time.Time, force bool) {
	every := k.log.opts.Sync
	if every == 0 || !force && !k.syncing.due(now) {
		return
	}
	k.syncing = attempt{at: now.Add(every)}
	for _, s := range *k.log.live.Load() {
		written := s.written()
		if written == s.synced {
			continue
		}
		if err := k.syncSegment(s); err != nil {
			k.syncing.err = fmt.Errorf("%w: %w", ErrFailed, err)
			return
		}
		s.synced = written
	}
}

func (k *keeper) syncSegment(s *segment) error {
	if err := k.sys.check("sync", s.path()); err != nil {
		return err
	}
	if s.data != nil {
		return msync(s.data)
	}
	return s.file.Load().Sync()
}

// settle unmaps what is full and frees what nothing needs, strictly in order.
func (k *keeper) settle(now time.Time) {
	l := k.log
	for _, s := range *l.live.Load() {
		if s.full() && s.data != nil {
			_ = munmap(s.data)
			s.data = nil
		}
		if s.gone && k.folder != nil && s.full() {
			k.rescue(s)
		}
	}
	for k.freeing.due(now) || l.Err() == ErrFull {
		live := *l.live.Load()
		if len(live) == 0 || live[0] == l.current.Load() || !live[0].unused() {
			k.freeing = attempt{}
			return
		}
		// What says that these records are done must not be lost before they are.
		if k.sync(now, true); k.syncing.err != nil {
			return
		}
		if err := k.retire(live[0]); err != nil {
			k.freeing = attempt{fmt.Errorf("%w: %w", ErrFailed, err), now.Add(l.opts.retry)}
			return
		}
		l.mu.Lock()
		rest := (*l.live.Load())[1:]
		l.live.Store(&rest)
		l.mu.Unlock()
	}
}

// retire recycles or removes the file of a segment.
func (k *keeper) retire(s *segment) error {
	_ = s.file.Load().Close()
	if s.gone && s.folder != k.folder {
		return nil
	}
	if len(k.spares) >= maxSpares {
		return s.folder.remove(k.sys, s.name)
	}
	spare := fmt.Sprintf(unusedName, s.seq)
	err := s.folder.rename(k.sys, s.name, spare)
	if err == nil {
		k.spares = append(k.spares, spare)
	}
	return missingIsFine(err)
}

// provide sees to it that there is a current segment and a next one, and returns
// why there is none.
func (k *keeper) provide(now time.Time) error {
	l := k.log
	for {
		l.mu.Lock()
		if l.next != nil && l.current.Load() == nil && !l.closed {
			l.install(l.next)
		}
		full := l.full()
		if s := l.current.Load(); s != nil { // a full disk is a limit as well
			s.last.Store(full || isFull(k.making.err))
		}
		done := l.next != nil || l.closed
		l.mu.Unlock()
		switch {
		case done:
			return nil
		case full:
			k.refuse(ErrFull)
			return ErrFull
		case !k.making.due(now) && len(k.spares) == 0:
			k.refuse(k.making.err)
			return k.making.err
		}
		s, err := k.make()
		if err != nil {
			err = fmt.Errorf("%w: %w", ErrFailed, err)
			k.making = attempt{err, now.Add(l.opts.retry)}
			continue // with a spare one, if there is
		}
		k.making = attempt{}
		l.mu.Lock()
		l.next = s
		l.changed.Broadcast()
		l.mu.Unlock()
	}
}

// refuse renews the reason where appends are refused already.
func (k *keeper) refuse(err error) {
	l := k.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current.Load() == nil && err != nil {
		l.refuse(err)
	}
}

// close ends what the goroutine leaves behind.
func (k *keeper) close() error {
	l := k.log
	k.await()
	l.mu.Lock()
	next := l.next
	l.next = nil
	l.mu.Unlock()
	if next != nil {
		k.discard(next)
	}
	k.freeing, k.event = attempt{}, nil
	k.settle(time.Now())
	k.sync(time.Now(), true)
	err := errors.Join(k.freeing.err, k.syncing.err)
	live := *l.live.Load()
	l.mu.Lock()
	l.live.Store(new([]*segment))
	l.mu.Unlock()
	for _, s := range live {
		_ = s.file.Load().Close()
	}
	switch {
	case k.folder == nil:
		return err
	case len(live) == 0:
		return errors.Join(err, k.folder.end(k.sys))
	}
	for _, spare := range k.spares {
		err = errors.Join(err, k.folder.remove(k.sys, spare))
	}
	return errors.Join(err, k.folder.release())
}

// await waits for the appends that have begun. A mapping that is still written to
// after that is never unmapped.
func (k *keeper) await() {
	deadline := time.Now().Add(patience)
	for _, s := range *k.log.live.Load() {
		for !s.full() && time.Now().Before(deadline) {
			time.Sleep(100 * time.Microsecond)
		}
	}
}

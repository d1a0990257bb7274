// Package journal is an append-only log of opaque records in files, for what must
// outlive the process: a record whose Append returned is found by the next process
// even after kill -9.
//
// Records go to segments, files of one size that are mapped into memory, so that
// an Append is a copy. A segment is freed when nothing in it is pinned and all
// older ones are freed: a later record that says "the earlier one is done" always
// outlives the earlier one. Each [Log] has a folder of its own, locked while it is
// in use; [Adopt] finds the folders whose process is gone.
package journal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

var (
	ErrFull     = errors.New("journal: limit reached") // all segments are in use
	ErrTooLarge = errors.New("journal: record larger than a segment")
	ErrClosed   = errors.New("journal: closed")
	ErrFailed   = errors.New("journal: cannot be written") // wraps the file system's error
	ErrFreed    = errors.New("journal: record is no longer kept")
	ErrVersion  = errors.New("journal: written by a newer version")
)

// A Position is a record's place in its log: the sequence number of the segment
// times the size of a segment, plus an offset. It grows with every append of a series.
// Zero is no record.
type Position uint64

// Options of a log. The zero value is the default.
type Options struct {
	// Limit is how many bytes of disk all segments may take, those being prepared
	// included. Default 256 MiB; at least two segments.
	Limit int64

	// SegmentSize is the size of a segment in bytes; a record must fit in one.
	// Default 8 MiB, less for a small Limit; at most 1 GiB, rounded up to whole 4 KiB.
	SegmentSize int

	// Sync is how often what was appended is forced to the disk, in the background.
	// Default never: it survives the process's death, not the machine's.
	Sync time.Duration

	// OnError is called when appends fail or soon will, and with nil once the log
	// works again: not for each failure. It is called by the log's goroutine
	// without a lock held, should return soon, and must not call Close. Default none.
	OnError func(error)

	retry  time.Duration // between attempts while the file system fails, and looks at whether the files are still there
	system system
}

const (
	defaultLimit   = 256 << 20
	defaultSegment = 8 << 20
	defaultRetry   = 2 * time.Second
	patience       = time.Second // an append's, with the disk
	maxSpares      = 2
)

func (o Options) withDefaults() (Options, error) {
	if o.Limit == 0 {
		o.Limit = defaultLimit
	}
	if o.SegmentSize == 0 {
		o.SegmentSize = int(min(defaultSegment, max(o.Limit/4, minSegment)))
	}
	if o.SegmentSize < 0 || o.SegmentSize > maxSegment {
		return o, fmt.Errorf("journal: segment size %d", o.SegmentSize)
	}
	o.SegmentSize = (o.SegmentSize + minSegment - 1) &^ (minSegment - 1)
	if o.Limit/int64(o.SegmentSize) < 2 {
		return o, fmt.Errorf("journal: limit %d is less than two segments of %d", o.Limit, o.SegmentSize)
	}
	if o.Sync < 0 {
		return o, fmt.Errorf("journal: sync %v", o.Sync)
	}
	if o.retry == 0 {
		o.retry = defaultRetry
	}
	return o, nil
}

// A Log is a log that is being written. Its methods may be called by several
// goroutines at once.
type Log struct {
	opts     Options
	dir      string
	capacity int64 // of a segment, for records

	current atomic.Pointer[segment] // nil while appends are refused
	refusal atomic.Pointer[refusal] // why current is nil
	live    atomic.Pointer[[]*segment]

	// One lock guards the change of segments. Nobody does I/O under it, and who
	// waits for a segment releases it, so the keeper can always hand one over.
	mu       sync.Mutex
	changed  sync.Cond
	next     *segment // made ahead
	asked    uint64   // for a segment, by appenders
	answered uint64   // by the keeper
	late     *segment // whose successor took too long
	answer   error    // why there is no next one
	closed   bool
	broken   error // what an append met with
	pause    bool  // before the next segment is tried

	wake    chan struct{}
	quit    chan struct{}
	stopped chan struct{}
	keeper  keeper
}

type refusal struct{ err error }

// Open starts a log in a new folder in dir, which is made where it is missing. It
// fails only for options that make no sense: where the file system fails, the log
// refuses appends, tells OnError, and goes on trying.
func Open(dir string, opts Options) (*Log, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if dir == "" {
		return nil, errors.New("journal: no directory")
	}
	l := &Log{
		opts: opts, dir: dir,
		capacity: int64(opts.SegmentSize) - 2*headerSize,
		wake:     make(chan struct{}, 1),
		quit:     make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	l.changed.L = &l.mu
	l.live.Store(new([]*segment))
	l.refusal.Store(&refusal{ErrFailed})
	l.keeper = keeper{log: l, sys: &l.opts.system, sequence: 1}
	l.keeper.tend(time.Now())
	go l.keeper.run()
	return l, nil
}

// Append writes one record made of the given pieces and returns its position. Those of one
// series stand in the order in which they are appended, those of others anywhere among
// them. When pin is true the record's segment is pinned with it. What it returned for is safe
// from the process's death. It fails with ErrFull, ErrTooLarge, ErrClosed or an
// error that wraps ErrFailed, and may be called again at once: while the log
// fails, that costs next to nothing. Whoever reads what the process leaves is told
// that an append failed, by [Remains.Refused].
func (l *Log) Append(series uint64, pin bool, head []byte, message string, attrs []byte) (Position, error) {
	return l.append(series, pin, false, head, message, attrs)
}

// Conclude appends a record that says what became of a pinned one, and takes back
// one pin of that. It finds room where Append does not, as long as the other record
// stands in the oldest segment: the last segment that Limit allows is for these, as
// they make that one free. Where it fails the other record stays pinned.
func (l *Log) Conclude(series uint64, pinned Position, record []byte) error {
	if _, err := l.append(series, false, pinned < l.Tail(), record, "", nil); err != nil {
		return err
	}
	l.Unpin(pinned)
	return nil
}

func (l *Log) append(series uint64, pin, frees bool, head []byte, message string, attrs []byte) (Position, error) {
	at, err := l.tryAppend(series, pin, frees, head, message, attrs)
	if err != nil && !errors.Is(err, ErrClosed) {
		if live := *l.live.Load(); len(live) > 0 {
			live[len(live)-1].noteRefusal()
		}
	}
	return at, err
}

func (l *Log) tryAppend(series uint64, pin, frees bool, head []byte, message string, attrs []byte) (Position, error) {
	length := int64(len(head)) + int64(len(message)) + int64(len(attrs))
	size := recordSize(length)
	if size > l.capacity {
		return 0, ErrTooLarge
	}
	for failures := 0; ; {
		s := l.current.Load()
		if s == nil {
			return 0, l.refusal.Load().err
		}
		if !frees && s.last.Load() {
			return 0, ErrFull
		}
		to := s.shard(series)
		off, ok := s.reserve(to, size)
		if ok {
			err := s.put(off, length, head, message, attrs)
			if pin && err == nil {
				s.pins.Add(1)
			}
			if s.done(to, size) {
				l.wakeKeeper()
			}
			if err == nil {
				return s.base() + Position(off), nil
			}
			failures++
			if l.fail(s, err, failures > 1); failures > 1 {
				return 0, err
			}
		}
		l.rotate(s)
	}
}

// fail gives up a segment that cannot be written to. Where its successor is likely
// to be no better, appends are refused for a while.
func (l *Log) fail(s *segment, err error, again bool) {
	s.seal()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = err
	if again && l.current.Load() == s {
		l.refuse(err)
		l.pause = true
	}
	l.wakeKeeper()
}

// rotate replaces the current segment, if that is still the given one, by the
// next, for which it waits a little if it is not ready.
func (l *Log) rotate(old *segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current.Load() == old && l.next == nil {
		l.await(old)
	}
	if l.current.Load() != old {
		if old.full() { // with the place that was given up last
			l.wakeKeeper()
		}
		return
	}
	if l.next == nil {
		err := l.answer
		if err == nil {
			err = fmt.Errorf("%w: the disk is too slow", ErrFailed)
		}
		l.refuse(err)
	} else {
		l.install(l.next)
	}
	old.seal()
	l.wakeKeeper()
	l.changed.Broadcast()
}

// await waits until there is a next segment, or an answer that there is none, or
// patience is over.
func (l *Log) await(old *segment) {
	l.asked++
	asked := l.asked
	l.wakeKeeper()
	timer := time.AfterFunc(patience, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.late = old
		l.changed.Broadcast()
	})
	defer timer.Stop()
	for l.current.Load() == old && l.next == nil && l.answered < asked && l.late != old {
		l.changed.Wait()
	}
}

// refuse makes appends fail. Callers hold l.mu.
func (l *Log) refuse(err error) {
	if l.closed {
		err = ErrClosed
	}
	l.refusal.Store(&refusal{err})
	l.current.Store(nil)
}

// install makes a segment current. Callers hold l.mu.
func (l *Log) install(s *segment) {
	live := append(slices.Clip(*l.live.Load()), s)
	l.live.Store(&live)
	s.last.Store(l.full())
	l.next = nil
	l.current.Store(s)
}

// full says that Limit allows no more segments than there are.
func (l *Log) full() bool { return l.Size()+int64(l.opts.SegmentSize) > l.opts.Limit }

func (l *Log) wakeKeeper() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// find returns the live segment of a position, or nil.
func (l *Log) find(pos Position) *segment {
	live := *l.live.Load()
	sequence := uint64(pos) / uint64(l.opts.SegmentSize)
	i, ok := slices.BinarySearchFunc(live, sequence, func(s *segment, sequence uint64) int {
		return cmp.Compare(s.seq, sequence)
	})
	if !ok {
		return nil
	}
	return live[i]
}

// Pin keeps a record, and with it all later ones, until Unpin: it counts what still
// needs them. The record must be pinned already, or else may be gone: then Pin
// returns false and does nothing.
func (l *Log) Pin(pos Position) bool {
	s := l.find(pos)
	if s != nil {
		s.pins.Add(1)
	}
	return s != nil
}

// Unpin takes back one pin of a record.
func (l *Log) Unpin(pos Position) {
	s := l.find(pos)
	if s == nil {
		return
	}
	switch left := s.pins.Add(-1); {
	case left < 0:
		s.pins.Add(1) // was not pinned
	case left == 0 && s.full():
		l.wakeKeeper()
	}
}

// Read appends the payload of a record to buf: head, message and attrs in one. The
// record must be pinned while it is read. On an error buf is returned as it was.
func (l *Log) Read(pos Position, buf []byte) ([]byte, error) {
	s := l.find(pos)
	if s == nil {
		return buf, ErrFreed
	}
	return s.read(s.file.Load(), int64(pos-s.base()), buf)
}

// Whole says whether its files still have all that was written to them: nobody has cut
// one short or removed it.
func (l *Log) Whole() bool {
	for _, s := range *l.live.Load() {
		if !s.whole() {
			return false
		}
	}
	return true
}

// Outlives says whether a record would be found by Adopt, as far as the files tell now:
// a file that was removed can be read as long as it is open, and no longer. The record
// must be pinned.
func (l *Log) Outlives(pos Position) bool {
	s := l.find(pos)
	if s == nil || !s.named() {
		return false
	}
	_, err := s.read(s.file.Load(), int64(pos-s.base()), nil)
	return err == nil
}

// Oldest returns the position where the oldest segment begins: every record that is
// kept stands at it or later. It is zero where there is no segment.
func (l *Log) Oldest() Position {
	if live := *l.live.Load(); len(live) > 0 {
		return live[0].base()
	}
	return 0
}

// Tail returns the position where the oldest segment ends. Whoever pins a record
// before it keeps that segment, and all after it, from being freed.
func (l *Log) Tail() Position {
	if live := *l.live.Load(); len(live) > 0 {
		return live[0].base() + Position(live[0].size)
	}
	return 0
}

// Size returns how many bytes of disk the segments with records take. It does not
// count up to three segments that wait to be used.
func (l *Log) Size() int64 { return int64(len(*l.live.Load())) * int64(l.opts.SegmentSize) }

// Err returns why appends are refused at present, or nil.
func (l *Log) Err() error {
	if s := l.current.Load(); s != nil {
		if s.last.Load() {
			return ErrFull
		}
		return nil
	}
	return l.refusal.Load().err
}

// Close ends the log. Where something is pinned its files stay, and are found by
// Adopt; else its folder is removed. Appends fail from then on; those that have
// begun are waited for. Later calls do nothing.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.stopped
		return nil
	}
	l.closed = true
	current := l.current.Load()
	l.refuse(ErrClosed)
	l.changed.Broadcast()
	l.mu.Unlock()
	if current != nil {
		current.seal()
	}
	close(l.quit)
	<-l.stopped
	return l.keeper.close()
}

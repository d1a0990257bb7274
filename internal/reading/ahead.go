package reading

import (
	"context"
	"iter"
	"runtime"
	"sync"

	"github.com/dynamoslog/dynamoslog/story"
)

const (
	leastReaders = 4       // so that a store far away is not waited for story by story
	mostAhead    = 32      // stories that are read before they are asked for
	linesAhead   = 200_000 // of these together, but for the ones that are being read
)

// A Selection yields headers of a store, and the error that ends them.
type Selection func(context.Context, story.Store) iter.Seq2[story.Header, error]

// ReadAhead reads the stories of headers, calls look with each, and yields what that
// returns, in the order of the headers, up to the first error. Several are read, and looked
// at, at once, and some before they are asked for: headers and look are called on other
// goroutines, which end before the iteration does.
func ReadAhead[T any](ctx context.Context, store story.Store, headers Selection, look func(story.Story) T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var goroutines sync.WaitGroup
		defer goroutines.Wait()
		room := newRoom()
		defer room.close()
		defer cancel() // first, so that nothing more is read

		inOrder := make(chan *seen[T], mostAhead) // never full: there is room for as many
		toRead := make(chan *seen[T])
		goroutines.Go(func() {
			defer close(inOrder)
			defer close(toRead)
			for h, err := range headers(ctx, store) {
				s := &seen[T]{header: h, err: err, done: make(chan struct{}), lines: max(h.LineCount, 0)}
				if !room.enter(s.lines) {
					return
				}
				inOrder <- s
				if err != nil {
					close(s.done)
					return
				}
				toRead <- s
			}
		})
		for range readers() {
			goroutines.Go(func() {
				for s := range toRead {
					told := s.lines
					s.read(ctx, store, look)
					room.grow(s.lines - told)
					close(s.done)
				}
			})
		}
		for s := range inOrder {
			<-s.done
			if !yield(s.result, s.err) || s.err != nil {
				return
			}
			room.leave(s.lines)
		}
	}
}

// readers returns how many stories are read at once.
func readers() int { return max(leastReaders, runtime.GOMAXPROCS(0)) }

// A seen is a story that was read, or will be.
type seen[T any] struct {
	header story.Header
	done   chan struct{} // closed when what follows is set
	result T
	err    error
	lines  int // that it holds in memory; until it is read, what the header says
}

func (s *seen[T]) read(ctx context.Context, store story.Store, look func(story.Story) T) {
	whole, err := store.Read(ctx, s.header.Key, s.header.ID)
	if s.err = err; err == nil {
		s.result, s.lines = look(whole), len(whole.Lines)
	}
}

// A room bounds what is read ahead. It lets one story in, however large.
type room struct {
	mu      sync.Mutex
	left    sync.Cond // somebody has left, or it was closed
	stories int
	lines   int
	closed  bool
}

func newRoom() *room {
	r := &room{}
	r.left.L = &r.mu
	return r
}

// enter waits until there is room for a story of so many lines, and returns false where the
// room was closed.
func (r *room) enter(lines int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.closed && r.stories > 0 && (r.stories == mostAhead || r.lines+lines > linesAhead) {
		r.left.Wait()
	}
	r.stories++
	r.lines += lines
	return !r.closed
}

// grow counts lines of a story that nobody knew of when it entered.
func (r *room) grow(lines int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines += lines
}

func (r *room) leave(lines int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stories--
	r.lines -= lines
	r.left.Signal()
}

func (r *room) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.left.Signal()
}

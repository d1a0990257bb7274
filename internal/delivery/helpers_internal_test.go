package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/compose"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/internal/storylog"
	"github.com/dynamoslog/dynamoslog/story"
)

// noStories stands for a handler in which no story is open.
type noStories struct{}

func (noStories) Tend(time.Time) time.Time { return time.Time{} }
func (noStories) HandOver(story.State)     {}
func (noStories) Shed(bool, func() bool)   {}
func (noStories) Repin(storylog.Position)  {}

// An answer is what a store does with parts.
type answer func(parts []story.Part) error

func stores([]story.Part) error { return nil }

// fails is an answer that names every part of which the text or the key contains one of
// these.
func fails(outcome story.Outcome, err error, of ...string) answer {
	return func(parts []story.Part) error {
		failed := &story.PutError{}
		for i, p := range parts {
			if len(of) == 0 || slices.ContainsFunc(of, func(text string) bool { return strings.Contains(p.Key.ID+p.Text, text) }) {
				failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Outcome: outcome, Err: err})
			}
		}
		if len(failed.Failures) == 0 {
			return nil
		}
		return failed
	}
}

// says is an answer that names no part.
func says(err error) answer { return func([]story.Part) error { return err } }

// A scripted store answers its calls as it is told, and stores all that comes after that.
type scripted struct {
	story.Store
	answers []answer

	mu    sync.Mutex
	last  time.Time // when it was called
	calls []call
}

// A call is what was put, as the ids of the stories, and how long after the call before.
type call struct {
	ids   string
	after time.Duration
}

func (s *scripted) Put(_ context.Context, parts []story.Part) error {
	return s.note(parts)(parts)
}

// note notes a call and returns how it is answered.
func (s *scripted) note(parts []story.Part) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, p := range parts {
		ids = append(ids, p.Key.ID)
	}
	slices.Sort(ids)
	s.calls = append(s.calls, call{strings.Join(ids, " "), time.Since(s.last)})
	s.last = time.Now()
	if len(s.calls) > len(s.answers) {
		return stores
	}
	return s.answers[len(s.calls)-1]
}

// An output is a buffer that the fallback's goroutine writes to.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// done returns the calls so far.
func (s *scripted) done() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// A bench is a delivery to be tested.
type bench struct {
	*testing.T
	*Delivery
	store    *scripted
	fallback output
	mu       sync.Mutex
	heard    []string // by OnError
}

func newBench(t *testing.T, cfg Config, answers ...answer) *bench {
	b := &bench{T: t, store: &scripted{answers: answers, last: time.Now()}}
	cfg.Store, cfg.Context, cfg.Fallback = b.store, t.Context(), &b.fallback
	if cfg.MaxBuffered == 0 {
		cfg.MaxBuffered = 1 << 20
	}
	cfg.OnError = func(err error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.heard = append(b.heard, err.Error())
	}
	b.Delivery = New(cfg, noStories{})
	return b
}

// chunk makes a whole story of a line, whose budget is reserved as a handler does it.
func (b *bench) chunk(id string, level slog.Level, message string) *Chunk {
	k := b.NewChunk()
	k.Story = b.NewStory()
	*k.Header = story.Header{Key: story.Key{Kind: "job", ID: id}, ID: "1", State: story.Sealed, MaxLevel: level, Title: message}
	k.Place = compose.Whole
	k.Lines.Add(b.Lines, &linebuf.Meta{Level: level, Message: uint32(len(message))}, message, nil)
	b.Budget.Add(int64(k.Lines.Held))
	return k
}

// tell hands over a story of a line for each id.
func (b *bench) tell(ids ...string) {
	for _, id := range ids {
		b.HandOver(b.chunk(id, slog.LevelInfo, "of "+id))
	}
}

// end shuts the delivery down, when all should be stored.
func (b *bench) end() {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if left, err := b.Shutdown(ctx); left != nil || err != nil {
		b.Errorf("Shutdown: %+v, %v", left, err)
	}
	if held := b.Budget.Held(); held != 0 {
		b.Errorf("%d bytes are held at the end", held)
	}
}

// hears checks what OnError has heard of, by words of it, in order.
func (b *bench) hears(want ...string) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	same := len(b.heard) == len(want)
	for i := 0; same && i < len(want); i++ {
		same = strings.Contains(b.heard[i], want[i])
	}
	if !same {
		b.Errorf("OnError heard of %q, want %q", b.heard, want)
	}
}

var (
	errReset   = errors.New("connection reset")
	errBusy    = fmt.Errorf("slow down: %w", story.ErrBusy)
	errNoTable = fmt.Errorf("no table: %w", story.ErrUnusable)
	errBad     = errors.New("not an item")
)

package acceptance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
)

const (
	crashEnv     = "DYNAMOSLOG_CRASHES"    // random programs to be run, for a longer run by hand
	leastLimit   = 16 << 10                // of a journal, in which there is often no room
	crashSeedEnv = "DYNAMOSLOG_CRASH_SEED" // of the first one, to run it again
)

// A crashing program is one that tells random stories on a store that fails at random,
// and ends without notice, again and again. Its clock is a fake one, so that nothing
// moves while what a crash leaves is looked at.
type crashing struct {
	t     *testing.T
	r     *rand.Rand
	dir   string
	store *mortal
	all   *story.Memory // what the store holds, which outlives the process
	opts  dynamoslog.Options
	h     *dynamoslog.Handler
	log   *slog.Logger
	n     int

	open, ended []context.Context
	logged      map[int]loggedLine // by number
}

type loggedLine struct {
	id        string // of its story; empty if it is nobody's
	protected bool   // in the journal
	ended     bool   // it was late
}

// A mortal store ends with its process. What it stored stays.
type mortal struct {
	*story.Memory
	mu   sync.Mutex
	r    *rand.Rand
	dead atomic.Bool
	calm atomic.Bool // it does not fail
}

var errLost = errors.New("the answer is lost")

func (m *mortal) draw(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.r.IntN(n)
}

func (m *mortal) Put(ctx context.Context, parts []story.Part) error {
	if m.calm.Load() {
		return m.Memory.Put(ctx, parts)
	}
	if m.draw(20) == 0 {
		<-ctx.Done() // a call that hangs
	}
	if m.dead.Load() {
		return errors.New("the process has ended")
	}
	failed := &story.PutError{}
	for i, part := range parts {
		outcome := m.draw(10)
		if part.Key.ID == "hot" {
			outcome -= 5
		}
		if outcome > 2 || outcome == 0 { // also where the answer is lost
			if err := m.Memory.Put(ctx, []story.Part{part}); err != nil {
				return err
			}
		}
		switch {
		case outcome == 0:
			failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Err: errLost})
		case outcome < 3:
			failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Outcome: story.Busy, Err: fmt.Errorf("%w: as told", story.ErrBusy)})
		}
	}
	if len(failed.Failures) == 0 {
		return nil
	}
	return failed
}

func (m *mortal) Read(ctx context.Context, key story.Key, id string) (story.Story, error) {
	if m.dead.Load() || !m.calm.Load() && m.draw(4) == 0 {
		return story.Story{}, errors.New("cannot be read now")
	}
	return m.Memory.Read(ctx, key, id)
}

// start begins a process on what is left of the one before.
func (c *crashing) start(calm bool) {
	c.store = &mortal{Memory: c.all, r: rand.New(rand.NewPCG(c.r.Uint64(), 1))}
	c.store.calm.Store(calm)
	c.opts.Journal = c.dir
	c.h = dynamoslog.New(c.store, &c.opts)
	c.log = slog.New(c.h)
	c.open, c.ended = nil, nil
	c.line(context.Background(), c.log.With(dynamoslog.Key("app", "begins")), false)
}

// crash ends the process: what it has not written by now is gone.
func (c *crashing) crash() {
	synctest.Wait()
	left := filepath.Join(c.t.TempDir(), "journal")
	if err := os.CopyFS(left, os.DirFS(c.dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		c.t.Fatal(err)
	}
	c.store.dead.Store(true)
	c.dir = left
	h := c.h // ends meanwhile, and is heard of no more
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = h.Shutdown(ctx)
}

func (c *crashing) line(ctx context.Context, log *slog.Logger, late bool) {
	c.n++
	before := c.h.Stats().Unprotected
	log.InfoContext(ctx, strings.Repeat("x", c.r.IntN(300)), "n", c.n)
	c.logged[c.n] = loggedLine{dynamoslog.FromContext(ctx).ID(), c.h.Stats().Unprotected == before, late}
}

// act does something at random.
func (c *crashing) act() {
	switch action := c.r.IntN(24); {
	case action < 2 || len(c.open) == 0:
		id := any(c.r.IntN(5))
		if c.r.IntN(6) == 0 {
			id = "hot"
		}
		ctx, scope := dynamoslog.Begin(context.Background(), "job", id)
		if c.r.IntN(2) == 0 {
			scope.Also("order", c.r.IntN(3))
		}
		c.open = append(c.open, ctx)
	case action < 14:
		for range 1 + c.r.IntN(6) {
			c.line(c.open[c.r.IntN(len(c.open))], c.log, false)
		}
	case action < 16:
		i := c.r.IntN(len(c.open))
		dynamoslog.FromContext(c.open[i]).End()
		c.ended = append(c.ended, c.open[i])
		c.open = append(c.open[:i], c.open[i+1:]...)
	case action < 19 && len(c.ended) > 0:
		c.line(c.ended[c.r.IntN(len(c.ended))], c.log, true)
	case action == 19 && c.opts.JournalLimit > leastLimit: // else the journal does not tell all keys, and lines may be there twice
		dynamoslog.FromContext(c.open[c.r.IntN(len(c.open))]).Rekey("user", c.r.IntN(3))
	case action == 20:
		c.line(context.Background(), c.log.With(dynamoslog.Key("app", c.r.IntN(2))), false)
	case action == 21:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.r.IntN(3000))*time.Millisecond)
		_ = c.h.Flush(ctx) // as far as it goes
		cancel()
	default:
		time.Sleep(time.Duration(c.r.IntN(2000)) * time.Millisecond) // of the fake clock
	}
}

// numbers returns the lines that are stored, by number, with the id of their story.
func (c *crashing) numbers() map[int]string {
	partly := c.partly()
	found := make(map[int]string)
	for _, s := range allStories(c.t, c.all) {
		last, lastOffset := 0, time.Duration(0)
		for _, line := range s.Lines {
			value, _ := line.Attr("n")
			n, err := strconv.Atoi(value)
			if err != nil {
				continue // a line of the handler's own
			}
			if found[n] != "" {
				c.t.Errorf("line %d of %s is there twice, in %s", n, s.ID, s.Key)
			}
			if n < last && !c.logged[n].ended && (line.Offset < lastOffset && !partly[s.ID] || c.opts.JournalLimit > leastLimit) {
				c.t.Errorf("line %d of %s %s stands after line %d", n, s.Key, s.ID, last)
			}
			found[n], last, lastOffset = s.ID, n, line.Offset
		}
	}
	return found
}

// allStories returns all stories, those included that have moved to another key.
func allStories(t *testing.T, store story.PartReader) (all []story.Story) {
	t.Helper()
	keys := make(map[story.Key]bool)
	for _, kind := range []string{"job", "user"} {
		for _, id := range []string{"hot", "0", "1", "2", "3", "4"} {
			keys[story.NewKey(kind, id)] = true
		}
	}
	for _, id := range []string{"begins", "0", "1"} {
		keys[story.NewKey("app", id)] = true
	}
	for key := range keys {
		for h, err := range story.All(t.Context(), store, story.Query{Key: key, Limit: 1000}) {
			if err != nil {
				t.Fatal(err)
			}
			parts, err := store.ReadParts(t.Context(), h.Key, h.ID)
			if err != nil {
				t.Fatal(err)
			}
			parts[0].Header.Start = time.Time{}.Add(1) // old enough to be read with gaps
			all = append(all, story.Assemble(h.Key, h.ID, parts))
		}
	}
	return all
}

// partly returns the stories of which the journal had no room for some lines.
func (c *crashing) partly() map[string]bool {
	ids := make(map[string]bool)
	for _, line := range c.logged {
		if !line.protected {
			ids[line.id] = true
		}
	}
	return ids
}

// checkAliases checks that each story is listed under the keys that its header has, and
// that no alias leads nowhere.
func (c *crashing) checkAliases() {
	listed := make(map[string]bool)
	for id := range 3 {
		for h, err := range story.All(c.t.Context(), c.all, story.Query{Key: story.NewKey("order", fmt.Sprint(id)), Limit: 1000}) {
			if err != nil {
				c.t.Fatal(err)
			}
			listed[h.Key.String()+h.ID] = true
			if s, err := c.all.Read(c.t.Context(), h.Key, h.ID); err != nil || s.Key != h.Of || s.State != story.Open && !slices.Contains(s.Also, h.Key) {
				c.t.Errorf("%s is an alias of %s %s, which is %+v, %v", h.Key, h.Of, h.ID, s.Header, err)
			}
		}
	}
	partly := c.partly()
	for _, s := range allStories(c.t, c.all) {
		for _, key := range s.Also {
			if !listed[key.String()+s.ID] && !partly[s.ID] {
				c.t.Errorf("%s %s %s, of %d lines, is not listed under %s", s.Key, s.ID, s.State, len(s.Lines), key)
			}
		}
	}
}

// check compares what is stored in the end with what was logged, and with what was
// stored at a crash already.
func (c *crashing) check(before map[int]string) (lines int) {
	found := c.numbers()
	partly := c.partly()
	for n, line := range c.logged {
		lines++
		if found[n] == "" && (line.protected || before[n] != "") {
			c.t.Errorf("line %d of %s is lost: in the journal: %v, stored at the crash: %v, late: %v", n, line.id, line.protected, before[n] != "", line.ended)
		} else if found[n] != "" && line.id != "" && found[n] != line.id {
			c.t.Errorf("line %d of %s stands in %s", n, line.id, found[n])
		}
	}
	c.checkAliases()
	for _, s := range allStories(c.t, c.all) {
		// A journal without room may know nothing of a story that was open.
		open := s.State == story.Open && c.opts.JournalLimit > leastLimit
		if open || s.LineCount != len(s.Lines) && !partly[s.ID] && !(partly[""] && s.Key.Kind == "app") {
			c.t.Errorf("%s %s: %s, %d lines of %d", s.Key, s.ID, s.State, len(s.Lines), s.LineCount)
		}
	}
	return lines
}

func (c *crashing) run() (lines int) {
	stored := make(map[int]string)
	for range 1 + c.r.IntN(3) {
		c.start(false)
		for range c.r.IntN(150) {
			c.act()
		}
		c.crash()
		for n, id := range c.numbers() {
			stored[n] = id
		}
	}
	c.start(true)
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if err := c.h.Shutdown(ctx); err != nil {
		c.t.Errorf("the last process: %v", err)
	}
	return c.check(stored)
}

// Random programs that crash lose nothing that was in the journal or stored, whatever
// came late, found no room in the journal, or was answered too late.
func TestCrashes(t *testing.T) {
	programs := 150
	if handlertest.RaceDetector {
		programs = 50
	}
	if n, err := strconv.Atoi(os.Getenv(crashEnv)); err == nil {
		programs = n
	}
	lines := 0
	first := rand.Uint64()
	if n, err := strconv.ParseUint(os.Getenv(crashSeedEnv), 10, 64); err == nil {
		first = n
	}
	for i := range programs {
		seed := first + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 3))
				c := &crashing{t: t, r: r, dir: filepath.Join(t.TempDir(), "journal"), all: story.NewMemory(), logged: make(map[int]loggedLine)}
				c.opts = dynamoslog.Options{
					MaxStory: 500 + r.IntN(3000), MaxAge: time.Duration(1+r.IntN(60)) * time.Second, JournalLimit: leastLimit << (3 * r.IntN(4)),
					Fallback: &bytes.Buffer{}, OnError: func(error) {},
				}
				lines += c.run()
				if t.Failed() {
					t.Logf("limit %d, story %d", c.opts.JournalLimit, c.opts.MaxStory)
				}
			})
		})
	}
	t.Logf("%d programs, %d lines", programs, lines)
}

package compose

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

// say adds a line at a place in the tree.
func say(k *Chunk, level slog.Level, lane, frames, shared int, message, attrs string) {
	m := linebuf.Meta{Level: level, Lane: int32(lane), Place: linebuf.Place{Frames: frames, Shared: shared}, Message: uint32(len(message)), Attrs: uint32(len(attrs))}
	k.Lines.Add(&linebuf.Pool{}, &m, message, []byte(attrs))
	k.Header.MaxLevel = max(k.Header.MaxLevel, level)
}

// A teller writes stories down, with a resume between any two chunks as after a crash if
// resumes is set.
type teller struct {
	t       *testing.T
	c       *Composer
	resumes bool
	text    strings.Builder
	headers []story.Header
}

func (w *teller) tell(chunks ...*Chunk) {
	w.t.Helper()
	for _, k := range chunks {
		for _, p := range w.c.Parts(k, nil, scratch()).Parts {
			w.text.WriteString(p.Text)
			if p.Header != nil {
				w.headers = append(w.headers, *p.Header)
			}
		}
		if w.resumes {
			resume := w.c.AppendResume(nil)
			w.c = New(false)
			if err := w.c.Resume(resume); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

func (w *teller) last() story.Header { return w.headers[len(w.headers)-1] }

// However a story is cut, resumed and late, its header says what its lines do.
func TestCauseIsThatOfTheLines(t *testing.T) {
	levels := []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelInfo, slog.LevelInfo, slog.LevelWarn, slog.LevelWarn + 2, slog.LevelError}
	bad := 0
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := &teller{t: t, c: New(seed%3 == 0), resumes: seed%2 == 0}
		most := levels[:2+r.IntN(len(levels)-1)]
		level := slog.LevelDebug
		frames := make([]int, 3) // of the lines before, by lane
		chunks := 1 + r.IntN(4)
		for n := range chunks + r.IntN(2) {
			place := Middle
			switch {
			case n >= chunks:
				place = Late
			case chunks == 1:
				place = Whole
			case n == chunks-1:
				place = Last
			}
			k := chunk(place, 0)
			for i := range r.IntN(6) + 1 {
				lane := r.IntN(len(frames))
				f := 1 + r.IntN(6)
				if r.IntN(10) == 0 {
					f = 0 // its place is not known
				}
				say(k, most[r.IntN(len(most))], lane, f, r.IntN(min(f, frames[lane])+1), fmt.Sprintf("%c%c %d", 'a'+rune(r.IntN(3)), 'a'+rune(i), r.IntN(1e6)), "err=boom")
				if f > 0 {
					frames[lane] = f
				}
			}
			level = max(level, k.Header.MaxLevel)
			k.Header.MaxLevel = level // as a buffer has it
			w.tell(k)
		}
		lines := story.Parse(w.text.String())
		cause, id := story.CauseOf("user", lines)
		if got := w.last(); got.Cause != cause || got.Problem != id || cause != "" && got.MaxLevel != level {
			t.Fatalf("seed %d: got the cause %q and the problem %s at %v, want %q and %s at %v, of\n%s",
				seed, got.Cause, got.Problem, got.MaxLevel, cause, id, level, w.text.String())
		}
		if cause != "" {
			bad++
		}
	}
	if bad < 500 {
		t.Errorf("only %d stories were bad", bad)
	}
}

// An open header says what is known then, and a late line raises what is lower only.
func TestCauseOfEachHeader(t *testing.T) {
	for _, resumes := range []bool{false, true} {
		w := &teller{t: t, c: New(false), resumes: resumes}
		of := func(place Place, level slog.Level, message string) *Chunk {
			k := chunk(place, 0)
			say(k, level, 0, 1, 1, message, "")
			return k
		}
		late := of(Late, slog.LevelError+1, "worse")
		w.tell(of(Middle, slog.LevelWarn, "slow"), of(Middle, slog.LevelWarn, "slow again"), of(Last, slog.LevelError, "gone"), of(Late, slog.LevelError, "gone again"), late)
		var got []string
		for _, h := range w.headers {
			got = append(got, fmt.Sprintf("%s %v %s", h.State, h.MaxLevel, h.Cause))
		}
		if want := "[open WARN slow sealed ERROR gone sealed ERROR+1 worse]"; fmt.Sprint(got) != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
}

// A cause outlives the memory of the lines, which others use then.
func TestCauseIsKept(t *testing.T) {
	pool := &linebuf.Pool{}
	w := &teller{t: t, c: New(false)}
	for i, place := range []Place{Middle, Middle, Last} {
		k := chunk(place, 0)
		level, message := slog.LevelWarn, "gone"
		if i > 0 {
			level, message = slog.LevelInfo, strings.Repeat("x", 400)
		}
		m := linebuf.Meta{Level: level, Place: linebuf.Place{Frames: 1}, Message: uint32(len(message))}
		k.Lines.Grow(pool, 512)
		k.Lines.Add(pool, &m, message, nil)
		k.Header.MaxLevel = slog.LevelWarn
		w.tell(k)
		k.Lines.Release(pool)
		var other linebuf.Lines
		for range 10 {
			other.Grow(pool, 512)
			free := other.Free()[:512]
			for n := range free {
				free[n] = 'y'
			}
		}
		other.Release(pool)
	}
	if got := w.last(); got.Cause != "gone" {
		t.Errorf("got %+v", got)
	}
}

// Where a story moves, both headers say why; the problem is of the kind of each.
func TestCauseOfMovedStory(t *testing.T) {
	for _, resumes := range []bool{false, true} {
		w := &teller{t: t, c: New(false), resumes: resumes}
		first, last := chunk(Middle, 0), chunk(Last, 0)
		say(first, slog.LevelError, 0, 1, 1, "gone", "")
		say(last, slog.LevelWarn, 0, 1, 1, "slow", "")
		last.Header.Key, last.Header.MaxLevel = story.Key{Kind: "order", ID: "1"}, slog.LevelError
		w.tell(first, last)
		for _, h := range w.headers {
			_, id := story.CauseOf(h.Key.Kind, story.Parse("+0.000 E gone\n"))
			if h.Cause != "gone" || h.Problem != id {
				t.Errorf("%s of %s: got %q and %s, want gone and %s", h.State, h.Key, h.Cause, h.Problem, id)
			}
		}
		if len(w.headers) != 3 {
			t.Errorf("got %d headers, want 3", len(w.headers))
		}
	}
}

// The handler's own notes are no cause, and a line that was lost is none either.
func TestNoCause(t *testing.T) {
	w := &teller{t: t, c: New(false)}
	first, second := chunk(Middle, 0, "a"), chunk(Middle, 0)
	first.Dropped = 3
	say(second, slog.LevelWarn, 0, 1, 1, "slow", "")
	lost := chunk(Last, 0, "c")
	lost.Header.MaxLevel = slog.LevelError
	w.tell(first)
	if got := w.last(); got.Cause != "" || got.MaxLevel != slog.LevelInfo {
		t.Errorf("after a note: got %+v", got)
	}
	w.tell(second)
	if w.c.cause.text != "slow" {
		t.Errorf("got the cause %q, want that of the line, and not of the note before it", w.c.cause.text)
	}
	w.tell(lost)
	if got := w.last(); got.Cause != "" || got.Problem != "" || got.MaxLevel != slog.LevelError {
		t.Errorf("the line at the highest level is lost: got %+v", got)
	}
}

// A resume of before that has no cause; one is found as further lines come.
func TestResumeWithoutCause(t *testing.T) {
	c := New(false)
	first := chunk(Middle, 0, "a")
	say(first, slog.LevelError, 0, 6, 5, "gone", "")
	c.Parts(first, nil, scratch())
	full := c.AppendResume(nil)
	for i, b := range full { // the flags are the only number of this value there
		if b == flagWritten|flagLevel|flagCause {
			full[i] = flagWritten | flagLevel
			break
		}
	}
	w := &teller{t: t, c: New(false)}
	if err := w.c.Resume(full); err != nil || w.c.cause != nil || w.c.phase != written {
		t.Fatalf("got %+v, %v", w.c, err)
	}
	second := chunk(Last, 0)
	say(second, slog.LevelError+4, 0, 7, 6, "worse", "")
	w.tell(second)
	if got := w.last(); got.Cause != "worse" || got.Problem == "" {
		t.Errorf("got %+v", got)
	}
}

// What a store has of a story tells why it is bad, where the journal does not.
func TestReconciledCause(t *testing.T) {
	told := func(chunks ...*Chunk) (parts []story.Part) {
		c := New(false)
		for _, k := range chunks {
			for _, p := range c.Parts(k, nil, scratch()).Parts {
				parts = append(parts, p.Part)
			}
		}
		return parts
	}
	of := func(place Place, level slog.Level, message string) *Chunk {
		k := chunk(place, 0)
		say(k, level, 0, 1, 1, message, "")
		return k
	}
	stored := told(of(Middle, slog.LevelError, "gone"), of(Middle, slog.LevelInfo, "on"))
	old := told(of(Middle, slog.LevelError, "gone"))
	old[0].Header.Cause, old[0].Header.Problem = "", ""
	ended := told(of(Whole, slog.LevelWarn, "slow"))
	for name, test := range map[string]struct {
		stored []story.Part
		chunk  *Chunk
		want   string
	}{
		"in an open header":        {stored, of(Last, slog.LevelWarn, "slow"), "gone"},
		"in the text":              {old, of(Last, slog.LevelWarn, "slow"), "gone"},
		"in what is not stored":    {stored, of(Last, slog.LevelError+4, "worse"), "worse"},
		"as bad as what is stored": {stored, of(Last, slog.LevelError, "again"), "gone"},
		"late":                     {ended, of(Late, slog.LevelError, "late"), "late"},
	} {
		w := &teller{t: t, c: New(false)}
		w.c.Reconcile(test.chunk, lastOfEach(Stored{Key: user, Parts: test.stored}), &linebuf.Pool{})
		w.tell(test.chunk)
		if len(w.headers) == 0 || w.last().Cause != test.want || w.last().Problem == "" {
			t.Errorf("%s: got %+v, want the cause %q", name, w.headers, test.want)
		}
	}
}

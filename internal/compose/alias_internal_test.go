package compose

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/alias"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

// A listing writes stories down and notes what is stored, in order.
type listing struct {
	t       *testing.T
	c       *Composer
	s       *Scratch
	resumes bool // after each chunk, as after a crash
	quiet   *slog.Level
	parts   []story.Part
	problem *story.Part // the last that was told
}

func newListing(t *testing.T, resumes bool) *listing {
	s := scratch()
	s.Index = alias.NewIndex([]string{"order", "item"})
	return &listing{t: t, c: New(false), s: s, resumes: resumes}
}

func (l *listing) tell(chunks ...*Chunk) {
	l.t.Helper()
	for _, k := range chunks {
		told := l.c.Parts(k, l.quiet, l.s)
		for _, p := range told.Parts {
			l.parts = append(l.parts, p.Part)
		}
		if l.problem = told.Problem; l.problem != nil && l.problem.Key != (story.Key{Kind: story.KindProblem, ID: l.problem.Header.Problem}) {
			l.t.Errorf("the alias of the problem is %+v", *l.problem)
		}
		if l.resumes {
			resume := l.c.AppendResume(nil)
			l.c = New(false)
			if err := l.c.Resume(resume); err != nil {
				l.t.Fatal(err)
			}
		}
	}
}

// order tells what is stored, in order: the states of headers, parts of text by number,
// aliases, and raises.
func (l *listing) order() string {
	var all []string
	for _, p := range l.parts {
		name := fmt.Sprintf("text %d", p.Number)
		if h := p.Header; h != nil {
			name = fmt.Sprintf("%s %s", p.Key, h.State)
			if h.IsAlias() {
				name = fmt.Sprintf("%s of %s", p.Key, h.Of)
				if p.Text != "" || h.Also != nil || h.Key != p.Key || h.ID != p.ID {
					l.t.Errorf("an alias that has what only its story has: %+v", p)
				}
			}
			if p.Raise {
				name = "raise " + name
			}
			if len(h.Also) > 0 {
				name += fmt.Sprint(" also ", h.Also)
			}
		}
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}

func (l *listing) want(want string) {
	l.t.Helper()
	if got := l.order(); got != want {
		l.t.Errorf("resumes %t: got  %s\nwant %s", l.resumes, got, want)
	}
}

func spoken(place Place, level slog.Level, attrs ...string) *Chunk {
	k := chunk(place, 0)
	for i, attr := range attrs {
		say(k, level, 0, 1, 1, fmt.Sprint("line ", i), attr)
	}
	return k
}

func both(t *testing.T, check func(l *listing)) {
	t.Helper()
	for _, resumes := range []bool{false, true} {
		check(newListing(t, resumes))
	}
}

func TestAliasesFollowTheFinalHeader(t *testing.T) {
	both(t, func(l *listing) {
		k := spoken(Whole, slog.LevelInfo, "order=93 user=1", "item=7 order=93")
		k.Header.Also = []story.Key{{Kind: "trace", ID: "t1"}, {Kind: "item", ID: "7"}}
		l.tell(k)
		l.want("user_42 sealed also [item_7 order_93 trace_t1], item_7 of user_42, order_93 of user_42, trace_t1 of user_42")
		if l.problem != nil {
			t.Errorf("got the problem %+v", *l.problem)
		}
	})
}

// What was found in parts of before is kept, and nothing stands under a key that the story
// had, as its moved header does.
func TestAliasesOfStoryInParts(t *testing.T) {
	both(t, func(l *listing) {
		first, second, last := spoken(Middle, slog.LevelInfo, "order=1"), spoken(Middle, slog.LevelInfo, "order=2"), spoken(Last, slog.LevelInfo, "item=3")
		first.Header.Also = []story.Key{{Kind: "trace", ID: "t1"}}
		second.Header.Key = story.Key{Kind: "order", ID: "2"}
		last.Header.Key, last.Header.Also = second.Header.Key, []story.Key{{Kind: "trace", ID: "t1"}, {Kind: "user", ID: "42"}}
		l.tell(first, second, last)
		l.want("user_42 open, text 1, user_42 moved, order_2 open, text 1, text 2, " +
			"order_2 sealed also [item_3 order_1 trace_t1], item_3 of order_2, order_1 of order_2, trace_t1 of order_2")
	})
}

func TestQuietLinesAreNoAliases(t *testing.T) {
	both(t, func(l *listing) {
		quiet := slog.LevelInfo
		l.quiet = &quiet
		k := spoken(Whole, slog.LevelInfo, "order=1")
		say(k, slog.LevelDebug, 0, 1, 1, "quiet", "order=2")
		k.Header.MaxLevel = slog.LevelInfo
		l.tell(k)
		l.want("user_42 sealed also [order_1], order_1 of user_42")
	})
}

func TestAliasesAreBounded(t *testing.T) {
	both(t, func(l *listing) {
		var attrs []string
		for i := range 40 {
			attrs = append(attrs, fmt.Sprintf("order=%02d", i))
		}
		l.tell(spoken(Whole, slog.LevelError, attrs...))
		header := l.parts[0].Header
		if len(l.parts) != story.MaxAlso || len(header.Also) != story.MaxAlso || l.problem == nil {
			t.Fatalf("got %d parts and the keys %v, problem %v", len(l.parts), header.Also, l.problem)
		}
		lines := story.Parse(l.parts[0].Text)
		last := lines[len(lines)-1]
		if header.LineCount != 41 || len(lines) != 41 || last.Level != slog.LevelInfo || !strings.HasPrefix(last.Message, "not listed under order_15 nor") {
			t.Errorf("got %d lines, of which the last is %+v", header.LineCount, last)
		}
	})
}

func TestProblemIsToldApart(t *testing.T) {
	both(t, func(l *listing) {
		l.tell(spoken(Whole, slog.LevelError, "order=1 err=gone"))
		key := l.problem.Key
		l.want(fmt.Sprintf("user_42 sealed also [order_1 %s], order_1 of user_42", key))
		if l.problem.Header.Of != user || l.problem.Header.Count != 0 {
			t.Errorf("got %+v", *l.problem)
		}
	})
	both(t, func(l *listing) {
		l.tell(spoken(Whole, slog.LevelWarn, "order=1 err=slow"))
		l.want("user_42 sealed also [order_1], order_1 of user_42")
		if l.problem != nil {
			t.Errorf("below Error: got %+v", *l.problem)
		}
	})
}

// Late lines make no alias, but for that of a problem, and raise those that are there.
func TestLateLinesRaiseAliases(t *testing.T) {
	both(t, func(l *listing) {
		l.tell(spoken(Whole, slog.LevelWarn, "order=1"), spoken(Late, slog.LevelInfo, "order=2"), spoken(Late, slog.LevelError, "order=3"))
		l.want(fmt.Sprintf("user_42 sealed also [order_1], order_1 of user_42, text 1, text 2, raise user_42 sealed also [order_1 %s], raise order_1 of user_42", l.problem.Key))
		first := l.problem.Key
		l.parts = nil
		l.tell(spoken(Late, slog.LevelError+1, "err=worse"))
		also := []story.Key{{Kind: "order", ID: "1"}, first, l.problem.Key}
		slices.SortFunc(also, story.Key.Compare)
		l.want(fmt.Sprintf("text 3, raise user_42 sealed also %v, raise order_1 of user_42", also))
	})
}

// A process may have died between the header and its aliases: they are told again where the
// header is found.
func TestAliasesAreToldAgain(t *testing.T) {
	ended := newListing(t, false)
	ended.tell(spoken(Whole, slog.LevelError, "order=1"))
	problem := ended.problem.Key
	both(t, func(l *listing) {
		k := spoken(Whole, slog.LevelError, "order=1")
		l.c.Reconcile(k, lastOfEach(Stored{Key: user, Parts: ended.parts[:1]}), &linebuf.Pool{})
		l.tell(k)
		l.want("order_1 of user_42")
		if l.problem == nil || l.problem.Key != problem {
			t.Errorf("got the problem %+v", l.problem)
		}
		l.tell(spoken(Late, slog.LevelError+4, "err=worse"))
		if got := l.order(); !strings.Contains(got, "raise order_1 of user_42") || !strings.Contains(got, problem.String()) {
			t.Errorf("got %s", got)
		}
	})
}

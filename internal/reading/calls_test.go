package reading_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

const aTrace = "0af7651916cd43dd8448eb211c80319c"

// A listing counts queries.
type listing struct {
	*story.Memory
	queries int
}

func (l *listing) List(ctx context.Context, q story.Query) (story.Page, error) {
	l.queries++
	return l.Memory.List(ctx, q)
}

// callee stores a story that says who has called it, under its trace.
func (l *listing) callee(t *testing.T, id, parent string, after time.Duration, level slog.Level) story.Header {
	t.Helper()
	h := story.Header{
		Key: story.NewKey("charge", id), ID: story.IDPrefix(noon.Add(after)) + "-000000", Start: noon.Add(after), Duration: 3 * time.Millisecond,
		State: story.Sealed, MaxLevel: level, LineCount: 2, Title: "POST /charges/{id}", Attrs: map[string]string{"trace_id": aTrace, "parent_span": parent},
	}
	if level >= slog.LevelWarn {
		h.Cause = "card \x1b[31mrefused"
	}
	l.put(t, h)
	return h
}

func (l *listing) put(t *testing.T, h story.Header) {
	t.Helper()
	trace := story.NewKey(story.KindTrace, aTrace)
	h.Also = []story.Key{trace}
	alias := h.Alias(trace)
	if err := l.Put(t.Context(), []story.Part{{Key: h.Key, ID: h.ID, Header: &h, Text: "+0.000 I charging\n"}, {Key: trace, ID: h.ID, Header: &alias}}); err != nil {
		t.Fatal(err)
	}
}

// caller returns a story that has made three calls.
func caller(l *listing, t *testing.T) story.Story {
	s := parse("+0.000 I placing order\n+0.001 I   POST pay/charges/{id}\tstatus=200 took=4ms span_id=b7ad6b7169203331\n" +
		"+0.002 I   POST mail/send\tstatus=202 took=1ms span_id=00f067aa0ba902b7\n+0.003 D     written\n+0.004 I   done\n")
	s.Attrs = map[string]string{"trace_id": aTrace}
	s.Also = []story.Key{story.NewKey(story.KindTrace, aTrace)}
	l.put(t, s.Header)
	return s
}

func TestCalls(t *testing.T) {
	l := &listing{Memory: story.NewMemory()}
	s := caller(l, t)
	l.callee(t, "93", "b7ad6b7169203331", time.Millisecond, slog.LevelInfo)
	l.callee(t, "94", "b7ad6b7169203331", 2*time.Millisecond, slog.LevelError)
	l.callee(t, "95", "1111111111111111", 3*time.Millisecond, slog.LevelInfo) // of somebody else
	for i := range 12 {
		l.callee(t, fmt.Sprint("mail", i), "00f067aa0ba902b7", time.Duration(4+i)*time.Millisecond, slog.LevelInfo)
	}
	calls, err := reading.FindCalls(t.Context(), l, s)
	if err != nil || l.queries != 1 {
		t.Fatalf("%d queries, %v", l.queries, err)
	}
	tree := reading.NewTree(s)
	tree.SetCalls(calls)
	checkGolden(t, "calls", printStory(t, reading.Printer{}, tree, reading.View{Fold: reading.ErrorsFirst}))
	checkGolden(t, "calls by time", printStory(t, reading.Printer{Width: 60}, tree, reading.View{Fold: reading.Unfolded, Flat: true}))
	var out bytes.Buffer
	if err := reading.WriteJSON(&out, s, calls, reading.JSONLayout{Indent: "  "}); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "calls json", out.String())
}

// A loop of calls is one row but for the call whose story went wrong; and a branch that leads
// to that is not folded, however calm it is.
func TestCallsThatWentWrong(t *testing.T) {
	l := &listing{Memory: story.NewMemory()}
	lines := "+0.000 I sending\n+0.001 W   slow\n+0.001 I   batch\n+0.001 D     begin\n"
	for i := range 8 {
		lines += fmt.Sprintf("+0.00%d I     POST mail/send/%d\ttook=1ms span_id=000000000000000%d\n", i+2, i, i)
		level := slog.LevelInfo
		if i == 5 {
			level = slog.LevelError
		}
		l.callee(t, fmt.Sprint(i), fmt.Sprintf("000000000000000%d", i), time.Duration(i+2)*time.Millisecond, level)
	}
	s := parse(lines + "+0.010 I   calm\n+0.010 D     one\n+0.010 D     two\n")
	s.Attrs, s.Also = map[string]string{"trace_id": aTrace}, []story.Key{story.NewKey(story.KindTrace, aTrace)}
	calls, err := reading.FindCalls(t.Context(), l, s)
	if err != nil {
		t.Fatal(err)
	}
	tree := reading.NewTree(s)
	tree.SetCalls(calls)
	tree.Forks(tree.Shapes())
	checkGolden(t, "calls bad", printStory(t, reading.Printer{}, tree, reading.View{Fold: reading.ErrorsFirst}))
	calls.Hide(func(h story.Header) bool { return reading.About(h).ID != "5" })
	hidden := reading.NewTree(s)
	hidden.SetCalls(calls)
	if text := printStory(t, reading.Printer{}, hidden, reading.View{Fold: reading.ErrorsFirst}); strings.Contains(text, "POST") {
		t.Errorf("what is hidden unfolds what leads to it:\n%s", text)
	}
}

// Of several lines with one span, as those have that tell in which span of OpenTelemetry
// they are, one has the story.
func TestCallsOfOneSpan(t *testing.T) {
	l := &listing{Memory: story.NewMemory()}
	s := caller(l, t)
	for i := range s.Lines {
		s.Lines[i].Attrs = "span_id=b7ad6b7169203331"
	}
	l.callee(t, "93", "b7ad6b7169203331", time.Millisecond, slog.LevelInfo)
	calls, err := reading.FindCalls(t.Context(), l, s)
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Lines {
		if stories, _ := calls.Of(i + 1); len(stories) > 0 != (i == 0) {
			t.Errorf("line %d has %v", i+1, stories)
		}
	}
}

func TestCallTook(t *testing.T) {
	line := func(attrs string) story.Line { return story.Line{Attrs: attrs} }
	for _, c := range []struct {
		took  time.Duration
		state story.State
		line  story.Line
		want  string
	}{
		{6 * time.Millisecond, story.Sealed, line("took=7ms"), "6 ms of 7 ms"},
		{time.Second, story.Sealed, line("took=734µs"), "1.00 s"}, // a job's
		{6 * time.Millisecond, story.Sealed, line(`took="\x1b"`), "6 ms"},
		{6 * time.Millisecond, story.Sealed, line(""), "6 ms"},
		{6 * time.Millisecond, story.Open, line("took=1m"), "6 ms of 1 m 00 s, open"},
		{6 * time.Millisecond, story.Interrupted, line(""), "6 ms, interrupted"},
	} {
		if got := reading.CallTook(story.Header{Duration: c.took, State: c.state}, c.line); got != c.want {
			t.Errorf("%v %s of %q: got %q, want %q", c.took, c.state, c.line.Attrs, got, c.want)
		}
	}
}

// What has made no call, or is not listed under a trace, costs no query.
func TestNoCallsNoQuery(t *testing.T) {
	l := &listing{Memory: story.NewMemory()}
	s := caller(l, t)
	for name, change := range map[string]func(*story.Story){
		"without a trace": func(s *story.Story) { s.Attrs = nil },
		"without spans":   func(s *story.Story) { s.Lines = s.Lines[:1] },
		"not listed":      func(s *story.Story) { s.Also = nil },
		"in a message alone": func(s *story.Story) {
			s.Lines = []story.Line{{Message: "span_id=1", Attrs: `my.span_id=2 err="span_id=3"`}}
		},
	} {
		other := s
		change(&other)
		if calls, err := reading.FindCalls(t.Context(), l, other); err != nil || l.queries != 0 || calls.Short {
			t.Errorf("%s: %d queries, %v", name, l.queries, err)
		}
	}
	for _, state := range []story.State{story.Open, story.Interrupted} { // which say nowhere that they are listed
		l.queries, s.State, s.Also = 0, state, nil
		if _, err := reading.FindCalls(t.Context(), l, s); err != nil || l.queries != 1 {
			t.Errorf("%s: %d queries, %v", state, l.queries, err)
		}
	}
}

// Of a trace with more stories than are looked at it is said, and that of X-Ray is that of a
// traceparent.
func TestCallsOfLongTrace(t *testing.T) {
	l := &listing{Memory: story.NewMemory()}
	s := caller(l, t)
	for i := range 201 {
		l.callee(t, fmt.Sprint(i), "1111111111111111", time.Duration(i)*time.Millisecond, slog.LevelInfo)
	}
	s.Attrs = map[string]string{"trace_id": "1-0af76519-16cd43dd8448eb211c80319c"}
	calls, err := reading.FindCalls(t.Context(), l, s)
	if err != nil || !calls.Short {
		t.Fatalf("%+v, %v", calls, err)
	}
	tree := reading.NewTree(s)
	tree.SetCalls(calls)
	if text := printStory(t, reading.Printer{}, tree, reading.NewView()); !strings.HasSuffix(text, "\nthe trace has more stories than were looked at: ls trace_"+aTrace+"\n") {
		t.Errorf("got\n%s", text)
	}
}

package reading_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// nested makes lines each under the one before.
func nested(count int) story.Story {
	lines := make([]story.Line, count)
	for i := range lines {
		lines[i] = story.Line{Depth: i, Message: fmt.Sprintf("line %c", 'a'+i%26)}
	}
	return newStory(lines...)
}

// A story nested beyond all measure is shown, and each line says how much deeper it is.
func TestVeryDeepStory(t *testing.T) {
	const count = 200_000
	tree := reading.NewTree(nested(count))
	for _, number := range []int{1, 2, reading.MostDepth + 1, reading.MostDepth + 2, count} {
		n := tree.Line(number)
		if n.Depth+n.Beyond != number-1 || n.Depth > reading.MostDepth || number > 1 && n.Parent == nil {
			t.Errorf("line %d: got depth %d and %d beyond", number, n.Depth, n.Beyond)
		}
	}
	if under := tree.Line(1).Under.Lines; under != count-1 {
		t.Errorf("got %d lines under the first, want %d", under, count-1)
	}
	var text strings.Builder
	for _, view := range []reading.View{reading.NewView(), {Fold: reading.Unfolded, Each: true}, {Fold: reading.Unfolded, Stored: true}, {Fold: reading.Unfolded, At: count}} {
		text.Reset()
		if err := (reading.Printer{}).Story(&text, tree, view); err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(text.String(), "… 2 callers deeper than is shown"); said != (view.Fold == reading.Unfolded && view.Each) && !view.Stored && view.At == 0 {
			t.Errorf("%+v: it is said: %v", view, said)
		}
	}
	var diff strings.Builder
	if err := (reading.Printer{}).Diff(&diff, diffOf(tree, reading.NewTree(nested(count-1))), true); err != nil || !strings.Contains(diff.String(), "callers deeper than is shown") {
		t.Errorf("a difference: got %v, %d bytes", err, diff.Len())
	}
	reading.DiffJSON(diffOf(tree, tree), true)
}

// A branch is that of the callers, however deep they are.
func TestBranchOfVeryDeepStory(t *testing.T) {
	s := nested(3 * reading.MostDepth)
	s.Lines = append(s.Lines, story.Line{Depth: 1, Message: "beside"})
	tree := reading.NewTree(s)
	branch := tree.Branch(tree.Line(2 * reading.MostDepth))
	if !slices.Equal(branch.Lines, s.Lines[:3*reading.MostDepth]) {
		t.Errorf("got %d lines, want %d", len(branch.Lines), 3*reading.MostDepth)
	}
	branch = tree.Branch(tree.Line(len(s.Lines)))
	if len(branch.Lines) != 2 || branch.Lines[1].Message != "beside" {
		t.Errorf("got %v, want the line and its caller", branch.Lines)
	}
}

// A watcher is a writer that counts what is written after it failed.
type watcher struct {
	left   int
	writes int
}

func (w *watcher) Write(p []byte) (int, error) {
	w.writes++
	if w.left -= len(p); w.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// Who has gone is written nothing more, and no line is made for him: of very many
// few are looked at.
func TestPrintingEndsWithItsReader(t *testing.T) {
	tree := reading.NewTree(typical(200_000))
	looked := 0
	p := reading.Printer{Paint: func(_ reading.Style, s string) string { looked++; return s }}
	for name, print := range map[string]func(io.Writer) error{
		"a story":      func(w io.Writer) error { return p.Story(w, tree, reading.View{Fold: reading.Unfolded, Each: true}) },
		"a difference": func(w io.Writer) error { return p.Diff(w, diffOf(tree, tree), true) },
		"JSON": func(w io.Writer) error {
			return reading.WriteJSON(w, tree.Story, reading.Calls{}, reading.JSONLayout{})
		},
	} {
		looked = 0
		w := &watcher{left: 20_000}
		if err := print(w); !errors.Is(err, errFull) || looked > 2000 {
			t.Errorf("%s, whose reader left: got %v after %d pieces", name, err, looked)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		looked, w = 0, &watcher{left: 1 << 30}
		if err := print(reading.While(ctx, w)); !errors.Is(err, context.Canceled) || w.writes > 0 || looked > 2000 {
			t.Errorf("%s, interrupted: got %v after %d writes and %d pieces", name, err, w.writes, looked)
		}
	}
}

func TestFailed(t *testing.T) {
	out := bufio.NewWriterSize(&watcher{left: 10}, 16)
	for i := range 3 {
		if got := reading.Failed(out); got != (i == 2) {
			t.Errorf("after %d writes: got %v", i, got)
		}
		fmt.Fprint(out, strings.Repeat("x", 16))
	}
}

// A comparison ends with its context, whatever it compares.
func TestCompareEndsWithItsContext(t *testing.T) {
	was, is := reading.NewTree(typical(50_000)), reading.NewTree(typical(60_000))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d, err := reading.NewDiff(ctx, was, is)
	if !errors.Is(err, context.Canceled) || d.Same+d.New+d.Gone+d.Changed > 0 {
		t.Errorf("got %v after %+v", err, d.Changes)
	}
}

// The attributes of a line are told apart up to a number, and the rest is said.
func TestVeryManyAttributes(t *testing.T) {
	const count = reading.MostAttrs + 100
	line := story.Line{Message: "x", Attrs: strings.TrimSpace(strings.Repeat("a=b ", count))}
	texts := slices.Collect(reading.AttrTexts(line.Attrs))
	if last := texts[len(texts)-1].Text; len(texts) != reading.MostAttrs+1 || last != "… (399 bytes of further attributes)" {
		t.Errorf("got %d attributes, the last %q", len(texts), last)
	}
	tree := reading.NewTree(newStory(line))
	attrs := tree.LineJSON(tree.Line(1)).Attrs
	if last := attrs[len(attrs)-1]; len(attrs) != reading.MostAttrs+1 || last.Name != "…" {
		t.Errorf("got %d attributes as JSON, the last %v", len(attrs), last)
	}
	few := story.Line{Message: "x", Attrs: strings.TrimSpace(strings.Repeat("a=b ", reading.MostAttrs))}
	if texts := slices.Collect(reading.AttrTexts(few.Attrs)); len(texts) != reading.MostAttrs || texts[len(texts)-1].Name != "a" {
		t.Errorf("got %d of %d attributes", len(texts), reading.MostAttrs)
	}
}

// Of a story that grew by very much the last lines are told, and how many are not.
func TestTailTellsNoMoreThanAReaderTakes(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		text        string
		count, told int
	}{
		"many lines": {strings.Repeat("+0.000 I x\n", 3*reading.MostNews), 3 * reading.MostNews, reading.MostNews},
		"long lines": {strings.Repeat("+0.000 I "+long+"\n", 20), 20, 4},
		"few lines":  {strings.Repeat("+0.000 I x\n", 7), 7, 7},
	} {
		inTail(t, func(tt *tailTest) {
			begin := time.Now()
			tt.write("long", begin, 1, story.Open)
			if _, err := tt.tail.Look(tt.Context()); err != nil {
				tt.Fatal(err)
			}
			part := story.Part{Key: userKey, ID: story.IDPrefix(begin) + "-long", Number: 1, Text: c.text}
			if err := tt.store.Put(tt.Context(), []story.Part{part}); err != nil {
				tt.Fatal(err)
			}
			time.Sleep(time.Minute)
			news, err := tt.tail.Look(tt.Context())
			if err != nil || len(news) != 1 {
				tt.Fatalf("%s: got %d news, %v, want one", name, len(news), err)
			}
			n := news[0]
			if len(n.Lines) != c.told || n.Left != c.count-c.told || n.From != 2+n.Left {
				tt.Errorf("%s: got %d lines from %d on, %d left out; want %d of %d", name, len(n.Lines), n.From, n.Left, c.told, c.count)
			}
		})
	}
}

// However many stories somebody opens, a tail remembers a bounded number.
func TestTailForgetsOpenStoriesToo(t *testing.T) {
	inTail(t, func(tt *tailTest) {
		for i := range 60 {
			for j := range 100 {
				tt.write(fmt.Sprintf("s%03d%03d", i, j), time.Now().Add(time.Duration(j)*time.Microsecond), 1, story.Open)
			}
			if _, err := tt.tail.Look(tt.Context()); err != nil {
				tt.Fatal(err)
			}
			time.Sleep(2 * time.Second)
		}
		if got, most := reading.Known(tt.tail), reading.TailKnown+reading.TailBack; got > most {
			tt.Errorf("%d stories are remembered, want at most %d", got, most)
		}
	})
}

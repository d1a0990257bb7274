package reading_test

import (
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// workersText is what five goroutines tell.
const workersText = `+0.000 I Sending the newsletter
+0.001 D   120 recipients
+0.001 I&1 batch 1
+0.001 I&2 batch 2
+0.002 D&1   dialling smtp-1
+0.002 D&2   dialling smtp-2
+0.002 I&3 batch 3
+0.003 D&3   dialling smtp-1
+0.004 D&1     connected
+0.005 W&2     timeout	attempt=1
+0.006 D   waiting for 3 batches
             | of 40 each
+0.007 D&3     connected
+0.008 I&1   40 sent
+0.009 D&2     connected
+0.009 I&4 flushing metrics
+0.010 E&2     rejected	err="550 no such user"
+0.011 I&3   40 sent
+0.012 I&2   39 sent
+0.013 I   done	sent=119
`

func workersTree() *reading.Tree {
	s := parse(workersText)
	s.Attrs = map[string]string{"host": "web-1", "lane_1-3": "mail.(*Sender).run", "lane_4": "main.serve.func1\x1b[2J"}
	return reading.NewTree(s)
}

func TestPrintLanesByTime(t *testing.T) {
	for name, view := range map[string]reading.View{
		"apart":   {Fold: reading.Unfolded},
		"flat":    {Fold: reading.Unfolded, Flat: true},
		"folded":  {Fold: reading.ErrorsFirst, Flat: true},
		"errors":  {Flat: true, Filter: reading.Filter{Level: level(slog.LevelError)}},
		"found":   {Flat: true, Times: reading.TimeOfDay, Filter: reading.Filter{Text: "smtp-1"}},
		"stepped": {Fold: 1, Toggled: map[int]bool{5: true}, Flat: true, Stored: true, Times: reading.SincePrevious},
	} {
		t.Run(name, func(t *testing.T) {
			p := reading.Printer{Numbers: name != "apart"}
			checkGolden(t, "lanes "+name, printStory(t, p, workersTree(), view))
		})
	}
}

// By time, every line that is not folded away or filtered stands in its order, and its
// lane is named where it changes.
func TestFlat(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		lines, _ := randomCalls(rng, 60, 1+rng.IntN(5))
		tree := reading.NewTree(newStory(lines...))
		view := reading.View{Fold: rng.IntN(4) - 2, Toggled: map[int]bool{1 + rng.IntN(60): true}, Flat: true}
		if rng.IntN(3) == 0 {
			view.Level = level(slog.LevelWarn)
		}
		view.Apply(tree)
		var want, got []string
		before := -1
		for i := range tree.Nodes {
			n := &tree.Nodes[i]
			shown := n.Keep
			for _, above := range tree.Path(n.Number)[1:] {
				shown = shown && !view.Folded(tree, above)
			}
			if !shown {
				continue
			}
			line := fmt.Sprint(n.Number, " ", len(n.Children) > 0 && view.Folded(tree, n))
			if n.Line.Lane != before {
				before = n.Line.Lane
				line += fmt.Sprint(" ", before)
			}
			want = append(want, line)
		}
		for line := range tree.Flat(view) {
			got = append(got, strings.TrimSpace(fmt.Sprint(line.Number, line.Folded, " ", line.Label)))
		}
		for i := range got {
			got[i] = strings.Replace(got[i], "  ", " ", 1)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v: got\n%q\nwant\n%q", view, got, want)
		}
	}
}

func TestLabelsAreShort(t *testing.T) {
	for name, want := range map[string]string{
		"":                              "12",
		"main.worker":                   "12 main.worker",
		"a\nb":                          `12 a\x0ab`,
		"mail.(*Sender).run.func12.3.1": "12 …Sender).run.func12.3.1",
		strings.Repeat("é", 5000):       "12 …" + strings.Repeat("é", 22),
	} {
		got := reading.Lane{Number: 12, Name: name}.Label()
		if got != want || utf8.RuneCountInString(got) > reading.MostLabel {
			t.Errorf("%.50q: got %q, want %q", name, got, want)
		}
	}
	if got := (reading.Lane{Number: math.MaxInt, Name: "main.worker"}).Label(); !strings.HasPrefix(got, strconv.Itoa(math.MaxInt)) {
		t.Errorf("got %q", got)
	}
}

// A heading quotes the beginning of the line that came before.
func TestBegin(t *testing.T) {
	for message, want := range map[string]string{
		"short": "short", "two\nlines": "two", "\x1b[2J": `\x1b[2J`,
		strings.Repeat("é", 100): strings.Repeat("é", 30) + "…",
	} {
		tree := reading.NewTree(newStory(story.Line{Message: message}, story.Line{Message: "next", Lane: 1}))
		if got := tree.Began(tree.Lanes[1]).Begin(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if first := tree.Began(tree.Lanes[0]); first != nil {
			t.Errorf("the first lane begins after %+v", first)
		}
	}
}

// The names of lanes are with the lines, in JSON too, and not among the facts.
func TestLaneNamesInJSON(t *testing.T) {
	var out strings.Builder
	tree := workersTree()
	if err := reading.WriteJSON(&out, tree.Story, reading.Calls{}, reading.JSONLayout{}); err != nil {
		t.Fatal(err)
	}
	for text, count := range map[string]int{
		`"attrs":{"host":"web-1"}`: 1, `"lane_name":"mail.(*Sender).run"`: 14, `"lane":2,"lane_name":"mail.(*Sender).run"`: 6, `lane_1`: 0,
	} {
		if got := strings.Count(out.String(), text); got != count {
			t.Errorf("%s comes %d times, not %d\n%s", text, got, count, out.String())
		}
	}
	if got := tree.LineJSON(tree.Line(3)).LaneName; got != "mail.(*Sender).run" {
		t.Errorf("got %q", got)
	}
}

// Who writes a header that names every lane in every way does not hold up its reader.
func TestHostileLaneNames(t *testing.T) {
	attrs := make(map[string]string)
	for i := range 8 {
		attrs[fmt.Sprint("lane_", i, strings.Repeat(fmt.Sprint(",", i), 900), "-9999999")] = "x"
	}
	lines := make([]story.Line, 100_000)
	for i := range lines {
		lines[i] = story.Line{Lane: i, Message: "x", Offset: time.Duration(i)}
	}
	s := newStory(lines...)
	s.Attrs = attrs
	named := 0
	for _, lane := range reading.NewTree(s).Lanes {
		if lane.Name != "" {
			named++
		}
	}
	if named == 0 || named > 2048 {
		t.Errorf("%d lanes are named", named)
	}
}

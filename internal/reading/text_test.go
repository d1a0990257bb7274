package reading_test

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

var update = flag.Bool("update", false, "write the golden files instead of reading them")

// checkGolden compares a text with a file in testdata.
func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got:\n%s\nwant:\n%s", path, got, want)
	}
}

const shopText = `+0.000 I POST /order
+0.000 D           token accepted	kid=abc
+0.000 I<0             creating order	user=42
+0.002 D                   age ok	age=31
+0.003 D<7                       INSERT INTO orders	args=[A-1]
                                 |   (id, user)
                                 | RETURNING id
+0.004 I           packing item 1	sku=A-1
+0.005 D             weighed
+0.006 I           packing item 2	sku=B-2
+0.007 D             weighed
+0.008 I           packing item 3	sku=C-3
+0.009 D             weighed
+0.010 W           packing item 4	sku=D-4
+0.011 D             weighed
+0.012 D           tick
+0.013 D           tock
+0.014 D           tick
+0.015 D           tock
+0.016 D           tick
+0.017 D           tock
+0.018 W           retry 1
+0.019 W           retry 2
+0.020 W           retry 3
+0.021 I&1 notify	channel=mail
+0.022 I&1   dialling 10.0.3.17:587
+0.350 E&1     refused	err="connection refused"
+0.351 I+1   answered	status=200
+0.351 I&2 audit
+0.352 D&2   done
`

func shopTree() *reading.Tree {
	s := parse(shopText)
	s.Attrs = map[string]string{"host": "web-1", "build": "71b8839", "lane_1": "mail.(*Sender).run"}
	return reading.NewTree(s)
}

func printStory(t *testing.T, p reading.Printer, tree *reading.Tree, v reading.View) string {
	t.Helper()
	var text strings.Builder
	if err := p.Story(&text, tree, v); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestPrintStory(t *testing.T) {
	all := reading.View{Fold: reading.Unfolded, Each: true}
	with := func(change func(*reading.View)) reading.View {
		view := all
		change(&view)
		return view
	}
	for name, view := range map[string]reading.View{
		"default":           reading.NewView(),
		"all":               all,
		"repeats":           {Fold: reading.Unfolded},
		"folded to 0":       {Fold: 0},
		"folded to 1":       {Fold: 1, Toggled: map[int]bool{3: true}},
		"filter text":       {Filter: reading.Filter{Text: "ORDER"}},
		"filter level":      {Filter: reading.Filter{Level: level(slog.LevelWarn)}},
		"filter and folded": {Filter: reading.Filter{Text: "weighed"}, Toggled: map[int]bool{6: true}},
		"filter nothing":    {Filter: reading.Filter{Text: "nowhere"}},
		"steps":             with(func(v *reading.View) { v.Times = reading.SincePrevious }),
		"clock":             with(func(v *reading.View) { v.Times = reading.TimeOfDay }),
		"stored":            with(func(v *reading.View) { v.Stored = true }),
		"stored and folded": {Fold: 1, Stored: true},
	} {
		t.Run(name, func(t *testing.T) {
			checkGolden(t, "story "+name, printStory(t, reading.Printer{}, shopTree(), view))
		})
	}
}

func paint(style reading.Style, s string) string { return fmt.Sprintf("{%d:%s}", style, s) }

func TestPrintStoryPainted(t *testing.T) {
	p := reading.Printer{Paint: paint, Zone: time.FixedZone("CET", 3600)}
	text := printStory(t, p, shopTree(), reading.View{Times: reading.TimeOfDay, Fold: reading.ErrorsFirst})
	text += printStory(t, p, shopTree(), reading.View{Filter: reading.Filter{Text: "tock"}})
	checkGolden(t, "story painted", text)
}

// A tree is shown whole after it was shown filtered.
func TestPrintStoryAfterAFilter(t *testing.T) {
	tree := shopTree()
	printStory(t, reading.Printer{}, tree, reading.View{Filter: reading.Filter{Text: "tock"}})
	want := printStory(t, reading.Printer{}, shopTree(), reading.NewView())
	if got := printStory(t, reading.Printer{}, tree, reading.NewView()); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// However long a story took, a space follows the time.
func TestPrintStoryOfLongTimes(t *testing.T) {
	tree := parseTree("+0.000 I a\n+99.999 I b\n+123456.789 I c\n-1234.500 I   d\n")
	text := printStory(t, reading.Printer{}, tree, reading.NewView())
	_, text, _ = strings.Cut(text, "\n\n")
	want := `+0.000       a
+99.999      b
+123456.789  c  after 34h15m56.79s
-1234.500      d
`
	if text != want {
		t.Errorf("got:\n%s\nwant:\n%s", text, want)
	}
}

func TestPrintStoryBoundsTheIndent(t *testing.T) {
	var lines []story.Line
	for depth := range 5000 {
		lines = append(lines, story.Line{Depth: depth, Message: "deep\ndeeper"})
	}
	for _, view := range []reading.View{{Fold: reading.Unfolded}, {Fold: 4000}, {Fold: 4000, Stored: true}} {
		text := printStory(t, reading.Printer{}, reading.NewTree(newStory(lines...)), view)
		for line := range strings.Lines(text) {
			if len(line) > 120 {
				t.Fatalf("got a line of %d bytes, want at most 120", len(line))
			}
		}
	}
}

// hostile is what no terminal must get.
const hostile = "\x1b[2J\x1b]0;title\x07 \u009b31m \u202e txt.exe \u2066x\u2069 \u200f \u061c \u2028 \ufeff a\rb\tc\x00 <script>&amp; \xff\xfe \\ \x7f"

func hostileTree() *reading.Tree {
	text := hostile + "\nsecond " + hostile
	s := newStory(
		story.Line{Message: text, Attrs: `a="` + hostile + `" ` + hostile + `=1`, Level: slog.LevelError},
		story.Line{Message: text, Depth: 3, Level: slog.LevelWarn},
		story.Line{Message: hostile, Lane: 1, Offset: time.Hour},
		story.Line{Message: hostile, Lane: 1},
		story.Line{Message: hostile, Lane: 1},
	)
	s.Key, s.ID, s.Title = story.Key{Kind: hostile, ID: hostile}, hostile, hostile
	s.State, s.Attrs = story.State(hostile), map[string]string{hostile: hostile}
	return reading.NewTree(s)
}

// checkSafe checks that a text holds nothing that a terminal obeys, but newlines.
func checkSafe(t *testing.T, text string) {
	t.Helper()
	for i, r := range text {
		if r != '\n' && (unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
			t.Fatalf("got %U at byte %d of %q, want it escaped", r, i, text)
		}
	}
}

func TestPrintStoryEscapes(t *testing.T) {
	for _, view := range []reading.View{
		reading.NewView(), {Fold: 0}, {Fold: reading.Unfolded, Each: true, Times: reading.TimeOfDay}, {Stored: true},
		{Filter: reading.Filter{Text: hostile}}, {Filter: reading.Filter{Level: level(slog.LevelInfo)}},
	} {
		text := printStory(t, reading.Printer{}, hostileTree(), view)
		checkSafe(t, text)
		if !strings.Contains(text, `\x1b[2J`) {
			t.Errorf("got %q, want the escaped text in it", text)
		}
	}
}

func TestPrintDiffEscapes(t *testing.T) {
	is := hostileTree()
	is.Nodes[0].Attrs = "a=2 b=" + hostile
	is.Nodes[1].Message = hostile + " more"
	for _, d := range []*reading.Diff{diffOf(hostileTree(), is), diffOf(parseTree(wasText), is)} {
		checkSafe(t, printDiff(t, reading.Printer{}, d, true))
		checkSafe(t, printDiff(t, reading.Printer{}, d, false))
	}
}

func printDiff(t *testing.T, p reading.Printer, d *reading.Diff, all bool) string {
	t.Helper()
	var text strings.Builder
	if err := p.Diff(&text, d, all); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func shopDiff() *reading.Diff {
	text := strings.NewReplacer(
		"age=31", "age=17 young=true",
		"E&1     refused\terr=\"connection refused\"", "I&1     sent",
		"+0.012 D           tick\n+0.013 D           tock\n", "",
		"retry 3", "retry 4",
		"audit", "watch",
		"+0.003 D<7", "+0.002 D                     asking the parents\n+0.003 W<7",
	).Replace(shopText)
	lines := story.Parse(text)
	for i := 20; i < len(lines); i++ {
		lines[i].Offset += 3 * time.Second
	}
	is := newStory(lines...)
	is.ID = story.IDPrefix(noon.Add(time.Hour)) + "-111111"
	return diffOf(shopTree(), reading.NewTree(is))
}

func TestPrintDiff(t *testing.T) {
	checkGolden(t, "diff", printDiff(t, reading.Printer{}, shopDiff(), false))
	checkGolden(t, "diff all", printDiff(t, reading.Printer{}, shopDiff(), true))
	checkGolden(t, "diff painted", printDiff(t, reading.Printer{Paint: paint}, shopDiff(), false))
	checkGolden(t, "diff equal", printDiff(t, reading.Printer{}, diffOf(shopTree(), shopTree()), false))
}

// A failing writer fails so many bytes on.
type failingWriter struct{ left int }

var errFull = errors.New("full")

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestPrintReturnsTheWritersError(t *testing.T) {
	tree := reading.NewTree(typical(1000))
	p := reading.Printer{}
	if err := p.Story(&failingWriter{left: 5000}, tree, reading.View{Fold: reading.Unfolded, Each: true}); !errors.Is(err, errFull) {
		t.Errorf("Story: got %v, want %v", err, errFull)
	}
	if err := p.Diff(&failingWriter{left: 5000}, diffOf(tree, tree), true); !errors.Is(err, errFull) {
		t.Errorf("Diff: got %v, want %v", err, errFull)
	}
}

func TestSmallTexts(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{reading.Plural(0, "line"), "0 lines"},
		{reading.Plural(1, "line"), "1 line"},
		{reading.Summary(reading.Counts{Lines: 14, Errors: 1, Warnings: 2}), "14 lines, 1 error, 2 warnings"},
		{reading.LevelWord(slog.LevelInfo) + reading.LevelWord(slog.LevelDebug), ""},
		{reading.LevelWord(slog.LevelError + 1), "ERROR+1"},
		{reading.LevelWord(slog.Level(math.MaxInt)), slog.Level(math.MaxInt).String()},
		{reading.StateText(story.Sealed), "sealed"},
		{reading.StateText(story.Moved), "moved: goes on under another key"},
		{reading.Took(0) + reading.Took(time.Second), "<1ms1s"},
		{reading.StateText("\x1b"), `\x1b`},
		{reading.Changes{Same: 1}.String(), "equal: 1 line that differs in nothing but times and ids"},
		{reading.Changes{Same: 2}.String(), "equal: 2 lines that differ in nothing but times and ids"},
		{reading.Changes{Same: 2, New: 1, Slower: 3}.String(), "1 new, 3 slower, 2 equal"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

// A stack or a text of several lines in an attribute is read line by line.
func TestPrintValuesOfSeveralLines(t *testing.T) {
	tree := reading.NewTree(newStory(
		story.Line{Message: "Begin"},
		story.Line{Message: "Failed\ntwice", Depth: 1, Attrs: `err="a=b" stack="main.pay\n\tpay.go:41\x1b[2J\n" end`}))
	var out strings.Builder
	if err := (reading.Printer{}).Story(&out, tree, reading.View{Fold: reading.Unfolded}); err != nil {
		t.Fatal(err)
	}
	want := `+0.000   Begin
+0.000     Failed
           | twice  err=a=b  stack=…  end
           | stack:
           | main.pay
           |     pay.go:41\x1b[2J
`
	if got := out.String(); !strings.HasSuffix(got, want) {
		t.Errorf("got\n%s\nwant it to end with\n%s", got, want)
	}
}

// On a terminal a long text is cut, and says how long it is.
func TestPrintCutsLongTexts(t *testing.T) {
	long := strings.Repeat("ä", 1<<19)
	tree := reading.NewTree(newStory(story.Line{Message: "a\n" + long, Attrs: "b=" + long + " c=1 d=\"x\\n" + long + "\""}))
	for most, want := range map[int]int{100: 1 << 11, 0: 7 << 19} {
		var out, diff strings.Builder
		p := reading.Printer{Most: most}
		if err := p.Story(&out, tree, reading.View{Fold: reading.Unfolded}); err != nil {
			t.Fatal(err)
		}
		if err := p.Diff(&diff, diffOf(tree, tree), true); err != nil {
			t.Fatal(err)
		}
		if out.Len() > want || diff.Len() > want || most > 0 != strings.Contains(out.String(), "… (1048578 bytes)") || !strings.Contains(out.String(), "  c=1  d=…") {
			t.Errorf("%d shown: got %d bytes, of a difference %d: %.300s", most, out.Len(), diff.Len(), out.String())
		}
	}
}

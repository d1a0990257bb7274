package reading_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

func newDiff(was, is string) *reading.Diff {
	return diffOf(parseTree(was), parseTree(is))
}

// changesOf writes what differs, a line for each changed one: its change, its
// message, and its values.
func changesOf(d *reading.Diff) []string {
	var texts []string
	walkDiff(d, func(n *reading.DiffNode) {
		if n.Change == reading.Same {
			return
		}
		text := string(n.Change) + " " + n.Node().Message
		for _, value := range n.Values {
			text += "; " + value.String()
		}
		texts = append(texts, text)
	})
	return texts
}

func walkDiff(d *reading.Diff, f func(*reading.DiffNode)) {
	var walk func(nodes []*reading.DiffNode)
	walk = func(nodes []*reading.DiffNode) {
		for _, n := range nodes {
			f(n)
			walk(n.Children)
		}
	}
	for _, lane := range d.Lanes {
		walk(lane)
	}
}

// checkDiff checks that a difference has every line of both stories once, in
// order, and counts them.
func checkDiff(t *testing.T, d *reading.Diff) {
	t.Helper()
	was, is := make([]bool, len(d.Was.Nodes)), make([]bool, len(d.Is.Nodes))
	var got reading.Changes
	walkDiff(d, func(n *reading.DiffNode) {
		mark(t, was, n.Was)
		mark(t, is, n.Is)
		count(&got, n.Change)
		if (n.Was == nil) != (n.Change == reading.New) || (n.Is == nil) != (n.Change == reading.Gone) {
			t.Errorf("%q: got the change %q", n.Node().Message, n.Change)
		}
	})
	if slices.Contains(was, false) || slices.Contains(is, false) {
		t.Errorf("a line is missing: got %v, %v", was, is)
	}
	if got != d.Changes {
		t.Errorf("changes: got %+v, want %+v", d.Changes, got)
	}
}

func mark(t *testing.T, seen []bool, n *reading.Node) {
	t.Helper()
	if n == nil {
		return
	}
	if seen[n.Number-1] {
		t.Errorf("line %d: got it twice", n.Number)
	}
	seen[n.Number-1] = true
}

func count(c *reading.Changes, change reading.Change) {
	switch change {
	case reading.Same:
		c.Same++
	case reading.New:
		c.New++
	case reading.Gone:
		c.Gone++
	case reading.Changed:
		c.Changed++
	case reading.Slower:
		c.Slower++
	}
}

const wasText = `+0.000 I POST /order	request_id=4bf92f35
+0.001 I   creating order 71b8839f	at=2026-11-22T16:41:41Z rows=3
+0.002 D     age ok	age=31
+0.003 D     INSERT INTO orders	took=1.5ms id=17
+0.010 I   answered
+0.011 I&1 notify
+0.012 I&1   sent
`

func TestDiff(t *testing.T) {
	tests := []struct {
		name, old, new string // what is replaced in wasText
		want           []string
	}{
		{"nothing", "", "", nil},
		{"times and ids", "4bf92f35", "00f067aa", nil},
		{"an id in a message", "71b8839f", "9c2e11ab", nil},
		{"a time", "2026-11-22T16:41:41Z", "2027-01-01T00:00:00.5Z", nil},
		{"a duration", "1.5ms", "2h0m3s", nil},
		{"a short id", "id=17", "id=18", nil},
		{"offsets", "+0.003", "+0.009", nil},
		{"an attribute", "age=31", "age=30", []string{"changed age ok; age 31 → 30"}},
		{"a new attribute", "age=31", "age=31 young=false", []string{"changed age ok; young is new: false"}},
		{"a gone attribute", "\tage=31", "", []string{"changed age ok; age is gone: 31"}},
		{"another name", "age=31", "years=31", []string{"changed age ok; years is new: 31; age is gone: 31"}},
		{"another order", "at=2026-11-22T16:41:41Z rows=3", "rows=3 at=2026-11-22T16:41:41Z", nil},
		{"a level", "I   answered", "W   answered", []string{"changed answered; level INFO → WARN"}},
		{"a number in the message", "POST /order", "POST /order/12", []string{"gone POST /order", "gone creating order 71b8839f", "gone age ok", "gone INSERT INTO orders", "gone answered",
			"new POST /order/12", "new creating order 71b8839f", "new age ok", "new INSERT INTO orders", "new answered"}},
		{"a new line", "+0.003 D ", "+0.002 D     cached\n+0.003 D ", []string{"new cached"}},
		{"a new branch", "+0.010 I ", "+0.003 W   slow path\n+0.003 I     asking\n+0.010 I ", []string{"new slow path", "new asking"}},
		{"a gone line", "+0.002 D     age ok	age=31\n", "", []string{"gone age ok"}},
		{"a gone lane", "+0.011 I&1 notify\n+0.012 I&1   sent\n", "", []string{"gone notify", "gone sent"}},
		{"a new lane", "+0.011 I&1", "+0.010 I&2 watch\n+0.011 I&1", []string{"new watch"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDiff(wasText, strings.Replace(wasText, tt.old, tt.new, 1))
			checkDiff(t, d)
			if got := changesOf(d); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if got, want := d.Equal(), tt.want == nil; got != want {
				t.Errorf("Equal: got %v, want %v", got, want)
			}
		})
	}
}

// A number in a message is in its place, and changed.
func TestDiffOfNumbersInMessages(t *testing.T) {
	d := newDiff("+0.000 I loaded 3 rows\n", "+0.000 I loaded 14 rows\n")
	if got, want := changesOf(d), []string{"changed loaded 14 rows; message loaded 3 rows → loaded 14 rows"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDiffOfRepeatedAttributes(t *testing.T) {
	for _, tt := range []struct{ was, is, want string }{
		{"a=1 a=2", "a=1", "a is gone: 2"},
		{"a=1", "a=1 a=2", "a is new: 2"},
		{"a=1 a=2", "a=1 a=3", "a 2 → 3"},
		{`a="x y" b=1`, `a="x z" b=1`, "a x y → x z"},
		{"USER_ID=1 VALID=true", "USER_ID=2 VALID=false", "VALID true → false"},
		{"user.id=1 userId=2 userID=3 x-id=4 pid=5 paid=6", "user.id=7 userId=7 userID=7 x-id=7 pid=7 paid=7", "paid 6 → 7"},
	} {
		d := newDiff("+0.000 I m\t"+tt.was+"\n", "+0.000 I m\t"+tt.is+"\n")
		var got []string
		for _, value := range d.Lanes[0][0].Values {
			got = append(got, value.String())
		}
		if strings.Join(got, "; ") != tt.want {
			t.Errorf("%s and %s: got %q, want %q", tt.was, tt.is, got, tt.want)
		}
	}
}

const fastText = `+0.000 I request
+0.010 I   load
+0.020 I     query
+0.030 I       parse
+0.040 I       send
+0.050 I     map
+0.060 I   answer
+0.070 I done
`

// delayed adds a delay to all lines from one on.
func delayed(text string, line int, ms int) string {
	lines := story.Parse(text)
	for i := line; i < len(lines); i++ {
		lines[i].Offset += story.Parse(fmt.Sprintf("+%d.%03d I x\n", ms/1000, ms%1000))[0].Offset
	}
	return story.Format(lines)
}

// What took longer is said of the line where it happened, not of its callers.
func TestDiffSlower(t *testing.T) {
	for line, message := range strings.Fields("request load query parse send map answer") {
		got := changesOf(newDiff(fastText, delayed(fastText, line+1, 900)))
		if len(got) != 1 || !strings.HasPrefix(got[0], "slower "+message+"; took ") {
			t.Errorf("900 ms after %q: got %q, want that line alone", message, got)
		}
	}
}

func TestDiffSlowerTwice(t *testing.T) {
	got := changesOf(newDiff(fastText, delayed(delayed(fastText, 4, 500), 6, 700)))
	want := []string{"slower parse; took 10ms → 510ms", "slower map; took 10ms → 710ms"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Many small delays are said of the nearest caller of them all that is slow.
func TestDiffSlowerInManySteps(t *testing.T) {
	text := fastText
	for line := range 6 {
		text = delayed(text, line+2, 30)
	}
	got := changesOf(newDiff(fastText, text))
	want := []string{"slower query; took 30ms → 120ms"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A new branch that takes its time is why its callers take longer.
func TestDiffNewBranchIsWhyItTakesLonger(t *testing.T) {
	for name, line := range map[string]string{"under": "+0.030 I         retry\n", "beside": "+0.040 I       retry\n"} {
		slow := strings.Replace(delayed(fastText, 4, 900), "+0.940", line+"+0.940", 1)
		if got, want := changesOf(newDiff(fastText, slow)), []string{"new retry"}; !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestDiffFaster(t *testing.T) {
	if d := newDiff(delayed(fastText, 3, 900), fastText); !d.Equal() {
		t.Errorf("got %q, want equal", changesOf(d))
	}
}

func TestDiffPairsLanes(t *testing.T) {
	was := "+0.000 I main\n+0.000 I&1 mail 1\n+0.000 I&2 audit\n+0.000 I&3 mail 2\n"
	is := "+0.000 I start\n+0.000 I&1 audit\n+0.000 I&2 mail 1\n+0.000 I&3 sync\n+0.000 I&4 mail 3\n"
	d := newDiff(was, is)
	checkDiff(t, d)
	want := []string{"gone main", "new start", "new sync", "changed mail 3; message mail 2 → mail 3"}
	if got := changesOf(d); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDiffOfNothing(t *testing.T) {
	for _, texts := range [][2]string{{"", ""}, {wasText, ""}, {"", wasText}} {
		d := newDiff(texts[0], texts[1])
		checkDiff(t, d)
		if got, want := d.New+d.Gone, len(d.Was.Nodes)+len(d.Is.Nodes); got != want {
			t.Errorf("new and gone: got %d, want %d", got, want)
		}
	}
}

func TestDiffOfRandomStories(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		was, _ := randomCalls(rng, rng.IntN(100), 1+rng.IntN(3))
		is := slices.DeleteFunc(slices.Clone(was), func(story.Line) bool { return rng.IntN(10) == 0 })
		checkDiff(t, diffOf(reading.NewTree(newStory(was...)), reading.NewTree(newStory(is...))))
		if d := diffOf(reading.NewTree(newStory(was...)), reading.NewTree(newStory(was...))); !d.Equal() {
			t.Errorf("seed %d: got %v for a story and itself, want equal", seed, d.Changes)
		}
	}
}

func TestDiffOfLongStories(t *testing.T) {
	const count, shift = 100_000, 300
	var lines []story.Line
	for i := range count + shift {
		lines = append(lines, story.Line{Message: fmt.Sprintf("step %c%c", 'a'+i%23, 'a'+i*i%19), Level: slog.LevelInfo})
	}
	d := diffOf(reading.NewTree(newStory(lines[:count]...)), reading.NewTree(newStory(lines[shift:]...)))
	checkDiff(t, d)
	if want := (reading.Changes{Same: count - shift, New: shift, Gone: shift}); d.Changes.Same < want.Same {
		t.Errorf("got %+v, want at least %+v", d.Changes, want)
	}
}

func TestDiffLevel(t *testing.T) {
	d := newDiff("+0.000 E a\n+0.000 W b\n", "+0.000 I a\n+0.000 I c\n")
	for i, want := range []slog.Level{slog.LevelError, slog.LevelWarn, slog.LevelInfo} {
		if got := d.Lanes[0][i].Level(); got != want {
			t.Errorf("level of %q: got %v, want %v", d.Lanes[0][i].Node().Message, got, want)
		}
	}
}

// A value that is empty is none that is missing.
func TestDiffOfEmptyValues(t *testing.T) {
	tree := func(attrs string) *reading.Tree {
		return reading.NewTree(newStory(story.Line{Message: "Begin", Attrs: attrs}))
	}
	for _, c := range []struct{ was, is, want string }{
		{`note=""`, `note=x`, `note "" → x`},
		{`note=x`, `note=""`, `note x → ""`},
		{`note=""`, ``, `note is gone: ""`},
		{``, `note=""`, `note is new: ""`},
	} {
		d := diffOf(tree(c.was), tree(c.is))
		if values := d.Lanes[0][0].Values; len(values) != 1 || values[0].String() != c.want {
			t.Errorf("from %s to %s: got %v, want %s", c.was, c.is, values, c.want)
		}
	}
}

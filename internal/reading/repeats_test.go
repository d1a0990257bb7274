package reading_test

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// groupsOf writes the groups of a lane's roots, each line by its first word: a
// group that repeats as "(a b)x3".
func groupsOf(tree *reading.Tree) string {
	var texts []string
	for _, g := range reading.Groups(tree.Lanes[0].Roots, tree.Shapes()) {
		var once []string
		for _, n := range g.Once {
			word, _, _ := strings.Cut(n.Message, " ")
			once = append(once, word)
		}
		text := strings.Join(once, " ")
		if g.Times > 1 {
			text = fmt.Sprintf("(%s)x%d", text, g.Times)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " ")
}

// rootsText makes the text of a story whose lines are letters, an upper-case one
// at level Error; a digit is a number in the message of the letter before.
func rootsText(letters string) string {
	var text strings.Builder
	for _, r := range letters {
		level := "I"
		if 'A' <= r && r <= 'Z' {
			level = "E"
		}
		fmt.Fprintf(&text, "+0.000 %s %s %d\n", level, strings.ToLower(string(r)), text.Len())
	}
	return text.String()
}

func TestGroups(t *testing.T) {
	for letters, want := range map[string]string{
		"a":                           "a",
		"aa":                          "a a",
		"aaa":                         "(a)x3",
		"baaaab":                      "b (a)x4 b",
		"ababab":                      "(a b)x3",
		"abcabcabcabc":                "(a b c)x4",
		"abcabcabca":                  "(a b c)x3 a",
		"xabab":                       "x a b a b",
		"abababxababab":               "(a b)x3 x (a b)x3",
		"aaabbb":                      "(a)x3 (b)x3",
		"aaAaaa":                      "a a a (a)x3",
		"aaaAaaa":                     "(a)x3 a (a)x3",
		"AAA":                         "(a)x3",
		"abABab":                      "a b a b a b",
		"aabaabaab":                   "(a a b)x3",
		"abcdefghabcdefghabcdefgh":    "(a b c d e f g h)x3",
		"abcdefghiabcdefghiabcdefghi": "a b c d e f g h i a b c d e f g h i a b c d e f g h i",
	} {
		if got := groupsOf(parseTree(rootsText(letters))); got != want {
			t.Errorf("groups of %q: got %q, want %q", letters, got, want)
		}
	}
}

const loopText = `+0.000 I item 1
+0.000 D   read 11 bytes
+0.000 D   stored
+0.000 I item 2
+0.000 D   read 22 bytes
+0.000 D   stored
+0.000 I item 3
+0.000 D   read 33 bytes
+0.000 D   stored
`

func TestGroupsOfBranches(t *testing.T) {
	tree := parseTree(loopText)
	groups := reading.Groups(tree.Lanes[0].Roots, tree.Shapes())
	if len(groups) != 1 || groups[0].Times != 3 {
		t.Fatalf("got %+v, want one group of three times", groups)
	}
	if got, want := groups[0].Under, (reading.Counts{Lines: 6}); got != want {
		t.Errorf("under the others: got %+v, want %+v", got, want)
	}
}

func TestGroupsOfNestedLoops(t *testing.T) {
	const turn = "+0.000 I page 1\n+0.000 I   row 1\n+0.000 I   row 2\n+0.000 I   row 3\n"
	tree := parseTree(strings.Repeat(turn, 4))
	if got, want := groupsOf(tree), "(page)x4"; got != want {
		t.Errorf("the outer loop: got %q, want %q", got, want)
	}
	inner := reading.Groups(tree.Line(1).Children, tree.Shapes())
	if len(inner) != 1 || inner[0].Times != 3 {
		t.Errorf("the inner loop: got %+v, want one group of three times", inner)
	}
}

// A loop whose turns have loops of differing length is one all the same, but not
// where a turn has none.
func TestGroupsOfUnequalLoops(t *testing.T) {
	var text strings.Builder
	for page, rows := range []int{1, 5, 2, 3, 0, 2, 1, 4} {
		fmt.Fprintf(&text, "+0.000 I page %d\n", page)
		for row := range rows {
			fmt.Fprintf(&text, "+0.000 I   row %d\n+0.000 D     read\n", row)
		}
	}
	tree := parseTree(text.String())
	if got, want := groupsOf(tree), "(page)x4 page (page)x3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	groups := reading.Groups(tree.Lanes[0].Roots, tree.Shapes())
	if got, want := groups[0].Under.Lines, 3+2*(5+2+3); got != want {
		t.Errorf("under the others: got %d lines, want %d", got, want)
	}
}

// A turn in which something went wrong is not one of the calm ones, however deep
// that is.
func TestGroupsKeepTheBadTurn(t *testing.T) {
	calm := strings.Repeat("+0.000 I item\n+0.000 D   read\n+0.000 D     chunk\n", 4)
	bad := "+0.000 I item\n+0.000 D   read\n+0.000 E     chunk\n"
	tree := parseTree(calm + bad + calm)
	if got, want := groupsOf(tree), "(item)x4 item (item)x4"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, g := range reading.Groups(tree.Lanes[0].Roots, tree.Shapes()) {
		if !g.Under.Calm() {
			t.Errorf("merged: got %+v, want only calm lines", g.Under)
		}
	}
}

// A group of repeated errors says what it hides.
func TestGroupsCountErrors(t *testing.T) {
	tree := parseTree(strings.Repeat("+0.000 W retry\n+0.000 E   refused\n", 5))
	g := reading.Groups(tree.Lanes[0].Roots, tree.Shapes())[0]
	if want := (reading.Counts{Lines: 8, Warnings: 4, Errors: 4}); g.Times != 5 || g.Under != want {
		t.Errorf("got %d times with %+v, want 5 with %+v", g.Times, g.Under, want)
	}
}

func TestShapes(t *testing.T) {
	tree := parseTree(loopText + "+0.000 I item 4\n+0.000 D   read 44 bytes\n+0.000 D     stored\n+0.000 W item 5\n+0.000 I item 6\n")
	shapes := tree.Shapes()
	for _, same := range [][2]int{{1, 4}, {2, 5}, {3, 6}, {3, 12}, {1, 7}} {
		if shapes[same[0]-1] != shapes[same[1]-1] {
			t.Errorf("lines %d and %d: got two shapes, want one", same[0], same[1])
		}
	}
	for _, other := range [][2]int{{1, 10}, {2, 11}, {13, 14}, {1, 14}, {2, 3}} {
		if shapes[other[0]-1] == shapes[other[1]-1] {
			t.Errorf("lines %d and %d: got one shape, want two", other[0], other[1])
		}
	}
}

func TestSingle(t *testing.T) {
	tree := parseTree(rootsText("aaab"))
	checkGroups(t, tree.Lanes[0].Roots, reading.Single(tree.Lanes[0].Roots))
	if got := len(reading.Single(tree.Lanes[0].Roots)); got != 4 {
		t.Errorf("got %d groups, want 4", got)
	}
}

// checkGroups checks that groups hold each sibling once, in order.
func checkGroups(t *testing.T, siblings []*reading.Node, groups []reading.Group) {
	t.Helper()
	var all []*reading.Node
	for _, g := range groups {
		all = append(append(all, g.Once...), g.More...)
		if got := len(g.Once) * g.Times; got != len(g.Once)+len(g.More) {
			t.Errorf("a group of %d lines and %d more: got %d times", len(g.Once), len(g.More), g.Times)
		}
		if want := countOf(g.More); g.Under != want {
			t.Errorf("a group's Under: got %+v, want %+v", g.Under, want)
		}
	}
	if !slices.Equal(all, siblings) {
		t.Errorf("lines of all groups: got %v, want %v", numbersOf(all), numbersOf(siblings))
	}
}

func numbersOf(nodes []*reading.Node) []int {
	numbers := make([]int, len(nodes))
	for i, n := range nodes {
		numbers[i] = n.Number
	}
	return numbers
}

// FuzzGroups makes a line of every byte: its message, its depth and its level.
func FuzzGroups(f *testing.F) {
	for _, s := range []string{"", "aaaa", "abababa", "aQaQaQ", "abcabcabc", "aaabaaabaaab", "\x00\x01\x02\x40\x80\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var lines []story.Line
		for _, b := range data {
			lines = append(lines, story.Line{Message: string('a' + rune(b%4)), Depth: int(b >> 2 % 4), Level: slog.Level(b >> 4 % 3 * 4)})
		}
		tree := reading.NewTree(newStory(lines...))
		shapes := tree.Shapes()
		for _, lane := range tree.Lanes {
			checkGroups(t, lane.Roots, reading.Groups(lane.Roots, shapes))
		}
		for i := range tree.Nodes {
			siblings := tree.Nodes[i].Children
			checkGroups(t, siblings, reading.Groups(siblings, shapes))
		}
	})
}

// Lines that say how long what they tell took are believed: they were logged when it was over.
func TestRepeatsTell(t *testing.T) {
	const query = "D SELECT * FROM items WHERE id = ?\trows=1 took="
	text := "+0.000 I POST /orders\n" +
		"+0.500 " + query + "400ms\n+0.600 " + query + "50ms\n+0.700 " + query + "750ms args=[3]\n+9.000 I sent\n"
	tree := parseTree(text)
	groups := reading.Groups(tree.Lanes[0].Roots, tree.Shapes())
	got := reading.SpreadOf(groups[1].Turns())
	want := reading.Spread{
		Total: 1200 * time.Millisecond, Least: 50 * time.Millisecond, Most: 750 * time.Millisecond, Slowest: 2,
		From: 100 * time.Millisecond, Told: true,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	var out strings.Builder
	if err := (reading.Printer{}).Lines(&out, tree, reading.NewView()); err != nil {
		t.Fatal(err)
	}
	if want := "rows=1  took=400ms  after 500ms  ×3, 1.20 s\n"; !strings.Contains(out.String(), want) {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// Transactions repeat as several lines, which all tell.
func TestRepeatsOfSeveralLinesTell(t *testing.T) {
	turn := "+0.001 D BEGIN\ttook=1ms\n+0.002 D INSERT INTO items VALUES (?)\ttook=2ms\n+0.003 D COMMIT\ttook=7ms\n"
	tree := parseTree(strings.Repeat(turn, 37))
	var out strings.Builder
	if err := (reading.Printer{}).Lines(&out, tree, reading.NewView()); err != nil {
		t.Fatal(err)
	}
	if want := "these 3 lines ×37, 370 ms\n"; !strings.Contains(out.String(), want) {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// What only some say, what is no duration, and what has lines below it is taken by the lines
// after it; and no sum is too large.
func TestRepeatsThatDoNotTell(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"+0.000 I a\ttook=1s\n+0.002 I a\n+0.004 I a\ttook=1s\n":                                                    4 * time.Millisecond,
		"+0.000 I a\ttook=1s\n+0.002 I a\ttook=fast\n+0.004 I a\ttook=1s\n":                                         4 * time.Millisecond,
		"+0.000 I a\ttook=1s\n+0.002 I a\ttook=-1s\n+0.004 I a\ttook=1s\n":                                          4 * time.Millisecond,
		"+0.000 I a\ttook=1s\n+0.002 I   b\n+0.004 I a\ttook=1s\n+0.006 I   b\n+0.008 I a\ttook=1s\n+0.009 I   b\n": 9 * time.Millisecond,
		strings.Repeat("+0.000 I a\ttook=2000000h\n", 3):                                                            math.MaxInt64,
	} {
		tree := parseTree(text)
		if got := reading.SpreadOf(reading.Groups(tree.Lanes[0].Roots, tree.Shapes())[0].Turns()).Total; got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

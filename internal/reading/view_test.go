package reading_test

import (
	"errors"
	"log/slog"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

func level(l slog.Level) *slog.Level { return &l }

func TestViewValues(t *testing.T) {
	for query, view := range map[string]reading.View{
		"":                                  reading.NewView(),
		"fold=0":                            {},
		"fold=none":                         {Fold: reading.Unfolded},
		"fold=3&times=step":                 {Fold: 3, Times: reading.SincePrevious},
		"times=clock":                       {Fold: reading.ErrorsFirst, Times: reading.TimeOfDay},
		"indent=stored&repeats=each":        {Fold: reading.ErrorsFirst, Stored: true, Each: true},
		"lanes=time":                        {Fold: reading.ErrorsFirst, Flat: true},
		"full=7.9&open=3&toggled=2.30":      {Fold: reading.ErrorsFirst, Full: map[int]bool{7: true, 9: true}, Open: map[int]bool{3: true}, Toggled: map[int]bool{2: true, 30: true}},
		"level=WARN%2B1&q=a+b%26c%3D%00%FF": {Fold: reading.ErrorsFirst, Filter: reading.Filter{Text: "a b&c=\x00\xff", Level: level(slog.LevelWarn + 1)}},
	} {
		if got := view.Values().Encode(); got != query {
			t.Errorf("Values of %+v: got %q, want %q", view, got, query)
		}
		if got := parseView(t, query); !reflect.DeepEqual(got, view) {
			t.Errorf("ParseView(%q): got %+v, want %+v", query, got, view)
		}
	}
}

func parseView(t *testing.T, query string) reading.View {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	view, err := reading.ParseView(values)
	if err != nil {
		t.Fatalf("ParseView(%q): got %v, want no error", query, err)
	}
	return view
}

// A line toggled back is not in the URL.
func TestViewValuesOfWhatIsNotToggled(t *testing.T) {
	view := reading.NewView()
	view.Toggled = map[int]bool{1: true, 2: false}
	if got, want := view.Values().Encode(), "toggled=1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseViewErrors(t *testing.T) {
	for _, query := range []string{"fold=-1", "fold=x", "times=never", "toggled=1..2", "toggled=-1", "full=1e3", "level=loud", "full=99999999999999999999"} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := reading.ParseView(values); !errors.Is(err, reading.ErrBadView) {
			t.Errorf("ParseView(%q): got %v, want ErrBadView", query, err)
		}
	}
}

func FuzzParseView(f *testing.F) {
	for _, query := range []string{
		"", "fold=none&times=step&toggled=1.2&full=3&indent=stored&repeats=each&q=x&level=info%2B2",
		"fold=2&times=clock&level=ERROR", "lanes=time&indent=stored", "level=debug-9223372036854775808", "toggled=+1.01", "q=%ff&q=2",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, _ := url.ParseQuery(query) // returns what it could read
		view, err := reading.ParseView(values)
		if err != nil {
			return
		}
		again, err := reading.ParseView(view.Values())
		if err != nil || !reflect.DeepEqual(again, view) {
			t.Errorf("ParseView(%q): got %+v, and of its values %+v, %v", query, view, again, err)
		}
	})
}

// foldText has branches of two lines, and one of a single line.
const foldText = `+0.000 I start
+0.000 I   load
+0.000 I     read
+0.000 I     close
+0.000 I   check
+0.000 W     odd
+0.000 I       why
+0.000 I       how
+0.000 I   ask
+0.000 I     answer
+0.000 I end
`

// folded returns the numbers of the lines that are folded, of those with others below.
func folded(v reading.View, tree *reading.Tree) (numbers []int) {
	for i := range tree.Nodes {
		if n := &tree.Nodes[i]; len(n.Children) > 0 && v.Folded(tree, n) {
			numbers = append(numbers, n.Number)
		}
	}
	return numbers
}

func TestFolded(t *testing.T) {
	tests := []struct {
		name string
		view reading.View
		want []int
	}{
		{"errors first", reading.NewView(), []int{2, 6}},
		{"unfolded", reading.View{Fold: reading.Unfolded}, nil},
		{"to depth 0", reading.View{Fold: 0}, []int{1, 2, 5, 6, 9}},
		{"to depth 1", reading.View{Fold: 1}, []int{2, 5, 6, 9}},
		{"to depth 9", reading.View{Fold: 9}, nil},
		{"toggled", reading.View{Fold: reading.ErrorsFirst, Toggled: map[int]bool{1: true, 2: true, 5: false, 9: true}}, []int{1, 6, 9}},
		{"toggled to depth 1", reading.View{Fold: 1, Toggled: map[int]bool{1: true, 2: true}}, []int{1, 5, 6, 9}},
		{"filter", reading.View{Filter: reading.Filter{Text: "w"}}, nil},
		{"filter and toggled", reading.View{Filter: reading.Filter{Text: "w"}, Toggled: map[int]bool{5: true}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := folded(tt.view, parseTree(foldText)); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestFoldedCalmStories(t *testing.T) {
	calm := strings.ReplaceAll(foldText, " W ", " I ")
	if got := folded(reading.NewView(), parseTree(calm)); got != nil {
		t.Errorf("a short calm story: got %v folded, want none", got)
	}
	long := calm + strings.Repeat("+0.000 I more\n", reading.CalmLines)
	if got, want := folded(reading.NewView(), parseTree(long)), []int{2, 5, 6}; !slices.Equal(got, want) {
		t.Errorf("a long calm story: got %v folded, want %v", got, want)
	}
}

func TestFilter(t *testing.T) {
	tests := []struct {
		name        string
		filter      reading.Filter
		match, keep []int
	}{
		{"none", reading.Filter{}, []int{1, 2, 3, 4, 5, 6, 7, 8}, []int{1, 2, 3, 4, 5, 6, 7, 8}},
		{"message", reading.Filter{Text: "insert"}, []int{5}, []int{1, 3, 5}},
		{"attributes", reading.Filter{Text: "AGE="}, []int{4}, []int{1, 3, 4}},
		{"level", reading.Filter{Level: level(slog.LevelWarn)}, []int{7}, []int{1, 7}},
		{"both", reading.Filter{Text: "a", Level: level(slog.LevelInfo)}, []int{3, 6, 7}, []int{1, 3, 6, 7}},
		{"other lane", reading.Filter{Text: "sent"}, []int{8}, []int{6, 8}},
		{"nothing", reading.Filter{Text: "nowhere"}, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree := parseTree(orderText)
			if got := tt.filter.Apply(tree); got != len(tt.match) {
				t.Errorf("Apply: got %d, want %d", got, len(tt.match))
			}
			var match, keep []int
			for _, n := range tree.Nodes {
				if n.Match {
					match = append(match, n.Number)
				}
				if n.Keep {
					keep = append(keep, n.Number)
				}
			}
			if !slices.Equal(match, tt.match) || !slices.Equal(keep, tt.keep) {
				t.Errorf("match, keep: got %v, %v, want %v, %v", match, keep, tt.match, tt.keep)
			}
		})
	}
}

// Every line that is kept stands under kept callers, and each is there for a match.
func TestFilterKeepsCallers(t *testing.T) {
	onRandomTrees(t, func(t *testing.T, tree *reading.Tree, _ []int) {
		reading.Filter{Text: "message b", Level: level(slog.LevelInfo)}.Apply(tree)
		wanted := make(map[int]bool)
		for i := range tree.Nodes {
			n := &tree.Nodes[i]
			if match := n.Message == "message b" && n.Level >= slog.LevelInfo; match != n.Match {
				t.Errorf("line %d match: got %v, want %v", n.Number, n.Match, match)
			}
			for above := n; n.Match && above != nil; above = above.Parent {
				wanted[above.Number] = true
			}
		}
		for i := range tree.Nodes {
			if n := &tree.Nodes[i]; n.Keep != wanted[n.Number] {
				t.Errorf("line %d keep: got %v, want one of %v", n.Number, n.Keep, slices.Sorted(maps.Keys(wanted)))
			}
		}
	})
}

// What is shown is found, as is what is stored.
func TestFilterFindsWhatIsShown(t *testing.T) {
	line := story.Line{Message: "bell \a rang", Attrs: `path="/var/log a" said="he said \"Hi\"" text="one\ntwo" "odd key"="x y" plain=1`}
	for text, want := range map[string]bool{
		`path=/var/log a`: true, `path="/var/log a"`: true, `he said "hi"`: true, `said=he`: true, `said \"hi`: true,
		"one\ntwo": true, `one\ntwo`: true, "odd key=x y": true, `"odd key"="x`: true, "plain=1": true,
		`bell \x07`: true, "bell \a": true, "path=he": false, "two plain": false, `hi"" text`: false,
	} {
		tree := reading.NewTree(story.Story{Lines: []story.Line{line}})
		if got := (reading.Filter{Text: text}).Apply(tree) == 1; got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// SelectsAny says without a tree whether Apply will select something.
func TestSelectsAny(t *testing.T) {
	level := slog.LevelWarn
	lines := []story.Line{{Message: "Paying", Attrs: `err="it was <bad>"`}, {Level: slog.LevelWarn, Message: "Waiting\x00"}}
	for _, f := range []reading.Filter{
		{}, {Text: "PAYING"}, {Text: "err=it was"}, {Text: `waiting\x00`}, {Text: "none"}, {Level: &level}, {Text: "paying", Level: &level}, {Text: "waiting", Level: &level},
	} {
		want := f.Apply(reading.NewTree(story.Story{Lines: lines})) > 0
		if got := f.SelectsAny(lines); got != want {
			t.Errorf("%+v selects any: %v", f, got)
		}
	}
	search := reading.Filter{Text: "lines>1"}
	if err := search.ReadSearch(time.Now()); err != nil || !search.SelectsAny(lines) {
		t.Errorf("a search is left out, %v", err)
	}
}

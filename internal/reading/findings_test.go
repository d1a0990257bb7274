package reading_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// foundIn writes the findings of a difference, a line for each.
func foundIn(d *reading.Diff) (found []string) {
	for _, f := range d.Findings {
		text := string(f.Change) + " " + f.Text(func(s string) string { return s }) + f.More()
		if word := reading.LevelWord(f.Level); word != "" {
			text = word + " " + text
		}
		found = append(found, text)
	}
	return found
}

func checkFindings(t *testing.T, was, is string, want ...string) *reading.Diff {
	t.Helper()
	d := newDiff(was, is)
	checkDiff(t, d)
	if got := foundIn(d); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return d
}

// batches is the story of an index that is made anew.
func batches(generation int, more string) string {
	var text strings.Builder
	text.WriteString("+0.000 I Reindexing\n")
	for i := range 58 {
		fmt.Fprintf(&text, "+0.%03d I   Batch %d\n", i, i+1)
		if i == 41 {
			text.WriteString(more)
		}
		fmt.Fprintf(&text, "+0.%03d D     Sent\n+0.%03d D     Committed\tgeneration=%d\n", i, i, generation)
	}
	return text.String()
}

// The same change in 58 lines is told once, after the one error.
func TestFindingsAreToldOnce(t *testing.T) {
	d := checkFindings(t, batches(405, "+0.041 W     Node left\tnode=2\n+0.041 E     Rejected\terr=\"429\"\n"), batches(406, ""),
		"ERROR gone Rejected", "WARN gone Node left", "changed generation 405 → 406 · 58 lines")
	var text strings.Builder
	if err := (reading.Printer{}).Diff(&text, d, false); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(text.String(), "\n"); lines > 30 || strings.Count(text.String(), "405 → 406") != 2 {
		t.Errorf("got %d lines, want that one change stands for all, and one line for it:\n%s", lines, &text)
	}
	for _, want := range []string{"of them as told above", "ERROR Rejected", "in Reindexing › Batch 42"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
	text.Reset()
	if err := (reading.Printer{}).Diff(&text, d, true); err != nil || strings.Count(text.String(), "405 → 406") != 59 {
		t.Errorf("all: got %v and\n%s", err, &text)
	}
}

func TestFindingsAreRanked(t *testing.T) {
	was := "+0.000 I request\n+0.001 I   load\n+0.001 D     SELECT cart\n+0.002 I   pay\tuser=7\n+0.003 I     captured\n+0.004 I   item 1\tn=1\n+0.004 I 201 Created\n"
	is := "+0.000 I request\n+0.001 I   load\n+0.001 D     SELECT cart\n+0.501 I   pay\tuser=8\n+0.502 E     Payment failed\n+0.503 I   item 1\tn=2\n" +
		"+0.503 D     SELECT price\n+0.504 I   item 2\tn=3\n+0.504 D     SELECT price\n+0.505 I 502 Bad Gateway\n"
	checkFindings(t, was, is,
		"ERROR new Payment failed", "gone captured", "new SELECT price · 2 lines", "gone 201 Created", "new 502 Bad Gateway",
		"slower SELECT cart took 1ms → 500ms (×500)", "changed user 7 → 8", "changed n 1 → 2", "new item 2 · 1 line under it")
}

// More turns of a loop are no new lines, and what is under a new line is told with it.
func TestFindingsOfLoops(t *testing.T) {
	turn := "+0.000 I   turn\n+0.000 I     step\n"
	d := checkFindings(t, "+0.000 I loop\n"+turn, "+0.000 I loop\n"+strings.Repeat(turn, 5), "new turn · 4 lines · 4 lines under them")
	if f := d.Findings[0]; f.Rank != reading.RankRest {
		t.Errorf("rank: got %d, want the last", f.Rank)
	}
	runs := reading.Runs(d.Lanes[0][0].Children, false)
	if len(runs) != 3 || runs[0].String() != "2 equal lines" || runs[1].Folded || runs[2].String() != "6 lines, as told above" {
		t.Errorf("runs: got %v", runs)
	}
	d = checkFindings(t, "+0.000 I a\n", "+0.000 I a\n+0.000 I   slow path\n+0.000 I     asking\n+0.000 W     waiting\n+0.000 I       twice\n",
		"WARN new waiting · 1 line under it", "new slow path · 3 lines under it")
	if d.Ranked() != nil {
		t.Error("two lines are told in their places")
	}
}

// Values that differ in each turn are one finding as well.
func TestFindingsOfManyValues(t *testing.T) {
	text := func(by int) string {
		var all strings.Builder
		for i := range 5 {
			fmt.Fprintf(&all, "+0.000 I item %d\tproduct=%d\n", i, 100+i*by)
		}
		return all.String()
	}
	checkFindings(t, text(1), text(7), "changed product 101 → 107, 102 → 114, 103 → 121, … · 4 lines")
	checkFindings(t, "+0.000 I a\tbuild=1\n+0.000 I b\tbuild=1\n", "+0.000 I a\tbuild=2\n+0.000 I b\tbuild=2\n", "changed build 1 → 2 · 2 lines")
}

// What is slower in many lines is told with how long all of them took.
func TestFindingsOfSlowerLines(t *testing.T) {
	text := func(each time.Duration) string {
		var lines []story.Line
		for i := range 4 {
			lines = append(lines, story.Line{Message: fmt.Sprintf("shelf %d", i), Offset: time.Duration(i) * each})
		}
		return story.Format(lines)
	}
	d := newDiff(text(100*time.Millisecond), strings.ReplaceAll(text(300*time.Millisecond), "shelf", "shelf"))
	if got, want := foundIn(d), "slower shelf 0 took 300ms → 900ms (×3.0) · 3 lines"; len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHeaderValues(t *testing.T) {
	tree := func(attrs map[string]string) *reading.Tree {
		s := parse("+0.000 I a\n")
		s.Attrs = attrs
		return reading.NewTree(s)
	}
	d := diffOf(
		tree(map[string]string{"request_id": "a", "span_id": "x", "host": "h1", "build": "v2.8.0", "status": "200", "aside": "x", "zone": "eu"}),
		tree(map[string]string{"request_id": "b", "host": "h1", "build": "v2.8.1", "status": "502", "zone": "us", "lane_1": "mail"}))
	var got []string
	for _, value := range d.Header {
		got = append(got, value.String())
	}
	want := []string{"status 200 → 502", "build v2.8.0 → v2.8.1", "aside is gone: x", "zone eu → us"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFactor(t *testing.T) {
	for _, tt := range []struct {
		was, is time.Duration
		want    string
	}{
		{0, time.Second, ""}, {time.Second, time.Second, "×1.0"}, {41262, 15687, "×0.38"}, {10, 15, "×1.5"}, {10, 234, "×23"},
		{1, 3001, "×3,000"}, {1, 154, "×150"}, {1000, 1, "×0.001"}, {1, 1_260_000, "×1,300,000"},
	} {
		if got := reading.Factor(tt.was, tt.is); got != tt.want {
			t.Errorf("from %d to %d: got %q, want %q", tt.was, tt.is, got, tt.want)
		}
	}
}

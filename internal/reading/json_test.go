package reading_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

func TestStoryJSON(t *testing.T) {
	s := parse("+0.000 I POST /order\n+0.000 D           token accepted	kid=abc a=\"x y\" a=2\n" +
		"+0.000 I<0             creating order\n+0.002 W+1                   age\n                              | odd\n+0.003 I&1 notify\n")
	s.Attrs = map[string]string{"host": "web-1"}
	checkGolden(t, "story json", writeJSON(t, s, reading.JSONLayout{Indent: "  ", HTML: true}))
}

func TestStoryJSONOfNothing(t *testing.T) {
	got := writeJSON(t, newStory(), reading.JSONLayout{})
	want := `{"key":"user_42","id":"2026-11-22T12:00:00.000000Z-000000","start":"2026-11-22T12:00:00Z","updated":"2026-11-22T12:00:00Z",` +
		`"duration_ms":0,"state":"sealed","level":"INFO","line_count":0,"title":"","lines":[]}` + "\n"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The parents are the tree's.
func TestStoryJSONParents(t *testing.T) {
	onRandomTrees(t, func(t *testing.T, tree *reading.Tree, parents []int) {
		var written struct{ Lines []reading.Line }
		if err := json.Unmarshal([]byte(writeJSON(t, tree.Story, reading.JSONLayout{})), &written); err != nil || len(written.Lines) != len(parents) {
			t.Fatalf("got %d lines, %v, want %d", len(written.Lines), err, len(parents))
		}
		for i, line := range written.Lines {
			if line.Number != i+1 || line.Parent != parents[i]+1 {
				t.Fatalf("line %d: got number %d, parent %d, want %d, %d", i+1, line.Number, line.Parent, i+1, parents[i]+1)
			}
		}
	})
}

func TestHostileJSON(t *testing.T) {
	s := hostileTree().Story
	s.Attrs = map[string]string{"a": `[]}],"lines":[`} // what the frame is cut at
	for _, layout := range []reading.JSONLayout{{}, {Indent: "  ", HTML: true}} {
		var written struct {
			reading.Header
			Lines []reading.Line
		}
		if err := json.Unmarshal([]byte(writeJSON(t, s, layout)), &written); err != nil || len(written.Lines) != len(s.Lines) || written.Attrs["a"] != s.Attrs["a"] {
			t.Errorf("%+v: got %d lines, %v, want %d", layout, len(written.Lines), err, len(s.Lines))
		}
	}
}

// It is laid out as encoding/json does.
func TestJSONLayout(t *testing.T) {
	for _, s := range []string{"", "+0.000 I <one>\ta=b\n", "+0.000 I one\n+0.000 I   two\tc=\"d e\"\n"} {
		text := writeJSON(t, parse(s), reading.JSONLayout{})
		for indent, want := range map[string]func(dst *bytes.Buffer, src []byte) error{
			"":   json.Compact,
			"  ": func(dst *bytes.Buffer, src []byte) error { return json.Indent(dst, src, "", "  ") },
		} {
			var other bytes.Buffer
			if err := want(&other, []byte(text)); err != nil {
				t.Fatal(err)
			}
			got := writeJSON(t, parse(s), reading.JSONLayout{Indent: indent})
			if strings.TrimSuffix(got, "\n") != strings.TrimSuffix(other.String(), "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, &other)
			}
		}
	}
}

func writeJSON(t *testing.T, s story.Story, layout reading.JSONLayout) string {
	t.Helper()
	var out strings.Builder
	if err := reading.WriteJSON(&out, s, reading.Calls{}, layout); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

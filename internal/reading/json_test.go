package reading_test

import (
	"encoding/json"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/reading"
)

func TestStoryJSON(t *testing.T) {
	s := parse("+0.000 I POST /order\n+0.000 D           token accepted	kid=abc a=\"x y\" a=2\n" +
		"+0.000 I<0             creating order\n+0.002 W+1                   age\n                              | odd\n+0.003 I&1 notify\n")
	s.Attrs = map[string]string{"host": "web-1"}
	got, err := json.MarshalIndent(reading.StoryJSON(s), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "story json", string(got)+"\n")
}

func TestStoryJSONOfNothing(t *testing.T) {
	got, err := json.Marshal(reading.StoryJSON(newStory()))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"key":"user_42","id":"2026-11-22T12:00:00.000000Z-000000","start":"2026-11-22T12:00:00Z","updated":"2026-11-22T12:00:00Z",` +
		`"duration_ms":0,"state":"sealed","level":"INFO","line_count":0,"title":"","lines":[]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The parents are the tree's.
func TestStoryJSONParents(t *testing.T) {
	onRandomTrees(t, func(t *testing.T, tree *reading.Tree, parents []int) {
		for i, line := range reading.StoryJSON(tree.Story).Lines {
			if line.Number != i+1 || line.Parent != parents[i]+1 {
				t.Fatalf("line %d: got number %d, parent %d, want %d, %d", i+1, line.Number, line.Parent, i+1, parents[i]+1)
			}
		}
	})
}

func TestHostileJSON(t *testing.T) {
	data, err := json.Marshal(reading.StoryJSON(hostileTree().Story))
	if err != nil || !json.Valid(data) {
		t.Errorf("got %s, %v, want valid JSON", data, err)
	}
}

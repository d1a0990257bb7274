package story_test

import (
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/story"
)

func TestPieces(t *testing.T) {
	line := strings.Repeat("x", 99) + "\n"
	for _, test := range []struct {
		name, text string
		want       []int // sizes
	}{
		{"nothing", "", nil},
		{"one", line, []int{100}},
		{"as much as a part holds", strings.Repeat("x", story.MaxPartText), []int{story.MaxPartText}},
		{"after a line", strings.Repeat(line, 700), []int{65500, 4500}},
		{"a long line, between bytes", strings.Repeat("x", story.MaxPartText+1), []int{story.MaxPartText, 1}},
		{"a long line, between characters", "x" + strings.Repeat("é", story.MaxPartText/2), []int{story.MaxPartText - 1, 2}},
		{"no characters", strings.Repeat("\x80", story.MaxPartText+1), []int{story.MaxPartText - 4, 5}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []int
			joined := ""
			for piece := range story.Pieces(test.text) {
				got, joined = append(got, len(piece)), joined+piece
			}
			if joined != test.text {
				t.Error("the pieces are not the text")
			}
			if len(got) != len(test.want) || len(got) > 0 && (got[0] != test.want[0] || got[len(got)-1] != test.want[len(got)-1]) {
				t.Errorf("got pieces of %v bytes, want %v", got, test.want)
			}
		})
	}
}

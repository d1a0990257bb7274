package dynamoslog

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/story"
)

// A story that leaves memory whole as a small one is a small one when it comes back, with
// the line that says what was dropped of it.
func TestSmallStoryStaysSmall(t *testing.T) {
	room := story.MaxHeaderText - story.LineBound("", "")
	for name, test := range map[string]struct {
		message string
		refused int
		fits    bool
	}{
		"short":                       {"hello", 0, true},
		"short, lines dropped":        {"hello", 1, true},
		"full":                        {strings.Repeat("x", room-100), 0, true},
		"full, lines dropped":         {strings.Repeat("x", room-100), 1, false},
		"larger":                      {strings.Repeat("x", room+100), 0, false},
		"larger by escapes":           {strings.Repeat("\x00", room/2), 0, false},
		"larger by further lines":     {strings.Repeat("\n", room/2), 0, false},
		"of another script, and fits": {strings.Repeat("ж", room/16), 0, true},
	} {
		c := newCore(story.NewMemory(), Options{})
		k := &chunk{telling: c.newTelling(), refused: test.refused}
		k.lines.add(&c.blocks, &lineFacts{level: slog.LevelInfo, message: uint32(len(test.message))}, test.message, nil)
		fits := k.fitsHeader()
		if fits != test.fits {
			t.Errorf("%s: fits the header: %v, want %v", name, fits, test.fits)
		}
		k.leaveOut(c)
		if text, _ := k.telling.format(&k.lines, &c.sheet); fits && !story.FitsHeader(len(text)) {
			t.Errorf("%s: got %d bytes of text, more than fit", name, len(text))
		}
	}
}

package viewer_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// A query that is made again and again is one row, with what its lines say that it took, and a
// bar that begins with the first.
func TestQueriesThatRepeat(t *testing.T) {
	lines := []story.Line{{Message: "Pricing the order"}}
	for i := range 37 {
		lines = append(lines, story.Line{
			Message: "SELECT price FROM items WHERE id = ?", Level: slog.LevelDebug, Depth: 1,
			Offset: time.Duration(i+1) * 100 * time.Millisecond, Attrs: fmt.Sprintf("args=[%d] rows=1 took=%dms", i, 20+i),
		})
	}
	lines = append(lines, story.Line{Message: "priced", Offset: 4 * time.Second})
	got := lanePages(t, nil, lines...)("&fold=none")
	row, _, _ := strings.Cut(got[max(strings.Index(got, `id="R2"`), 0):], "</summary>")
	for _, want := range []string{
		`SELECT price FROM items WHERE id = ? <span class="x">×37</span> <small>1.41 s in all, 20 ms to 56 ms each, the slowest is line 38</small>`,
		`36 others`,
	} {
		if !strings.Contains(row, want) {
			t.Errorf("no %s in\n%s", want, row)
		}
	}
}

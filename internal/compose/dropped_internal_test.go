package compose

import (
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

// randomPlaces are lines as a program makes them that calls and returns.
func randomPlaces(r *rand.Rand, turned bool) []linebuf.Place {
	places := make([]linebuf.Place, 1+r.IntN(60))
	before := 0
	for i := range places {
		shared := r.IntN(before + 1)
		frames := max(shared, 1) + r.IntN(4)
		places[i] = linebuf.Place{Frames: frames, Shared: shared, Turned: turned && shared > 0 && r.IntN(4) == 0}
		before = frames
	}
	return places
}

// mayStand reports whether a line may stand under an earlier one, whatever lines are
// between: the call of that has not returned.
func mayStand(places []linebuf.Place, line, under int) bool {
	for _, p := range places[under+1 : line+1] {
		if places[under].Frames > p.Shared {
			return false
		}
	}
	return places[under].Frames < places[line].Frames
}

// When lines are dropped, once or twice, in parts or all at once, no other one stands
// under a call that has returned; and where none has begun another turn, each stands
// under the nearest one left.
func TestDroppedLinesSayWhatHasReturned(t *testing.T) {
	var pool linebuf.Pool
	for seed := range uint64(20_000) {
		r := rand.New(rand.NewPCG(seed, 5))
		turned := seed%2 == 0
		places := randomPlaces(r, turned)
		levels := make([]int, len(places)) // 0 is dropped first, then 1
		c, scratch := New(false), &Scratch{Pool: &pool}
		var text strings.Builder
		for at := 0; at < len(places); {
			end := min(len(places), at+1+r.IntN(30))
			var l linebuf.Lines
			for ; at < end; at++ {
				levels[at] = r.IntN(4)
				message := strconv.Itoa(at)
				l.Add(&pool, &linebuf.Meta{Level: slog.Level(levels[at]), Place: places[at], Message: uint32(len(message))}, message, nil)
			}
			l.KeepFrom(&pool, 1)
			l.KeepFrom(&pool, 2)
			text.WriteString(c.Format(&l, scratch))
		}
		lines := story.Parse(text.String())
		for i, parent := range story.Parents(lines) {
			line, _ := strconv.Atoi(lines[i].Message)
			nearest := -1
			for under := range line {
				if levels[under] >= 2 && mayStand(places, line, under) {
					nearest = under
				}
			}
			got := -1
			if parent >= 0 {
				got, _ = strconv.Atoi(lines[parent].Message)
			}
			if got != nearest && (!turned || got >= 0 && !mayStand(places, line, got)) {
				t.Fatalf("seed %d: line %d stands under %d, want %d, of %+v", seed, line, got, nearest, places[:line+1])
			}
		}
	}
}

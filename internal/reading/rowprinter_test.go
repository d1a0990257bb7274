package reading_test

import (
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// longTree is a story that is wider than a terminal, with wide characters.
func longTree() *reading.Tree {
	s := newStory(
		story.Line{Message: "POST /orders", Attrs: `user=42 items=3`},
		story.Line{Depth: 1, Message: "SELECT id, amount\nFROM carts JOIN products ON products.id = carts.product AND products.sold = false\nWHERE customer = ?", Attrs: "args=[42] rows=3", Offset: ms(1)},
		story.Line{Depth: 1, Message: "Paying", Offset: ms(3)},
		story.Line{Depth: 2, Message: "注文を処理しています、しばらくお待ちください。注文を処理しています、しばらくお待ちください。注文を処理しています", Offset: ms(4)},
		story.Line{Depth: 2, Message: "Asking the bank", Attrs: `body="{\"amount\":100,\"order\":740,\"currency\":\"EUR\",\"reference\":\"` + strings.Repeat("x", 130) + `\"}"`, Offset: ms(5)},
		story.Line{Depth: 2, Level: slog.LevelError, Message: "Payment failed", Attrs: `order=740 err="Post \"https://pay.example/charge\": context deadline exceeded" spaced="a  b" empty=""`, Offset: ms(2900)},
		story.Line{Level: slog.LevelError, Message: "502 Bad Gateway", Attrs: "status=502", Offset: ms(3000)},
	)
	s.Attrs = map[string]string{
		"status": "502", "route": "POST /orders", "build": "v2.8.1", "host": "shop-2", "trace_id": "a9340daec5db6d96edcbb0e4740a3d75",
		"odd": "a  b", "lane_1": "no fact", "request_id": "mtyhowdausql", "path": "/orders", "a": "first of the rest",
	}
	return reading.NewTree(s)
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func TestPrintStoryOnTerminal(t *testing.T) {
	view := reading.View{Fold: reading.Unfolded}
	checkGolden(t, "terminal of 60", printStory(t, reading.Printer{Width: 60, Most: 2000}, longTree(), view))
	checkGolden(t, "terminal of 80", printStory(t, reading.Printer{Width: 80, Most: 2000}, longTree(), view))
	checkGolden(t, "terminal of 100", printStory(t, reading.Printer{Width: 100, Most: 2000}, longTree(), reading.NewView()))
	checkGolden(t, "terminal of 120 whole", printStory(t, reading.Printer{Width: 120, Numbers: true}, longTree(), view))
	checkGolden(t, "terminal painted", printStory(t, reading.Printer{Width: 70, Most: 2000, Paint: paint}, longTree(), view))
}

var rowEnds = regexp.MustCompile(`[ \n]+`)

// No row is longer than the terminal is wide, and nothing but the ends of rows differs from
// what is written elsewhere.
func TestPrintStoryWraps(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	words := []string{"a", "Paying", "注文を処理", "https://pay.example/charge?with=a&very=long&query=string&that=has&no=blank", "e\u0301", "👩‍👩‍👧", "  ", strings.Repeat("x", 90)}
	text := func() string {
		var all []string
		for range rng.IntN(20) {
			all = append(all, words[rng.IntN(len(words))])
		}
		return strings.Join(all, []string{" ", ""}[rng.IntN(2)])
	}
	for range 200 {
		lines, _ := randomCalls(rng, 20, 2)
		for i := range lines {
			lines[i].Message = text()
			if rng.IntN(4) == 0 {
				lines[i].Message += "\n" + text()
			}
		}
		tree := reading.NewTree(newStory(lines...))
		for _, width := range []int{30, 57, 80, 99} {
			view := reading.View{Fold: reading.Unfolded, Each: true, Flat: rng.IntN(2) == 0}
			got := printStory(t, reading.Printer{Width: width}, tree, view)
			for row := range strings.Lines(got) {
				if n := reading.Width(strings.TrimSuffix(row, "\n")); n > width {
					t.Fatalf("a row of %d columns on a terminal of %d: %q", n, width, row)
				}
			}
			want := printStory(t, reading.Printer{}, tree, view)
			_, gotLines, _ := strings.Cut(got, "\n\n")
			_, wantLines, _ := strings.Cut(want, "\n\n")
			if got, want := rowEnds.ReplaceAllString(gotLines, ""), rowEnds.ReplaceAllString(wantLines, ""); got != want {
				t.Fatalf("at %d columns\n%s\nis not\n%s", width, gotLines, wantLines)
			}
		}
	}
}

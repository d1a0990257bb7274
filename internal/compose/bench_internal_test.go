package compose

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/alias"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

// BenchmarkParts measures what writing a whole story down takes, which ends where it began:
// calm ones, and one with an Error under five callers; and calm ones with an index of three
// attributes that no line has.
func BenchmarkParts(b *testing.B) {
	for _, size := range []int{10, 50} {
		for name, level := range map[string]slog.Level{"calm": slog.LevelInfo, "error": slog.LevelError, "index": slog.LevelInfo} {
			var index *alias.Index
			if name == "index" {
				index = alias.NewIndex([]string{"order_id", "cart.item", "request_id"})
			}
			b.Run(fmt.Sprintf("%d/%s", size, name), func(b *testing.B) {
				pool := &linebuf.Pool{}
				s := &Scratch{Pool: pool, Index: index}
				attrs := []byte(`component=flexibility order=443 err="Post \"https://pay.example/charges\": context deadline exceeded"`)
				b.ReportAllocs()
				for b.Loop() {
					k := &Chunk{Place: Whole, Header: &story.Header{Key: user, ID: "1", State: story.Sealed, MaxLevel: level}}
					for i := range size {
						at, frames := slog.LevelInfo, 5+i%6
						switch i {
						case 5:
							at = level
						case size - 1:
							frames = 5
						}
						m := linebuf.Meta{Level: at, Place: linebuf.Place{Frames: frames, Shared: frames - 1}, Message: 30, Attrs: uint32(len(attrs))}
						k.Lines.Add(pool, &m, "No exercises for current filte", attrs)
					}
					if told := New(false).Parts(k, nil, s); len(told.Parts) == 0 {
						b.Fatal("nothing was told")
					}
					k.Lines.Release(pool)
				}
			})
		}
	}
}

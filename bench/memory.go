package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync/atomic"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// memory prints what is held for stories that are open, beside the text that will
// be stored of them.
func memory(out io.Writer) error {
	const stories = 100_000
	var rows [][]string
	first := 0.0 // what a story takes with its first line
	for _, lines := range []int{1, 10, 30, 50, 100} {
		held, text := holdStories(stories, lines)
		further := "–"
		if each := float64(held) / stories; lines == 1 {
			first = each
		} else {
			further = fmt.Sprintf("%.0f", (each-first)/float64(lines-1))
		}
		rows = append(rows, []string{
			fmt.Sprint(lines), fmt.Sprintf("%.0f", float64(held)/stories), fmt.Sprintf("%.0f", float64(text)/stories),
			fmt.Sprintf("%.0f", float64(text)/float64(stories*lines)), further, fmt.Sprintf("%.2f", float64(held)/float64(text)),
		})
	}
	printTable(out, []string{"lines a story, 100,000 stories open", "bytes held a story", "bytes stored a story", "stored a line", "held for a further line", "held / stored"}, rows)
	return nil
}

// holdStories returns how many bytes of memory open stories take, and how many of
// text are stored of them.
func holdStories(stories, lines int) (held, text int64) {
	store := &countingStore{}
	h := dynamoslog.New(store, &dynamoslog.Options{MaxBuffered: 1 << 40})
	logger := slog.New(h)
	random := rand.New(rand.NewPCG(1, 1))
	scopes := make([]*dynamoslog.Scope, stories)
	before := liveHeap()
	for i := range scopes {
		var ctx context.Context
		ctx, scopes[i] = dynamoslog.Begin(context.Background(), "user", i)
		tell(ctx, logger, random, lines)
	}
	held = liveHeap() - before
	for _, scope := range scopes {
		scope.End()
	}
	if err := h.Shutdown(context.Background()); err != nil {
		panic(err)
	}
	return held, store.bytes.Load()
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // pools keep things for one collection more
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// A countingStore takes everything and keeps how much it was.
type countingStore struct {
	story.Store
	bytes, lines atomic.Int64
}

func (s *countingStore) Put(_ context.Context, parts []story.Part) error {
	for _, part := range parts {
		s.bytes.Add(int64(len(part.Text)))
		for _, c := range []byte(part.Text) {
			if c == '\n' {
				s.lines.Add(1)
			}
		}
	}
	return nil
}

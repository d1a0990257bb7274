package shop_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/shop"
	"github.com/dynamoslog/dynamoslog/story"
)

var end = time.Date(2026, 11, 26, 17, 0, 0, 0, time.UTC)

func TestWeekIsOneThatAStoreKeeps(t *testing.T) {
	store := story.NewMemory()
	if err := shop.Fill(t.Context(), store, end); err != nil {
		t.Fatal(err)
	}
	count, problems, kinds := 0, make(map[string]int), make(map[string]int)
	for h, err := range story.All(t.Context(), store, story.Query{Limit: 1000}) {
		if err != nil {
			t.Fatal(err)
		}
		count++
		kinds[h.Key.Kind]++
		if h.MaxLevel >= slog.LevelError {
			problems[h.Cause]++
		}
		s, err := store.Read(t.Context(), h.Key, h.ID)
		if err != nil || len(s.Lines) != h.LineCount {
			t.Fatalf("%v %s: %d lines of %d, %v", h.Key, h.ID, len(s.Lines), h.LineCount, err)
		}
	}
	if count < 1000 || kinds["user"] == 0 || kinds["order"] == 0 || kinds["job"] < 60 || len(problems) != 2 {
		t.Errorf("%d stories of %v, with the problems %v", count, kinds, problems)
	}
}

func TestWeekIsTheSameEachTime(t *testing.T) {
	var ids []string
	for s := range shop.Week(end) {
		ids = append(ids, s.ID)
	}
	i := 0
	for s := range shop.Week(end) {
		if s.ID != ids[i] {
			t.Fatalf("story %d is %s, and was %s", i, s.ID, ids[i])
		}
		i++
	}
}

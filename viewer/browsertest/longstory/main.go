// Command longstory writes two stories of 100,000 lines into a file, for the
// checks of the pages: job_nested, with an error deep inside, and job_flat, which
// has nothing to fold.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

const count = 100_000

func main() {
	store, err := sqlitestore.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for id, deepest := range map[string]int{"nested": 7, "flat": 1} {
		if err := store.Put(context.Background(), parts(story.NewKey("job", id), deepest)); err != nil {
			log.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		log.Fatal(err)
	}
}

func parts(key story.Key, deepest int) []story.Part {
	lines := make([]story.Line, count)
	for i := range lines {
		lines[i] = story.Line{
			Offset: time.Duration(i) * time.Millisecond, Depth: i % deepest,
			Message: fmt.Sprintf("Step %c%c of the import", 'a'+i%26, 'a'+i/26%26), Attrs: fmt.Sprintf("row=%d table=users", i),
		}
	}
	lines[count/2].Level = slog.LevelError
	start := time.Now().UTC().Truncate(time.Microsecond).Add(-time.Hour)
	header := &story.Header{
		Key: key, ID: story.NewID(start), Start: start, Updated: start, Duration: count * time.Millisecond,
		State: story.Sealed, MaxLevel: slog.LevelError, LineCount: count, Title: lines[0].Message,
	}
	all := []story.Part{{Key: key, ID: header.ID, Header: header}}
	for text := story.Format(lines); text != ""; {
		size := min(len(text), story.MaxPartText)
		all = append(all, story.Part{Key: key, ID: header.ID, Number: len(all), Text: text[:size]})
		text = text[size:]
		header.Parts++
	}
	return all
}

package viewer_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// BenchmarkLongStory shows a story of 100,000 lines from a file, each line unlike
// the one before: one with branches that are folded, and one where all are seen.
func BenchmarkLongStory(b *testing.B) {
	b.Run("nested", func(b *testing.B) { benchmarkLongStory(b, 7) })
	b.Run("flat", func(b *testing.B) { benchmarkLongStory(b, 1) })
}

func benchmarkLongStory(b *testing.B, deepest int) {
	store, err := sqlitestore.Open(filepath.Join(b.TempDir(), "stories.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	const count = 100_000
	lines := make([]story.Line, count)
	for i := range lines {
		lines[i] = story.Line{
			Offset: time.Duration(i) * time.Millisecond, Depth: i % deepest,
			Message: fmt.Sprintf("Step %c%c of the import", 'a'+i%26, 'a'+i/26%26), Attrs: fmt.Sprintf("row=%d table=users", i),
		}
	}
	lines[count/2].Level = slog.LevelError
	key, id := story.NewKey("job", "import"), story.NewID(start)
	text := story.Format(lines)
	parts := []story.Part{{Key: key, ID: id}}
	for len(text) > 0 {
		n := min(len(text), story.MaxPartText)
		parts = append(parts, story.Part{Key: key, ID: id, Number: len(parts), Text: text[:n]})
		text = text[n:]
	}
	parts[0].Header = &story.Header{Key: key, ID: id, Start: start, Updated: start, State: story.Sealed, LineCount: count, Parts: len(parts) - 1, Title: "Import", MaxLevel: slog.LevelError}
	if err := store.Put(b.Context(), parts); err != nil {
		b.Fatal(err)
	}
	store.TTL = -1 // the story is of a fixed time
	server := httptest.NewServer(viewer.New(store, nil))
	defer server.Close()
	var size int64
	for b.Loop() {
		resp, err := http.Get(server.URL + "/story?key=job_import")
		if err != nil {
			b.Fatal(err)
		}
		if size, err = io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			b.Fatal(resp.Status, err)
		}
		_ = resp.Body.Close()
	}
	b.ReportMetric(float64(size)/1e6, "MB/page")
	http.DefaultClient.CloseIdleConnections()
}

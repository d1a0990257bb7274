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

	"github.com/dynamoslog/dynamoslog/internal/processortime"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// BenchmarkLongStory shows a story of 100,000 lines from a file, each line unlike the one
// before, to a browser that reads gzip: with branches that are folded, with all of them
// unfolded, and one without any. It tells when the first byte comes, how long the others
// take, what processor time a page costs, the little of its reader included, and how many
// bytes are sent.
func BenchmarkLongStory(b *testing.B) {
	for _, page := range []struct {
		name    string
		deepest int
		more    string // of the address
		coding  string
	}{
		{"nested", 7, "", "gzip"}, {"unfolded", 7, "&fold=none", "gzip"}, {"flat", 1, "", "gzip"}, {"unfolded-plain", 7, "&fold=none", "identity"},
	} {
		b.Run(page.name, func(b *testing.B) {
			server := longStoryServer(b, page.deepest)
			benchmarkSent(b, server.URL+"/story?key=job_import&id="+longStoryID+page.more, page.coding)
		})
	}
}

// longStoryID has the time of start.
var longStoryID = story.NewID(start)

// longStoryServer serves a story of which every so manieth line is at the margin.
func longStoryServer(b *testing.B, deepest int) *httptest.Server {
	b.Helper()
	store, err := sqlitestore.Open(filepath.Join(b.TempDir(), "stories.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	const count = 100_000
	lines := make([]story.Line, count)
	for i := range lines {
		lines[i] = story.Line{
			Offset: time.Duration(i) * time.Millisecond, Depth: i % deepest,
			Message: fmt.Sprintf("Step %c%c of the import", 'a'+i%26, 'a'+i/26%26), Attrs: fmt.Sprintf("row=%d table=users", i),
		}
	}
	lines[count/2].Level = slog.LevelError
	key, id := story.NewKey("job", "import"), longStoryID
	parts := []story.Part{{Key: key, ID: id}}
	for text := range story.Pieces(story.Format(lines)) {
		parts = append(parts, story.Part{Key: key, ID: id, Number: len(parts), Text: text})
	}
	parts[0].Header = &story.Header{Key: key, ID: id, Start: start, Updated: start, State: story.Sealed, LineCount: count, Parts: len(parts) - 1, Title: "Import", MaxLevel: slog.LevelError}
	if err := store.Put(b.Context(), parts); err != nil {
		b.Fatal(err)
	}
	store.TTL = -1 // the story is of a fixed time
	server := httptest.NewServer(viewer.New(store, nil))
	b.Cleanup(server.Close)
	return server
}

func benchmarkSent(b *testing.B, address, coding string) {
	defer http.DefaultClient.CloseIdleConnections()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", coding) // so that nothing is unpacked here
	var size int64
	var toFirst, toLast time.Duration
	cpu := processortime.Used()
	for b.Loop() {
		began := time.Now()
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil || resp.StatusCode != http.StatusOK {
			b.Fatal(resp.Status, err)
		}
		first := time.Now()
		if size, err = io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
		toFirst, toLast = toFirst+first.Sub(began), toLast+time.Since(first)
		_ = resp.Body.Close()
	}
	cpu = processortime.Used() - cpu
	b.ReportMetric(toFirst.Seconds()*1e3/float64(b.N), "first-ms")
	b.ReportMetric(toLast.Seconds()*1e3/float64(b.N), "rest-ms")
	b.ReportMetric(cpu.Seconds()*1e3/float64(b.N), "cpu-ms")
	b.ReportMetric(float64(size)/1e6, "MB/page")
}

package viewer_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// BenchmarkPages shows pages of 2,000 stories of 50 lines about 100 objects, from
// a file and from a table, and the read units that a page costs there.
func BenchmarkPages(b *testing.B) {
	b.Run("file", func(b *testing.B) {
		store, err := sqlitestore.Open(filepath.Join(b.TempDir(), "stories.db"))
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = store.Close() }()
		benchmarkPages(b, store, func() float64 { return 0 })
	})
	b.Run("table", func(b *testing.B) {
		table := &dynamoslog.Table{Name: dynamotest.TableName(b), Client: dynamotest.Start(b)}
		if err := table.Create(b.Context()); err != nil {
			b.Fatal(err)
		}
		benchmarkPages(b, table, func() float64 {
			_, units := table.Consumed()
			return units
		})
	})
}

func benchmarkPages(b *testing.B, store story.Store, consumed func() float64) {
	fill(b, store)
	server := httptest.NewServer(viewer.New(store, nil))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	page, err := store.List(b.Context(), story.Query{Key: story.NewKey("user", "42")})
	if err != nil || len(page.Headers) < 3 {
		b.Fatal(page, err)
	}
	middle := url.Values{"key": {"user_42"}, "id": {page.Headers[1].ID}}
	for _, page := range []struct{ name, address string }{
		{"recent", "/"}, {"object", "/object?key=user_42"}, {"story", "/story?" + middle.Encode()}, {"diff", "/diff?key=user_42"},
	} {
		b.Run(page.name, func(b *testing.B) {
			before, n := consumed(), 0
			for b.Loop() {
				load(b, server.URL+page.address)
				n++
			}
			b.ReportMetric((consumed()-before)/float64(n), "units/page")
		})
	}
}

func load(b *testing.B, address string) {
	b.Helper()
	resp, err := http.Get(address)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		b.Fatal(resp.Status, err)
	}
	_ = resp.Body.Close()
}

func fill(b *testing.B, store story.Store) {
	b.Helper()
	const stories, batch = 2000, 25
	begin := time.Now().UTC().Truncate(time.Microsecond).Add(-stories * time.Second)
	var parts []story.Part
	for i := range stories {
		lines := make([]story.Line, 50)
		for j := range lines {
			lines[j] = story.Line{Depth: min(j, 1), Message: fmt.Sprintf("No exercises available for filter %d of this user", j), Attrs: fmt.Sprintf("component=flexibility tries=%d", (i+j)*7%13)}
		}
		at := begin.Add(time.Duration(i) * time.Second)
		key, id := story.NewKey("user", fmt.Sprint(i%100)), story.NewID(at)
		header := &story.Header{Key: key, ID: id, Start: at, Updated: at, State: story.Sealed, LineCount: len(lines), Title: lines[0].Message}
		parts = append(parts, story.Part{Key: key, ID: id, Header: header, Text: story.Format(lines)})
		if len(parts) == batch {
			if err := store.Put(b.Context(), parts); err != nil {
				b.Fatal(err)
			}
			parts = parts[:0]
		}
	}
}

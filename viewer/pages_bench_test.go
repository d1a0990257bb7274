package viewer_test

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// BenchmarkPages shows pages of 2,000 stories of 50 lines about 100 objects, from
// a file and from a table, and the read units that a page costs there. A story takes
// some 0.9 KB as it is stored.
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

// badID is the problem that one story in a hundred has.
const badID = "abcdefghij"

func benchmarkPages(b *testing.B, store story.Store, consumed func() float64) {
	fill(b, store)
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		viewer.New(store, nil).ServeHTTP(w, r) // one that remembers nothing
	})
	server := httptest.NewServer(pages)
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	page, err := store.List(b.Context(), story.Query{Key: story.NewKey("user", "42")})
	if err != nil || len(page.Headers) < 3 {
		b.Fatal(page, err)
	}
	middle := url.Values{"key": {"user_42"}, "id": {page.Headers[1].ID}}
	for _, page := range []struct{ name, address string }{
		{"recent", "/"}, {"recent/none", "/?q=no+such+title"}, {"day", "/?q=since:-24h"}, {"problem", "/problem?id=" + badID},
		{"object", "/object?key=user_42"}, {"thread", "/object?key=user_42&view=thread"},
		{"story", "/story?" + middle.Encode()}, {"latest", "/story?key=user_42"},
		{"diff", "/diff?key=user_42"}, {"download", "/download?" + middle.Encode()},
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
	b.Run("look", func(b *testing.B) { benchmarkLook(b, store, consumed) })
}

// benchmarkLook looks for news as the live view does, where there is none.
func benchmarkLook(b *testing.B, store story.Store, consumed func() float64) {
	tail := &reading.Tail{Store: store}
	if _, err := tail.Look(b.Context()); err != nil {
		b.Fatal(err)
	}
	before, n := consumed(), 0
	for b.Loop() {
		if _, err := tail.Look(b.Context()); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric((consumed()-before)/float64(n), "units/page")
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
	random := rand.New(rand.NewPCG(1, 2))
	begin := time.Now().UTC().Truncate(time.Microsecond).Add(-stories * time.Second)
	var parts []story.Part
	for i := range stories {
		lines := make([]story.Line, 50)
		for j := range lines {
			lines[j] = story.Line{Depth: min(j, 1), Message: fmt.Sprintf("No exercises available for filter %d of this user", j), Attrs: fmt.Sprintf("component=flexibility span=%016x", random.Uint64())}
		}
		at := begin.Add(time.Duration(i) * time.Second)
		key, id := story.NewKey("user", fmt.Sprint(i%100)), story.NewID(at)
		header := &story.Header{Key: key, ID: id, Start: at, Updated: at, State: story.Sealed, LineCount: len(lines), Title: lines[0].Message}
		if i%100 == 0 {
			header.MaxLevel, header.Cause, header.Problem = slog.LevelError, "Payment failed: deadline exceeded", badID
		}
		parts = append(parts, story.Part{Key: key, ID: id, Header: header, Text: story.Format(lines)})
		if len(parts) == batch {
			if err := store.Put(b.Context(), parts); err != nil {
				b.Fatal(err)
			}
			parts = parts[:0]
		}
	}
}

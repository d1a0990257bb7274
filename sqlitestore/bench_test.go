package sqlitestore_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

const million = 1_000_000

// large is a store of a million stories that the benchmarks of one process share.
var large struct {
	sync.Mutex
	folder string
	store  *sqlitestore.Store
}

func largeStore(b *testing.B) *sqlitestore.Store {
	b.Helper()
	large.Lock()
	defer large.Unlock()
	if large.store != nil {
		return large.store
	}
	var err error
	if large.folder, err = os.MkdirTemp("", "sqlitestore"); err != nil {
		b.Fatal(err)
	}
	if large.store, err = sqlitestore.Open(filepath.Join(large.folder, "stories.db")); err != nil {
		b.Fatal(err)
	}
	if err := sqlitestore.Fill(large.store, million); err != nil {
		b.Fatal(err)
	}
	return large.store
}

// removeLargeStore ends a run of tests.
func removeLargeStore() {
	if large.store != nil {
		if err := large.store.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	if large.folder != "" {
		if err := os.RemoveAll(large.folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

// BenchmarkRecentPage lists a page of a million stories.
func BenchmarkRecentPage(b *testing.B) {
	store := largeStore(b)
	page, err := store.List(b.Context(), story.Query{Key: story.NewKey("user", "42"), Limit: 500})
	if err != nil || len(page.Headers) < 400 {
		b.Fatalf("got %d stories of one key, %v", len(page.Headers), err)
	}
	middle := page.Headers[300]
	now := time.Now()
	for _, c := range []struct {
		name  string
		query story.Query
		want  int // headers in the page
	}{
		{"all", story.Query{}, 50},
		{"all/oldest", story.Query{OldestFirst: true}, 50},
		{"page2", story.Query{Cursor: next(b, store, story.Query{})}, 50},
		{"limit=1000", story.Query{Limit: 1000}, 1000},
		{"kind", story.Query{Kind: "job"}, 50},
		{"kind/none", story.Query{Kind: "none"}, 0},
		{"level=warn", story.Query{MinLevel: slog.LevelWarn}, 10},
		{"level/none", story.Query{MinLevel: slog.LevelError + 4}, 0},
		{"text/none", story.Query{Text: "no such title"}, 0},
		{"text/none/kind", story.Query{Text: "no such title", Kind: "user"}, 0},
		{"text/none/key", story.Query{Text: "no such title", Key: middle.Key}, 0},
		{"period", story.Query{Since: now.Add(-48 * time.Hour), Until: now.Add(-47 * time.Hour)}, 50},
		{"key", story.Query{Key: middle.Key}, 50},
		{"key/next", story.Query{Key: middle.Key, Since: middle.Start, OldestFirst: true, Limit: 2}, 2},
		{"key/previous", story.Query{Key: middle.Key, Until: middle.Start, Limit: 1}, 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				page, err := store.List(b.Context(), c.query)
				if err != nil || len(page.Headers) != c.want {
					b.Fatalf("got %d headers, %v; want %d", len(page.Headers), err, c.want)
				}
			}
		})
	}
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			s, err := store.Read(b.Context(), middle.Key, middle.ID)
			if err != nil || len(s.Lines) != 3 {
				b.Fatalf("got %d lines, %v", len(s.Lines), err)
			}
		}
	})
}

func next(b *testing.B, store *sqlitestore.Store, q story.Query) string {
	b.Helper()
	page, err := store.List(b.Context(), q)
	if err != nil || page.Next == "" {
		b.Fatalf("got the cursor %q, %v", page.Next, err)
	}
	return page.Next
}

// BenchmarkViewerPage shows pages of a million stories, as a browser gets them.
func BenchmarkViewerPage(b *testing.B) {
	pages := viewer.New(largeStore(b), nil)
	for _, c := range []struct{ name, target string }{
		{"recent", "/"}, {"recent/warn", "/?level=warn"}, {"recent/none", "/?q=no+such+title"}, {"object", "/object?key=user_42"},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, c.target, nil)
				r.RemoteAddr, r.Host = "127.0.0.1:50000", "localhost"
				w := httptest.NewRecorder()
				if pages.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

// BenchmarkRead reads a story of 100,000 lines.
func BenchmarkRead(b *testing.B) {
	const lines = 100_000
	store, err := sqlitestore.Open(filepath.Join(b.TempDir(), "stories.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	}()
	var text strings.Builder
	for i := range lines {
		fmt.Fprintf(&text, "+%d.%03d D   loading the plan\tuser=42 row=%d\n", i/1000, i%1000, i)
	}
	part := header(story.NewKey("user", "42"), time.Now())
	parts, rest := []story.Part{part}, text.String()
	parts[0].Text = ""
	for rest != "" {
		n := min(len(rest), story.MaxPartText)
		parts = append(parts, story.Part{Key: part.Key, ID: part.ID, Number: len(parts), Text: rest[:n]})
		rest = rest[n:]
	}
	part.Header.Parts, part.Header.LineCount = len(parts)-1, lines
	if err := store.Put(b.Context(), parts); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		s, err := store.Read(b.Context(), part.Key, part.ID)
		if err != nil || len(s.Lines) != lines {
			b.Fatalf("got %d lines, %v", len(s.Lines), err)
		}
	}
}

// BenchmarkPut stores batches of 25 short stories, as a handler does.
func BenchmarkPut(b *testing.B) {
	store, err := sqlitestore.Open(filepath.Join(b.TempDir(), "stories.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	start := time.Now()
	key := story.NewKey("user", "42")
	for b.Loop() {
		parts := make([]story.Part, 25)
		for i := range parts {
			start = start.Add(time.Millisecond)
			header := &story.Header{
				Key: key, ID: story.NewID(start), Start: start, Updated: start, State: story.Sealed, LineCount: 2, Title: "200 OK",
				Attrs: map[string]string{"method": "GET", "path": "/users/42", "route": "GET /users/{id}", "status": "200", "bytes": "17"},
			}
			parts[i] = story.Part{Key: key, ID: header.ID, Number: 1, Header: header, Text: "+0.000 I Reading the profile\n+0.001 I 200 OK\tstatus=200 bytes=17\n"}
		}
		if err := store.Put(b.Context(), parts); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/25, "us/story")
}

package viewer_test

import (
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

var million = flag.String("million", "", "the file for BenchmarkMillion, which fills it with a million headers unless it is there")

// BenchmarkMillion shows pages over a million stories of a week in a file. Each viewer is a
// new one, which remembers nothing.
func BenchmarkMillion(b *testing.B) {
	if *million == "" {
		b.Skip("name a file with -million")
	}
	_, missing := os.Stat(*million)
	store, err := sqlitestore.Open(*million)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	if missing != nil {
		fillMillion(b, store)
	}
	newest, err := store.List(b.Context(), story.Query{Limit: 1})
	if err != nil || len(newest.Headers) == 0 {
		b.Fatal(newest, err)
	}
	bad, err := store.List(b.Context(), story.Query{Limit: 1, MinLevel: slog.LevelError})
	if err != nil || len(bad.Headers) == 0 {
		b.Fatal(bad, err)
	}
	for _, page := range []struct{ name, address string }{
		{"front", "/"}, {"front-day", "/?q=since:-24h"}, {"front-week", "/?q=since:-7d"},
		{"problem", "/problem?id=" + bad.Headers[0].Problem},
		{"object", "/object?key=" + url.QueryEscape(newest.Headers[0].Key.String())},
		{"kind", "/?q=kind:job"}, {"errors", "/?q=level:error"}, {"attribute", "/?q=status%3D503"},
		{"text", "/?q=%22no+such+title%22"}, {"day", "/?q=since:yesterday+until:today+took%3E1s"},
	} {
		b.Run(page.name, func(b *testing.B) {
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, page.address, nil)
				r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
				w := httptest.NewRecorder()
				viewer.New(store, nil).ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

// fillMillion fills a store with the headers of a week that ends now: of 10,000 users and
// 20 routes, three in a hundred with a warning and one with an error.
func fillMillion(b *testing.B, store story.Store) {
	b.Helper()
	const stories, batch, week = 1_000_000, 5000, 7 * 24 * time.Hour
	random := rand.New(rand.NewPCG(1, 2))
	begin := time.Now().UTC().Truncate(time.Microsecond).Add(-week)
	var parts []story.Part
	for i := range stories {
		at := begin.Add(week / stories * time.Duration(i))
		kind, id := "user", fmt.Sprint(random.IntN(10_000))
		if i%50 == 0 {
			kind, id = "job", fmt.Sprint("sync", random.IntN(5))
		}
		route, status := fmt.Sprintf("GET /route%d/{id}", random.IntN(20)), "200"
		lines := []story.Line{{Message: fmt.Sprintf("GET /route/%d", i)}}
		switch n := random.IntN(100); {
		case n < 1:
			status = "503"
			lines = append(lines, story.Line{Message: fmt.Sprintf("Payment failed %c", 'a'+n%7), Level: slog.LevelError, Attrs: "err=timeout"})
		case n < 4:
			lines = append(lines, story.Line{Message: "Slow answer", Level: slog.LevelWarn})
		}
		took := time.Duration(random.ExpFloat64()*80) * time.Millisecond
		h := &story.Header{
			Key: story.NewKey(kind, id), ID: story.NewID(at), Start: at, Updated: at.Add(took), Duration: took, State: story.Sealed,
			MaxLevel: lines[len(lines)-1].Level, LineCount: len(lines), Title: lines[0].Message,
			Attrs: map[string]string{"route": route, "status": status, "host": fmt.Sprint("shop-", i%4), "build": "v2.8.1", "request_id": story.NewID(at)},
		}
		h.Cause, h.Problem = story.CauseOf(kind, lines)
		parts = append(parts, story.Part{Key: h.Key, ID: h.ID, Header: h, Text: story.Format(lines)})
		if len(parts) == batch || i == stories-1 {
			if err := store.Put(b.Context(), parts); err != nil {
				b.Fatal(err)
			}
			parts = parts[:0]
		}
	}
}

package viewer_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

func TestLiveView(t *testing.T) {
	store := story.NewMemory()
	server := httptest.NewServer(viewer.New(store, &viewer.Options{Every: 100 * time.Millisecond}))
	defer server.Close()
	resp, err := server.Client().Get(server.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	events := bufio.NewScanner(resp.Body)
	await := func(text string) {
		t.Helper()
		for events.Scan() {
			if strings.Contains(events.Text(), text) {
				return
			}
		}
		t.Fatalf("the stream ended without %q: %v", text, events.Err())
	}
	await("looked")
	now := time.Now().UTC().Truncate(time.Microsecond)
	key, id := story.NewKey("user", "1"), story.NewID(now)
	h := story.Header{Key: key, ID: id, Start: now, Updated: now, State: story.Open, LineCount: 1, Title: "Just begun"}
	if err := store.Put(t.Context(), []story.Part{{Key: key, ID: id, Header: &h}, {Key: key, ID: id, Number: 1, Text: "+0.000 I Just begun\n"}}); err != nil {
		t.Fatal(err)
	}
	await("Just begun")
	if err := store.Put(t.Context(), []story.Part{{Key: key, ID: id, Number: 2, Text: "+0.100 W grown <b>\n"}}); err != nil {
		t.Fatal(err)
	}
	await(`grown \u003cb\u003e`)
}

// A view that goes on is told what came since it looked, not the last few stories.
func TestLiveViewGoesOn(t *testing.T) {
	store := story.NewMemory()
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i := range 30 {
		at := now.Add(time.Duration(i-20) * time.Minute)
		key, id := story.NewKey("user", fmt.Sprint(i)), story.NewID(at)
		h := &story.Header{Key: key, ID: id, Start: at, Updated: at, State: story.Sealed, Title: "Begin"}
		if err := store.Put(t.Context(), []story.Part{{Key: key, ID: id, Header: h}}); err != nil {
			t.Fatal(err)
		}
	}
	seen := now.Add(-10 * time.Minute).Format(time.RFC3339Nano)
	for _, c := range []struct {
		target, lastID string
		want           int
	}{{"/events", "", 10}, {"/events?after=" + seen, "", 20}, {"/events", seen, 20}, {"/events?after=never", "", 10}} {
		ctx, cancel := context.WithCancel(t.Context())
		r := httptest.NewRequest(http.MethodGet, c.target, nil).WithContext(ctx)
		r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
		if c.lastID != "" {
			r.Header.Set("Last-Event-ID", c.lastID)
		}
		w := &stopAtFlush{httptest.NewRecorder(), cancel}
		viewer.New(store, nil).ServeHTTP(w, r)
		if got := strings.Count(w.Body.String(), "event: story\n"); got != c.want || !strings.Contains(w.Body.String(), "\nid: ") {
			t.Errorf("%+v: got %d stories:\n%s", c, got, w.Body)
		}
	}
}

// A stopAtFlush ends a request after its first answer.
type stopAtFlush struct {
	*httptest.ResponseRecorder
	stop func()
}

func (w *stopAtFlush) Flush() { w.stop() }

// A live view does not keep a server from ending; a browser would ask the next one.
func TestLiveViewEndsWithItsServer(t *testing.T) {
	pages := viewer.New(story.NewMemory(), nil)
	for range 2 { // servers, one after the other
		server := httptest.NewServer(pages)
		for range 3 {
			resp, err := server.Client().Get(server.URL + "/events")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			if line, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil || !strings.HasPrefix(line, "id: ") {
				t.Fatalf("got %q, %v", line, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := server.Config.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown waits for the views: %v", err)
		}
		if err := server.Config.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown again: %v", err)
		}
		server.Close()
	}
}

// An untouched store is one that nobody may ask.
type untouched struct{ story.Store }

func TestHeadOfLiveView(t *testing.T) {
	resp := ask(viewer.New(untouched{}, nil), "/events?key=user_1", func(r *http.Request) { r.Method = http.MethodHead })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("got %s, %v", resp.Status, resp.Header)
	}
	resp = ask(viewer.New(untouched{}, nil), "/events?key=nobody", func(r *http.Request) { r.Method = http.MethodHead })
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("for a key that is none: got %s", resp.Status)
	}
}

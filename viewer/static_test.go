package viewer_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// staticNames returns what a page needs beside itself.
func staticNames(t *testing.T, page string) []string {
	t.Helper()
	names := regexp.MustCompile(`[a-z]+-[0-9a-f]{10}\.(css|js|svg)`).FindAllString(page, -1)
	if len(names) != 3 {
		t.Fatalf("the page needs %v", names)
	}
	return names
}

func TestStaticFilesAreKeptForAYear(t *testing.T) {
	h := viewer.New(story.NewMemory(), nil)
	for _, name := range staticNames(t, body(t, get(h, "/"), 200)) {
		resp := get(h, "/"+name)
		if kept := resp.Header.Get("Cache-Control"); kept != "max-age=31536000, immutable" || body(t, resp, 200) == "" {
			t.Errorf("%s: Cache-Control %q", name, kept)
		}
		if resp := get(h, "/"+strings.Replace(name, "-", "-0", 1)); resp.StatusCode != 404 || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("of another version of %s: status %d, %q", name, resp.StatusCode, resp.Header.Get("Cache-Control"))
		}
	}
}

func TestPagesAreCompressed(t *testing.T) {
	store := story.NewMemory()
	var lines []story.Line
	for range 34 {
		lines = append(lines, story.Line{Message: "No exercises available for current filter", Attrs: "component=flexibility user=42"})
	}
	put(t, store, story.NewKey("user", "42"), 0, story.Sealed, lines...)
	h := viewer.New(store, nil)
	ask := func(encoding string) *http.Response {
		r := httptest.NewRequest("GET", "http://localhost/story?key=user_42&repeats=each&fold=none&id="+latest(t, store), nil)
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("Accept-Encoding", encoding)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	plain := body(t, ask("br"), 200)
	resp := ask("gzip, br")
	packed := body(t, resp, 200)
	if resp.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(resp.Header.Get("Vary"), "Accept-Encoding") || len(packed) > 5<<10 {
		t.Errorf("%d bytes for %d, %v", len(packed), len(plain), resp.Header)
	}
	reader, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(reader); err != nil || string(text) != plain {
		t.Errorf("another page: %v", err)
	}
}

func latest(t *testing.T, store story.Store) string {
	t.Helper()
	page, err := store.List(t.Context(), story.Query{Limit: 1})
	if err != nil || len(page.Headers) == 0 {
		t.Fatal(err)
	}
	return page.Headers[0].ID
}

// A story as a page for who cannot reach the viewer needs nothing but itself.
func TestPageThatStandsAlone(t *testing.T) {
	store := story.NewMemory()
	put(t, store, story.NewKey("user", "42"), 0, story.Sealed, story.Line{Message: "Begin </style><script>alert(1)</script>"}, story.Line{Message: "inside", Depth: 1})
	h := viewer.New(store, nil)
	resp := get(h, "/download?key=user_42&as=html")
	if name := resp.Header.Get("Content-Disposition"); !strings.HasPrefix(name, "attachment; filename=user_42-") || !strings.HasSuffix(name, ".html") {
		t.Errorf("it is %q", name)
	}
	page := body(t, resp, 200)
	for _, want := range []string{`http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"`, "<style>\n/*", ".alone a:not", "&lt;script&gt;alert(1)", "inside", "</html>"} {
		if !strings.Contains(page, want) {
			t.Errorf("there is no %s in\n%s", want, page)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "<link") || strings.Count(page, "</style>") != 1 {
		t.Errorf("it needs other files:\n%s", page)
	}
	body(t, get(h, "/download?key=user_42&as=html&line=9"), 400)
}

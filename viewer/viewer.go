// Package viewer shows stories in a browser.
//
//	mux.Handle("/stories/", http.StripPrefix("/stories", viewer.New(store, nil)))
//
// It reads only: the newest stories of all objects, those of one object, a story
// folded so that its errors are seen first, the difference of two, and what is
// being written. Every view has its own address. The pages work without
// JavaScript, but for copying, the keys and the live view.
//
// By default only this machine gets in; see [Options.Authorize].
package viewer

import (
	"bytes"
	"context"
	"embed"
	"html/template"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// Options change what [New] returns. The zero value is the default.
type Options struct {
	// Authorize decides who may read: every request is shown to it, and refused
	// with status 403 unless it returns true. By default only requests from a
	// loopback address get in whose Host is one too (localhost, 127.0.0.1, [::1]),
	// so that no page of another site can read stories through the browser, and
	// none that a proxy says it passes on. A reverse proxy on the same machine that
	// does not say so makes all its clients look like this machine: set Authorize
	// behind one.
	Authorize func(*http.Request) bool
	// Zone is that of the times shown; that of this machine by default.
	Zone *time.Location
	// Timeout bounds what the store may take for a page; 10 seconds by default.
	Timeout time.Duration
	// Every is how often the live view looks for news; 2 seconds by default, and
	// not under a tenth of one. An open story is read again at five times that.
	Every time.Duration
}

const (
	defaultTimeout = 10 * time.Second
	defaultEvery   = 2 * time.Second
	leastEvery     = 100 * time.Millisecond
)

//go:embed pages static
var files embed.FS

// A viewer is the handler.
type viewer struct {
	store story.Store
	opts  Options
	pages *template.Template
}

// New returns a handler that shows the stories of a store, at whatever prefix
// http.StripPrefix leaves it: all its links are relative. Opts may be nil.
func New(store story.Store, opts *Options) http.Handler {
	v := &viewer{store: store}
	if opts != nil {
		v.opts = *opts
	}
	if v.opts.Authorize == nil {
		v.opts.Authorize = fromThisMachine
	}
	if v.opts.Zone == nil {
		v.opts.Zone = time.Local
	}
	if v.opts.Timeout <= 0 {
		v.opts.Timeout = defaultTimeout
	}
	if v.opts.Every <= 0 {
		v.opts.Every = defaultEvery
	}
	v.opts.Every = max(v.opts.Every, leastEvery)
	v.pages = template.Must(template.New("").Funcs(v.functions()).ParseFS(files, "pages/*.html"))
	return v
}

// ServeHTTP implements [http.Handler].
func (v *viewer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "+
		"img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	switch {
	case !v.opts.Authorize(r):
		v.failure(w, http.StatusForbidden, "You may not read these stories",
			"By default only a browser on the machine that serves them may, at an address such as http://localhost:7133/.",
			"Options.Authorize of the viewer decides otherwise.")
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		v.failure(w, http.StatusMethodNotAllowed, "This viewer only reads", "Ask with GET.", "")
	default:
		v.route(w, r)
	}
}

func (v *viewer) route(w http.ResponseWriter, r *http.Request) {
	switch strings.TrimPrefix(r.URL.Path, "/") {
	case "":
		if r.URL.Path == "" && !strings.HasSuffix(pathOf(r.RequestURI), "/") {
			// Mounted without a slash at the end, relative links would miss the prefix.
			w.Header().Set("Location", path.Base(pathOf(r.RequestURI))+"/")
			w.WriteHeader(http.StatusMovedPermanently)
			return
		}
		v.page(v.recent)(w, r)
	case "object":
		v.page(v.object)(w, r)
	case "story":
		v.page(v.story)(w, r)
	case "diff":
		v.page(v.diff)(w, r)
	case "download":
		v.page(v.download)(w, r)
	case "tail":
		v.page(v.tail)(w, r)
	case "events":
		v.events(w, r)
	case "style.css", "script.js", "icon.svg":
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, files, "static/"+strings.TrimPrefix(r.URL.Path, "/"))
	default:
		v.failure(w, http.StatusNotFound, "There is no such page", "", "")
	}
}

func pathOf(uri string) string {
	before, _, _ := strings.Cut(uri, "?")
	return before
}

// page bounds the time until a page begins, and shows its error as one. The page itself
// may take as long as who reads it, but not longer than he stays.
func (v *viewer) page(show func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), v.opts.Timeout)
		defer cancel()
		w = client{w, reading.While(r.Context(), w)}
		if err := show(w, r.WithContext(ctx)); err != nil {
			v.fail(w, r, err)
		}
	}
}

// A client is who asked for a page: when he has left, writing to him fails.
type client struct {
	http.ResponseWriter
	stays io.Writer
}

func (c client) Write(text []byte) (int, error) { return c.stays.Write(text) }

// render writes a page; only when it is complete, so that an error can still be one.
func (v *viewer) render(w http.ResponseWriter, status int, name string, data any) error {
	var page bytes.Buffer
	if err := v.pages.ExecuteTemplate(&page, name, data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // the reader may have gone
	return nil
}

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
//
// A live view ends when the [http.Server] that serves it shuts down, so that
// Shutdown does not wait for who looks at it.
package viewer

import (
	"context"
	"embed"
	"fmt"
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
	// none that shows to have come through a proxy: by HTTP/1.0, by a Connection
	// other than keep-alive, by a header such as X-Forwarded-For, Via or any other
	// that begins with X-, or by a Referer of another host than the request's.
	//
	// A reverse proxy on the same machine that shows none of these, and asks for
	// localhost, cannot be told from a browser here: a ReverseProxy of
	// net/http/httputil with Rewrite and without SetXForwarded, or nginx with
	// proxy_http_version 1.1, an empty Connection and no further header. Whoever asks
	// it for an address gets that page; only from there on his Referer tells. So does
	// who comes through a tunnel to this machine. Set Authorize behind a proxy, always.
	//
	// A story's page has those that it has called below its lines, of which only a client
	// says so: for each of them Authorize is asked again, with the request for the page of
	// that story, and where it refuses, nothing of that is shown. What is listed under a key,
	// as under that of a trace, is for all who may read the page of that key.
	//
	// Whoever may read, what another site's page embeds or fetches is refused where
	// the browser says so (Sec-Fetch-Site: cross-site or same-site); a link to a page
	// may be followed from there, one to a download not.
	Authorize func(*http.Request) bool
	// Mask returns what a prompt for an assistant has in the place of a value: of an
	// attribute, or, with the name "msg", of a message. Values of names such as
	// authorization, password, token and cookie are masked anyhow. By default nothing else is.
	Mask func(name, value string) string
	// Place says where the stories are, as "the file stories.db", for a page that has none to
	// show. By default it does not say.
	Place string
	// Links say where an attribute of a story's header leads, by its name: an address in
	// which {} stands for the value, as in "trace_id": "https://traces.example/trace/{}".
	// By default it leads to the stories that have the same, and a trace to its own. That of
	// trace_id is also where a line leads that has called what has no story here.
	Links map[string]string
	// Zone is that of the times shown; that of this machine by default.
	Zone *time.Location
	// Timeout bounds what the store and the work for a page may take until it begins;
	// 10 seconds by default. What is then sent ends when its reader leaves; for one who
	// stays and does not read, WriteTimeout of http.Server is there.
	Timeout time.Duration
	// Every is how often the live view looks for news; 2 seconds by default, and
	// not under a tenth of one. An open story is read again at five times that.
	Every time.Duration
	// Overview is how many headers are read at most to sum up a time, and as many of the
	// time before it. What was read is kept for ten seconds. By default 500 where reading is
	// billed (the store is a [story.Meter], as a table is); else 1,000 for the last hour,
	// and 3,000 for a time that was asked for.
	Overview int
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
	store     story.Store
	opts      Options
	byDefault bool // whether Authorize is the default
	pages     *template.Template
	statics   statics
	routes    http.Handler // what is compressed
	ending    endings      // for live views

	overviews recall[*reading.Overview]
	problems  recall[*problemFacts]
}

// New returns a handler that shows the stories of a store, at whatever prefix
// http.StripPrefix leaves it: all its links are relative. Opts may be nil.
func New(store story.Store, opts *Options) http.Handler {
	v := &viewer{store: store}
	if opts != nil {
		v.opts = *opts
	}
	if v.opts.Authorize == nil {
		v.opts.Authorize, v.byDefault = fromThisMachine, true
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
	var err error
	if v.statics, err = hashedStatics(files, "static"); err != nil {
		panic(err) // the files are in the program
	}
	v.routes = compressed(http.HandlerFunc(v.route))
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
	header.Set("Cross-Origin-Opener-Policy", "same-origin") // who opened it learns nothing of it
	header.Set("Cache-Control", "no-store")
	switch {
	case !v.opts.Authorize(r):
		v.failure(w, http.StatusForbidden, "You may not read these stories",
			strings.TrimSpace("By default only a browser on the machine that serves them may, at an address such as http://localhost:7133/. "+v.why(r)),
			"Options.Authorize of the viewer decides otherwise.")
	case fromAnotherSite(r):
		v.failure(w, http.StatusForbidden, "Another site asks for this",
			"What a page of another site embeds, fetches or downloads from here is refused; it may have links to pages.",
			"Open the story itself, or type the address.")
	case len(r.URL.RawQuery) > mostQuery:
		v.failure(w, http.StatusRequestURITooLong, "This address is too long",
			fmt.Sprintf("It asks for something in %d bytes, of at most %d.", len(r.URL.RawQuery), mostQuery), "Go back, or begin at the newest stories.")
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		v.failure(w, http.StatusMethodNotAllowed, "This viewer only reads", "Ask with GET.", "")
	case strings.TrimPrefix(r.URL.Path, "/") == "events": // which go out one by one
		v.events(w, r)
	default:
		v.routes.ServeHTTP(w, r)
	}
}

// mostQuery is how long an address may be behind its question mark, in bytes. The
// longest that the pages lead to toggles a thousand lines.
const mostQuery = 32 << 10

// why says what keeps a request out by default.
func (v *viewer) why(r *http.Request) string {
	if v.byDefault {
		return notFromThisMachine(r)
	}
	return ""
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
	case "problem":
		v.page(v.problem)(w, r)
	case "trace":
		v.page(v.trace)(w, r)
	case "diff":
		v.page(v.diff)(w, r)
	case "download":
		v.page(v.download)(w, r)
	case "tail":
		v.page(v.tail)(w, r)
	default:
		if v.statics.serve(w, r, strings.TrimPrefix(r.URL.Path, "/")) {
			return
		}
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

// Unwrap is for [http.ResponseController].
func (c client) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c client) Write(text []byte) (int, error) { return c.stays.Write(text) }

// render writes a page. An error of its beginning can still be told instead of it; one
// behind that, which only a fault of the templates could be, breaks the answer off, so
// that nobody takes the page for whole.
func (v *viewer) render(w http.ResponseWriter, status int, name string, data any) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	page := &beginning{buffer: buffer{out: w}, to: w, status: status}
	if err := v.pages.ExecuteTemplate(page, name, data); err != nil && !page.begun {
		return err
	} else if err != nil && page.err == nil {
		panic(http.ErrAbortHandler)
	}
	_ = page.flush() // the reader may have gone
	return nil
}

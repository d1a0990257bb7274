package viewer_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// What a browser sends is let in; what a proxy adds, and no browser sends, is not.
func TestAccessByWhatProxiesSend(t *testing.T) {
	h := viewer.New(story.NewMemory(), nil)
	for name, value := range map[string]string{
		"Accept": "text/html", "Accept-Encoding": "gzip, deflate, br, zstd", "Accept-Language": "en", "Cache-Control": "max-age=0", "Connection": "keep-alive",
		"Cookie": "a=b", "Dnt": "1", "If-Modified-Since": "Sun, 22 Nov 2026 16:41:41 GMT", "Last-Event-ID": "2026-11-22T16:41:41Z", "Pragma": "no-cache", "Priority": "u=0, i",
		"Range": "bytes=0-", "Referer": "http://localhost:7133/", "Save-Data": "on", "Sec-Ch-Ua": `"Chromium";v="156"`, "Sec-Ch-Ua-Mobile": "?0", "Sec-Fetch-Site": "same-origin",
		"Sec-Gpc": "1", "Te": "trailers", "Upgrade-Insecure-Requests": "1", "User-Agent": "Mozilla/5.0", "X-Requested-With": "org.example.app",
	} {
		body(t, get(h, "/", header(name, value)), 200)
	}
	for _, name := range []string{
		"CF-Connecting-IP", "CF-IPCountry", "CF-Ray", "CF-Visitor", "CDN-Loop", "Client-IP", "Fastly-Client-IP", "Fastly-SSL", "Fly-Client-IP", "Fly-Forwarded-Port",
		"Forwarded", "Front-End-Https", "Proxy-Connection", "Remote-User", "Surrogate-Capability", "Tailscale-User-Login", "True-Client-IP", "Via",
		"X-Amz-Cf-Id", "X-Amzn-Trace-Id", "X-Appengine-User-Ip", "X-ARR-SSL", "X-Auth-Request-User", "X-Azure-ClientIP", "X-Client-IP", "X-Cloud-Trace-Context",
		"X-Cluster-Client-IP", "X-Envoy-External-Address", "X-Envoy-Expected-Rq-Timeout-Ms", "X-Forwarded", "X-Forwarded-By", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port",
		"X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Original-Forwarded-For", "X-Original-Host", "X-Original-URL",
		"X-Originating-IP", "X-ProxyUser-Ip", "X-Real-IP", "X-Remote-Addr", "X-Request-ID", "X-Request-Start", "X-Rewrite-URL", "X-Scheme", "X-Varnish", "X-Vercel-Id",
	} {
		page := body(t, get(h, "/", header(name, "192.0.2.1")), 403)
		if want := "it has the header " + http.CanonicalHeaderKey(name); !strings.Contains(page, want) {
			t.Errorf("%s: the page does not say that %s:\n%s", name, want, page)
		}
	}
	for _, value := range []string{"close", "upgrade", "Upgrade", "keep-alive, close", ""} {
		body(t, get(h, "/", header("Connection", value)), 403)
	}
	for _, c := range []struct {
		site, referer string
		want          int
	}{
		{"same-origin", "http://localhost:7133/story?key=a_1", 200},
		{"", "http://localhost:7133/", 200},
		{"same-origin", "https://stories.example/", 403}, // its own pages, as the browser sees them
		{"", "http://stories.example/", 403},
		{"", "http://localhost/", 403},
		{"cross-site", "https://chat.example/", 200}, // a link from elsewhere
		{"none", "", 200},
	} {
		body(t, get(h, "/", func(r *http.Request) {
			r.Header.Set("Referer", c.referer)
			r.Header.Set("Sec-Fetch-Mode", "navigate")
			r.Header.Set("Sec-Fetch-Dest", "document")
			if c.site != "" {
				r.Header.Set("Sec-Fetch-Site", c.site)
			}
		}), c.want)
	}
	all := viewer.New(story.NewMemory(), &viewer.Options{Authorize: func(*http.Request) bool { return true }})
	body(t, get(all, "/", header("X-Real-IP", "192.0.2.1")), 200)
}

// Requests as they come over a connection, where net/http may have changed them.
func TestAccessOverTheWire(t *testing.T) {
	server := httptest.NewServer(viewer.New(story.NewMemory(), nil))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	for request, want := range map[string]int{
		"GET / HTTP/1.1\r\nHost: " + address + "\r\n\r\n":                                                       200,
		"GET / HTTP/1.1\r\nHost: " + address + "\r\nConnection: keep-alive\r\n\r\n":                             200,
		"GET / HTTP/1.0\r\nHost: " + address + "\r\nConnection: close\r\n\r\n":                                  403, // nginx, as it is
		"GET / HTTP/1.0\r\nHost: " + address + "\r\nConnection: keep-alive\r\n\r\n":                             403,
		"GET / HTTP/1.1\r\nHost: " + address + "\r\nConnection: close\r\n\r\n":                                  403, // with proxy_http_version 1.1
		"GET / HTTP/1.1\r\nHost: " + address + "\r\nConnection: upgrade\r\n\r\n":                                403, // and what websockets need
		"GET / HTTP/1.1\r\nHost: " + address + "\r\nx-forwarded-for: 192.0.2.1\r\n\r\n":                         403,
		"GET / HTTP/1.1\r\nHost: stories.example\r\n\r\n":                                                       403,
		"GET /download?key=a_1 HTTP/1.1\r\nHost: " + address + "\r\nsec-fetch-site: cross-site\r\n\r\n":         403,
		"GET /download?key=a_1 HTTP/1.1\r\nHost: " + address + "\r\nsec-fetch-site: same-origin\r\n\r\n":        404,
		"GET http://" + address + "/ HTTP/1.1\r\nHost: " + address + "\r\nProxy-Connection: close\r\n\r\n":      403,
		"GET / HTTP/1.1\r\nHost: " + address + "\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n":        403,
		"GET / HTTP/1.1\r\nHost: " + address + "\r\nVia: 1.1 proxy\r\nConnection: keep-alive\r\n\r\n":           403,
		"HEAD /download?key=a_1 HTTP/1.1\r\nHost: " + address + "\r\nSec-Fetch-Site: same-site\r\n\r\n":         403,
		"GET / HTTP/1.1\r\nHost: " + address + "\r\nSec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n\r\n": 403,
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want {
			t.Errorf("%q: got %d, want %d", request, resp.StatusCode, want)
		}
		_ = conn.Close()
	}
}

// A proxy of the standard library is told by what it adds unless it is made to add
// nothing: then nothing tells before a link is followed, as the documentation of
// Options.Authorize says.
func TestAccessThroughReverseProxy(t *testing.T) {
	server := httptest.NewServer(viewer.New(story.NewMemory(), nil))
	defer server.Close()
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for name, c := range map[string]struct {
		proxy      *httputil.ReverseProxy
		want, then int // status of a first request, and of one from its page
	}{
		"with a Director": {httputil.NewSingleHostReverseProxy(target), 403, 403},
		"with Rewrite and SetXForwarded": {&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		}}, 403, 403},
		"with Rewrite that keeps the Host": {&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		}}, 403, 403},
		"with Rewrite alone": {&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}, 200, 403},
	} {
		c.proxy.Transport = transport
		for referer, want := range map[string]int{"": c.want, "http://stories.example/": c.then} {
			r := httptest.NewRequest(http.MethodGet, "http://stories.example/", nil)
			r.RemoteAddr = "192.0.2.1:50000"
			if referer != "" {
				r.Header.Set("Referer", referer)
			}
			w := httptest.NewRecorder()
			c.proxy.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s, from %q: got %d, want %d", name, referer, w.Code, want)
			}
		}
	}
}

// What a page of another site embeds or fetches learns nothing, not even whether there
// is a story; a link to a page may be followed.
func TestOtherSites(t *testing.T) {
	store := story.NewMemory()
	id := put(t, store, story.NewKey("user", "1"), 0, story.Sealed, story.Line{Message: "Begin"})
	open := viewer.New(store, &viewer.Options{Authorize: func(*http.Request) bool { return true }})
	pages := []string{"/", "/object?key=user_1", "/story?key=user_1&id=" + id, "/tail"}
	others := []string{"/download?key=user_1&id=" + id, "/download?key=user_1&line=1", "/download?key=user_2", "/story.js", "/style.css", "/icon.svg", "/events"}
	for _, h := range []http.Handler{viewer.New(store, nil), open} {
		for _, c := range []struct {
			site, mode, dest, ahead string
			pages                   int // status of pages; all else is refused where it is, and the same for keys that there are not
		}{
			{"cross-site", "no-cors", "script", "", 403},
			{"cross-site", "no-cors", "image", "", 403},
			{"cross-site", "navigate", "iframe", "", 403},
			{"cross-site", "navigate", "frame", "", 403},
			{"cross-site", "navigate", "object", "", 403},
			{"cross-site", "cors", "empty", "", 403},
			{"cross-site", "navigate", "document", "", 200},
			{"cross-site", "navigate", "document", "prefetch", 403},
			{"cross-site", "", "", "", 403},
			{"same-site", "no-cors", "script", "", 403},
			{"same-site", "navigate", "document", "", 200},
			{"of-tomorrow", "navigate", "iframe", "", 403},
		} {
			set := func(r *http.Request) {
				for name, value := range map[string]string{"Sec-Fetch-Site": c.site, "Sec-Fetch-Mode": c.mode, "Sec-Fetch-Dest": c.dest, "Sec-Purpose": c.ahead} {
					if value != "" {
						r.Header.Set(name, value)
					}
				}
			}
			for _, target := range pages {
				if resp := ask(h, target, set); resp.StatusCode != c.pages {
					t.Errorf("%s, %+v: got %d, want %d", target, c, resp.StatusCode, c.pages)
				}
			}
			for _, target := range others {
				if resp := ask(h, target, set); resp.StatusCode != 403 {
					t.Errorf("%s, %+v: got %d, want 403", target, c, resp.StatusCode)
				}
			}
		}
		for _, site := range []string{"same-origin", "none", ""} {
			for _, target := range append(pages, others[:2]...) {
				resp := ask(h, target, func(r *http.Request) {
					if site != "" {
						r.Header.Set("Sec-Fetch-Site", site)
					}
				})
				if resp.StatusCode != 200 {
					t.Errorf("%s, from %q: got %d, want 200", target, site, resp.StatusCode)
				}
			}
		}
	}
	if got := ask(open, "/").Header.Get("Cross-Origin-Opener-Policy"); got != "same-origin" {
		t.Errorf("the opener is told of the page: %q", got)
	}
}

// What is refused costs the store nothing: one that is nil would panic.
func TestOtherSitesDoNotReachTheStore(t *testing.T) {
	h := viewer.New(nil, nil)
	for _, target := range []string{"/", "/object?key=a_1", "/story?key=a_1", "/diff?key=a_1", "/download?key=a_1", "/tail", "/events", "/story?key=a_1&q=" + strings.Repeat("x", 40<<10)} {
		change := header("Sec-Fetch-Site", "cross-site")
		want := 403
		if strings.Contains(target, "q=") {
			change, want = header("Accept", "text/html"), 414
		}
		if resp := ask(h, target, change); resp.StatusCode != want {
			t.Errorf("%.50s: got %d, want %d", target, resp.StatusCode, want)
		}
	}
}

// An address asks for no more than the pages do.
func TestAddressesAreBounded(t *testing.T) {
	store := story.NewMemory()
	id := put(t, store, story.NewKey("user", "1"), 0, story.Sealed, story.Line{Message: "Begin"}, story.Line{Message: "below", Depth: 1})
	h := viewer.New(store, nil)
	numbers := func(n int) string { return strings.TrimSuffix(strings.Repeat("1.", n), ".") }
	for target, want := range map[string]int{
		"toggled=" + numbers(1000): 200, "toggled=" + numbers(1001): 400, "toggled=1.x": 400, "toggled=-1": 400,
		"q=" + strings.Repeat("x", 1000): 200, "q=" + strings.Repeat("x", 1001): 400,
		"full=" + strings.Repeat("9", 30): 400, "at=" + strings.Repeat("9", 30): 400, "fold=" + strings.Repeat("9", 30): 400,
		"full=1000000000": 200, "at=1000000000": 200, "fold=1000000000": 200, "times=" + strings.Repeat("x", 30<<10): 400,
		"level=" + strings.Repeat("x", 30<<10): 400, "extra=" + strings.Repeat("x", 33<<10): 414,
	} {
		page := body(t, ask(h, "/story?key=user_1&id="+id+"&"+target), want)
		if want == 400 && len(page) > 5000 {
			t.Errorf("%.50s: the page says it all again: %d bytes", target, len(page))
		}
	}
	for _, target := range []string{"/?q=", "/object?key=user_1&q=", "/tail?q=", "/events?q="} {
		body(t, ask(h, target+strings.Repeat("x", 1001)), 400)
	}
	for _, target := range []string{"/?since=", "/?until=", "/?level=", "/?cursor=", "/story?key=", "/download?key=user_1&as="} {
		if page := body(t, ask(h, fmt.Sprint(target, strings.Repeat("x", 30<<10))), 400); len(page) > 5000 {
			t.Errorf("%s: the page says it all again: %d bytes", target, len(page))
		}
	}
}

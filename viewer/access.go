package viewer

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// fromThisMachine reports whether a browser on this machine asks.
func fromThisMachine(r *http.Request) bool { return notFromThisMachine(r) == "" }

// notFromThisMachine says why a request is not taken for one of a browser on this
// machine: that comes from a loopback address, was meant for one, and went through no
// proxy. A page of another site can make a browser here send requests to a name of its
// own that leads to 127.0.0.1; its Host tells.
func notFromThisMachine(r *http.Request) string {
	if by := proxied(r); by != "" {
		return "It came through a proxy: " + by + "."
	}
	if remote, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || !remote.Addr().Unmap().IsLoopback() {
		return "It came from another machine."
	}
	if !isLoopbackName(r.Host) {
		return fmt.Sprintf("It is meant for the host %.100q, which is no name of this machine for itself.", r.Host)
	}
	return ""
}

func isLoopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil && addr.Unmap().IsLoopback()
}

// proxied says by what a request shows that no browser has sent it as it is, or "".
// Browsers speak HTTP/1.1 or later and keep the connection, where nginx 1.22 does
// neither unless it is told to; they send none of the headers in which proxies name whom
// they speak for; and the pages that they come from are of the host that they ask.
func proxied(r *http.Request) string {
	if !r.ProtoAtLeast(1, 1) {
		return "it is of HTTP/1.0"
	}
	for _, value := range r.Header["Connection"] {
		if !strings.EqualFold(strings.TrimSpace(value), "keep-alive") {
			return fmt.Sprintf("its Connection is %.100q", value)
		}
	}
	for name := range r.Header {
		if isProxyHeader(name) {
			return fmt.Sprintf("it has the header %.100s", name)
		}
	}
	if host := ledFrom(r); host != "" && !strings.EqualFold(host, r.Host) {
		return fmt.Sprintf("its browser knows this site as %.100q, and it is for %.100q", host, r.Host)
	}
	return ""
}

// ledFrom returns the host of the page that led to a request, where that is a page of
// the same site as its browser sees it. What is behind another Host then is a proxy that
// puts its own there.
func ledFrom(r *http.Request) string {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return ""
	}
	from, err := url.Parse(r.Header.Get("Referer"))
	if err != nil {
		return ""
	}
	return from.Host
}

// isProxyHeader reports whether a header is one that proxies add. No browser sends one
// that begins with X- by itself, but X-Requested-With in an app.
func isProxyHeader(name string) bool {
	if strings.HasPrefix(name, "X-") {
		return name != "X-Requested-With"
	}
	return slices.ContainsFunc(proxyHeaders, func(begin string) bool { return strings.HasPrefix(name, begin) })
}

// proxyHeaders are how the names of others begin.
var proxyHeaders = []string{
	"Forwarded", "Via", "Client-Ip", "True-Client-Ip", "Remote-", "Front-End-Https", "Proxy-", "Max-Forwards",
	"Cdn-Loop", "Cf-", "Fastly-", "Fly-", "Akamai-", "Surrogate-", "Tailscale-", "Ssl-Client-",
}

// fromAnotherSite reports whether a browser says that a page of another origin asks for
// this one, in any way but by a link that its reader has followed to a page. Whether an
// image or a script loads would tell that site which keys there are, and what it embeds
// costs the store. A site of the same domain is another one: on localhost that is
// whatever else listens there. Who says nothing is no browser, or one from before 2023,
// which the other headers of the answers keep from it.
func fromAnotherSite(r *http.Request) bool {
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "same-origin" && site != "none" && !followsLink(r) {
			return true
		}
	}
	return false
}

// followsLink reports whether a browser goes to a page, to be seen by its reader.
func followsLink(r *http.Request) bool {
	if r.Header.Get("Sec-Purpose")+r.Header.Get("Purpose") != "" { // it only fetches ahead
		return false
	}
	switch strings.TrimPrefix(r.URL.Path, "/") {
	case "", "object", "problem", "trace", "story", "diff", "tail":
		return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	}
	return false
}

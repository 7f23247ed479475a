package aiohttp

// Redirects, planned without I/O.
//
// Given the request that was sent and the answer that came, planRedirect says
// whether to go on and with what: method, body, and which credentials may travel
// along. The rules are those of RFC 9110 section 15.4 as browsers and aiohttp
// apply them. What matters most is the origin: as soon as scheme, host or port
// change, nothing that authenticates the caller goes further.

import (
	"net/http"
)

// redirectStep is the plan for the next hop.
type redirectStep struct {
	method      string
	dropBody    bool // the next hop has no body, and no header that describes one
	crossOrigin bool // headers that carry credentials, and request cookies, stay behind
}

// isRedirect reports whether the status asks for another request. 300 and 304
// do not: there is nothing to choose and nothing to fetch.
func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// redirectTarget returns the place an answer points to. The URI header is what
// some servers of the nineties send in place of Location.
func redirectTarget(h http.Header) (string, bool) {
	for _, name := range [...]string{"Location", "Uri"} {
		if v := h[name]; len(v) > 0 && v[0] != "" {
			return v[0], true
		}
	}
	return "", false
}

// planRedirect decides how the request changes on its way from one location to
// the next.
func planRedirect(method string, status int, from, to origin) redirectStep {
	step := redirectStep{method: method, crossOrigin: from != to}
	switch status {
	case http.StatusSeeOther:
		if method != http.MethodHead {
			step.method, step.dropBody = http.MethodGet, true
		}
	case http.StatusMovedPermanently, http.StatusFound:
		if method == http.MethodPost {
			step.method, step.dropBody = http.MethodGet, true
		}
	}
	return step
}

// Headers that describe a body, dropped together with it, and headers that carry
// credentials or name the host, dropped at the border of an origin.
var (
	bodyHeaders = []string{
		"Content-Length", "Content-Type", "Content-Encoding", "Content-Language", "Content-Location", "Content-Disposition",
		"Content-Digest", "Repr-Digest", "Digest", "Last-Modified", "Transfer-Encoding", "Expect", "Trailer",
	}
	credentialHeaders = []string{"Authorization", "Cookie", "Cookie2", "Proxy-Authorization", "Host"}
)

// strip returns the headers that survive the step. It copies before it changes
// anything: the map may be the caller's.
func (s redirectStep) strip(h http.Header, sensitive []string) http.Header {
	if len(h) == 0 || !s.dropBody && !s.crossOrigin {
		return h
	}
	out := make(http.Header, len(h))
	for name, values := range h {
		if s.dropBody && listed(bodyHeaders, name) {
			continue
		}
		if s.crossOrigin && (listed(credentialHeaders, name) || listed(sensitive, name)) {
			continue
		}
		out[name] = values
	}
	return out
}

// listed compares names as header names compare: ASCII letters without case, so
// that a key that somebody put into the map uncanonicalised is caught as well.
func listed(names []string, name string) bool {
	for _, n := range names {
		if len(n) == len(name) && asciiLower(n) == asciiLower(name) {
			return true
		}
	}
	return false
}

package aiohttp

// The head of a request.
//
// Headers come from four sources, the later replacing the earlier name by name:
// what is generated, the session's defaults, the request's own, and what a
// middleware makes of them. Most requests add nothing to the session's defaults, and
// for them the lines that never change are kept ready-made; only what depends on
// the request is added. Both ways lead to the same bytes.

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/aio-go/aio/internal/http1"
)

// userAgent names the library and what it is built on.
const userAgent = "Go-aio/0.1 aiohttp"

// headOrder is the order of generated headers on the wire. Host comes before all
// of them, everything else behind, sorted by name.
var headOrder = []string{
	"Accept", "Accept-Encoding", "User-Agent", "Authorization", "Cookie",
	"Content-Type", "Content-Encoding", "Content-Length", "Transfer-Encoding", "Expect", "Connection",
}

var (
	errTwoCredentials  = errors.New("credentials both in the Authorization header and in the URL or WithAuth: leave one out")
	errLengthAndCoding = errors.New("Content-Length together with Transfer-Encoding")
	errLengthAndChunks = errors.New("WithChunked together with a header Content-Length: leave one out")
	errBadLength       = errors.New("Content-Length is not a number")
	errBadCoding       = errors.New("Transfer-Encoding other than chunked")
	errNoBody          = errors.New("Content-Length or Transfer-Encoding of a body that is not there: give the body, or leave the header out")
)

// mergeHeaders lays over on top of base: names in over replace those of base with
// all their values. Neither map is changed.
func mergeHeaders(base, over http.Header) http.Header {
	out := make(http.Header, len(base)+len(over))
	for name, values := range base {
		out[name] = values
	}
	fresh := make(map[string]bool, len(over))
	for _, name := range sortedNames(over) {
		canonical := http1.CanonicalName(name)
		if fresh[canonical] { // the same name in another spelling: one source, all values survive
			out[canonical] = append(slices.Clone(out[canonical]), over[name]...)
			continue
		}
		fresh[canonical] = true
		out[canonical] = over[name]
	}
	return out
}

func sortedNames(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// autoHeaders are the headers every request gets, in order.
var autoHeaders = [...][2]string{
	{"Accept", "*/*"},
	{"Accept-Encoding", acceptEncoding},
	{"User-Agent", userAgent},
}

// prepareDefaults makes the lines ready that all requests of the session share. It
// must be called again when the defaults change.
func (s *ClientSession) prepareDefaults() {
	s.readyMade, s.defaults = nil, nil
	for _, name := range slices.Concat(headOrder[3:], []string{"Host", "Proxy-Authorization"}) {
		if _, ok := s.headers[name]; ok {
			return // a default that requests have to look at: build every head in full
		}
	}
	h := s.defaultHeaders(s.skipAuto)
	lines, err := http1.AppendRequestHead(nil, http.MethodGet, "/", "h", h, headOrder)
	if err != nil {
		return // reported by the request that sends it
	}
	const start = len("GET / HTTP/1.1\r\nHost: h\r\n")
	s.readyMade = lines[start : len(lines)-len("\r\n")]
}

// defaultHeaders are the generated headers and the session's own.
func (s *ClientSession) defaultHeaders(skip []string) http.Header {
	h := make(http.Header, len(s.headers)+len(autoHeaders)+4)
	for _, auto := range autoHeaders {
		if auto[0] == "Accept-Encoding" && !s.decompress {
			continue
		}
		if !slices.Contains(skip, auto[0]) {
			h[auto[0]] = []string{auto[1]}
		}
	}
	for name, values := range s.headers {
		h[name] = values
	}
	return h
}

// framing is how the body of a request is delimited.
type framing struct {
	length  int64 // -1: chunked
	present bool  // there is a header for it
}

// planFraming decides between Content-Length and chunked coding. Methods that
// usually carry a body say so when they carry none.
func planFraming(method string, body payload, forceChunked bool) framing {
	if body == nil {
		switch method {
		case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodConnect:
			return framing{}
		}
		return framing{present: true}
	}
	if n := body.size(); n >= 0 && !forceChunked {
		return framing{length: n, present: true}
	}
	return framing{length: -1, present: true}
}

// materialise makes the complete header map of the present hop: needed as soon as
// anybody wants to see or change it.
func (r *ClientRequest) materialise() error {
	c := r.call
	h := c.session.defaultHeaders(c.opts.skipAuto)
	if !c.opts.decompress && r.own["Accept-Encoding"] == nil && c.session.headers["Accept-Encoding"] == nil {
		delete(h, "Accept-Encoding")
	}
	c.withoutRemoved(h)
	for name, values := range r.own {
		h[name] = values
	}
	h = r.step.strip(h, c.opts.sensitive)
	if v := c.opts.authorize; v != "" {
		if h["Authorization"] != nil && c.hops == 0 {
			return errTwoCredentials
		}
		h["Authorization"] = []string{v}
	}
	if cookies := r.cookieHeader(h["Cookie"]); cookies != "" {
		h["Cookie"] = []string{cookies}
	}
	r.Headers = h
	return r.describeBody(!slices.Contains(c.opts.skipAuto, "Content-Type"))
}

// describeBody sets the headers that follow from the body, unless the caller set
// them.
func (r *ClientRequest) describeBody(withType bool) error {
	h := r.Headers
	if r.body != nil {
		if t := r.body.contentType(); t != "" && withType && h["Content-Type"] == nil {
			h["Content-Type"] = []string{t}
		}
		if coding := r.call.opts.compress; coding != codingIdentity {
			h["Content-Encoding"] = []string{coding.String()}
		}
	}
	if r.call.opts.expect100 && r.body != nil && h["Expect"] == nil {
		h["Expect"] = []string{"100-continue"}
	}
	return r.frame()
}

// frame makes the headers that delimit the body, and what is sent, agree. It is asked once more
// before they are sent: middlewares may have changed either, and a request that announces a body
// other than its own would take the next one on the connection for it.
func (r *ClientRequest) frame() error {
	h := r.Headers
	respellFraming(h)
	if te := h["Transfer-Encoding"]; te != nil {
		if len(te) != 1 || asciiLower(te[0]) != "chunked" {
			return errBadCoding
		}
		if h["Content-Length"] != nil {
			return errLengthAndCoding
		}
		if r.body == nil {
			return errNoBody
		}
		r.framing = framing{length: -1, present: true}
		return nil
	}
	if cl := h["Content-Length"]; cl != nil {
		n, err := strconv.ParseUint(cl[0], 10, 62) // digits alone
		if err != nil || len(cl) != 1 {
			return errBadLength
		}
		if r.body == nil && n > 0 {
			return errNoBody
		}
		if r.body != nil && r.call.opts.chunked {
			return errLengthAndChunks
		}
		r.framing = framing{length: int64(n), present: true}
		return nil
	}
	r.framing = planFraming(r.Method, r.body, r.call.opts.chunked)
	if r.framing.present {
		if r.framing.length < 0 {
			h["Transfer-Encoding"] = []string{"chunked"}
		} else {
			h["Content-Length"] = []string{strconv.FormatInt(r.framing.length, 10)}
		}
	}
	return nil
}

// respellFraming brings the names of the two headers that delimit a body into their canonical
// form, under which everybody looks for them.
func respellFraming(h http.Header) {
	for name, values := range h {
		switch len(name) {
		case len("Content-Length"), len("Transfer-Encoding"):
			canonical := http1.CanonicalName(name)
			if name != canonical && (canonical == "Content-Length" || canonical == "Transfer-Encoding") {
				delete(h, name)
				h[canonical] = append(h[canonical], values...)
			}
		}
	}
}

// shortcut reports whether the head can be made from the ready-made lines.
func (r *ClientRequest) shortcut() bool {
	c := r.call
	return r.Headers == nil && len(r.own) == 0 && c.trace == nil && c.session.readyMade != nil && !r.step.crossOrigin &&
		len(c.opts.skipAuto) == len(c.session.skipAuto) && c.opts.decompress == c.session.decompress &&
		c.opts.compress == codingIdentity
}

// appendHead appends the complete head.
func (r *ClientRequest) appendHead(dst []byte) ([]byte, error) {
	if !r.shortcut() {
		if r.Headers == nil {
			if err := r.materialise(); err != nil {
				return dst, err
			}
		} else if err := r.frame(); err != nil {
			return dst, err
		}
		host := r.loc.authority
		if own := r.Headers["Host"]; len(own) == 1 {
			host = own[0]
		}
		dst, err := http1.AppendRequestHead(dst, r.Method, r.requestTarget(), host, r.forOrigin(), headOrder)
		if err != nil || r.via == nil {
			return dst, err
		}
		if dst, err = r.appendProxyFields(dst[:len(dst)-len("\r\n")]); err != nil {
			return dst, err
		}
		return append(dst, "\r\n"...), nil
	}
	dst, err := http1.AppendRequestHead(dst, r.Method, r.requestTarget(), r.loc.authority, nil, nil)
	if err != nil {
		return dst, err
	}
	dst = append(dst[:len(dst)-len("\r\n")], r.call.session.readyMade...)
	if v := r.call.opts.authorize; v != "" {
		if dst, err = http1.AppendHeader(dst, "Authorization", v); err != nil {
			return dst, err
		}
	}
	if v := r.cookieHeader(nil); v != "" {
		if dst, err = http1.AppendHeader(dst, "Cookie", v); err != nil {
			return dst, err
		}
	}
	if dst, err = r.appendFraming(dst); err != nil {
		return dst, err
	}
	if dst, err = r.appendProxyFields(dst); err != nil {
		return dst, err
	}
	return append(dst, "\r\n"...), nil
}

// appendFraming appends what describes the body.
func (r *ClientRequest) appendFraming(dst []byte) (_ []byte, err error) {
	if r.body != nil {
		if t := r.body.contentType(); t != "" {
			if dst, err = http1.AppendHeader(dst, "Content-Type", t); err != nil {
				return dst, err
			}
		}
	}
	r.framing = planFraming(r.Method, r.body, r.call.opts.chunked)
	if r.framing.present {
		if r.framing.length < 0 {
			dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
		} else {
			dst = append(dst, "Content-Length: "...)
			dst = strconv.AppendInt(dst, r.framing.length, 10)
			dst = append(dst, "\r\n"...)
		}
	}
	if r.call.opts.expect100 && r.body != nil {
		dst = append(dst, "Expect: 100-continue\r\n"...)
	}
	return dst, nil
}

package middleware

// Digest authentication: proving a password without sending it.
//
// The server asks, with a 401 that carries a nonce, and the request is sent again with a
// proof made of it; from then on requests carry a proof from the start, counted, until
// the server wants a new nonce. Whoever may ask is the danger: a proof can be tried
// against a list of passwords, so that only the origin the login is for gets one, and
// those it vouches for in its protection space, never whoever a redirect leads to.

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// DigestAuth answers Digest challenges (RFC 7616, and RFC 2069 for servers that offer no
// qop); give its method Middleware to a session. MD5, SHA, SHA-256, SHA-512-256 and
// SHA-512 are known, each also in its -sess form, and the strongest on offer is taken.
//
// It is bound to one origin: that of WithDigestOrigin, or of the first request it sees.
// Other origins are answered only for URLs that the first one's challenge has named in
// its domain, and not without encryption if the first one has it. A request with an
// Authorization header of its own is left alone.
//
// A request is sent again at most once, and only if its body can be: otherwise the 401 is
// the answer. A DigestAuth is used on one loop, by any number of sessions and
// requests at a time. CPython's aiohttp: DigestAuthMiddleware.
type DigestAuth struct {
	login, password string
	origin          string // "" until the first request
	lazy            bool
	space           []prefix // of the origin's challenge; empty: the whole origin
	known           map[string]*digestState
}

// digestState is what is known of one origin.
type digestState struct {
	challenge *digestChallenge
	count     uint32 // uses of its nonce
}

// DigestOption configures a DigestAuth.
type DigestOption func(*DigestAuth)

// WithDigestOrigin binds the credentials to the origin of a URL: its scheme, host and
// port. NewDigestAuth panics if it has none. Default: that of the first request.
func WithDigestOrigin(raw string) DigestOption {
	return func(d *DigestAuth) {
		u, err := url.Parse(raw)
		if err != nil || originOf(u) == "" {
			panic(fmt.Sprintf("middleware: WithDigestOrigin(%q): not an http or https URL", raw))
		}
		d.origin = originOf(u)
	}
}

// WithoutPreemption sends every request without proof first and waits to be asked. Default:
// a proof is sent at once if the server has asked before.
func WithoutPreemption() DigestOption { return func(d *DigestAuth) { d.lazy = true } }

// NewDigestAuth returns a middleware for one login. It panics if login contains a colon,
// or either a control character: no proof can be made of those.
func NewDigestAuth(login, password string, opts ...DigestOption) *DigestAuth {
	if _, err := aiohttp.EncodeBasicAuth(login, password); err != nil {
		panic("middleware: NewDigestAuth: a login has no colon, and neither it nor the password has control characters")
	}
	d := &DigestAuth{login: login, password: password, known: make(map[string]*digestState)}
	for _, o := range opts {
		o(d)
	}
	return d
}

// Middleware is the aiohttp.ClientMiddleware. It suspends as sending the request does, and
// to read a body that is to be part of the proof.
func (d *DigestAuth) Middleware(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
	if d.origin == "" {
		d.origin = originOf(req.URL)
	}
	if req.Headers["Authorization"] != nil || !d.covers(req.URL) {
		return next(ctx, req)
	}
	defer delete(req.Headers, "Authorization")
	at := originOf(req.URL)
	if state := d.known[at]; state != nil && !d.lazy && (at != d.origin || within(d.space, req.URL)) {
		if err := d.prove(ctx, req, state); err != nil {
			return nil, err
		}
	}
	resp, err := next(ctx, req)
	if err != nil {
		return nil, err
	}
	if resp.Status != http.StatusUnauthorized {
		d.renew(at, resp.Headers)
		return resp, nil
	}
	c := pickDigest(resp.Headers["Www-Authenticate"])
	if c == nil || !d.worthAnother(req, c) || req.Rewind(ctx) != nil {
		return resp, nil
	}
	d.learn(at, req.URL, c)
	discard(ctx, resp)
	if err := d.prove(ctx, req, d.known[at]); err != nil {
		return nil, err
	}
	resp, err = next(ctx, req)
	if err == nil {
		d.renew(at, resp.Headers)
	}
	return resp, err
}

// worthAnother reports whether a second attempt may end differently: not if the proof
// was refused that rests on the very nonce the server names again.
func (d *DigestAuth) worthAnother(req *aiohttp.ClientRequest, c *digestChallenge) bool {
	state := d.known[originOf(req.URL)]
	return req.Headers["Authorization"] == nil || c.stale || state == nil || state.challenge.nonce != c.nonce
}

// learn keeps a challenge for the requests to come.
func (d *DigestAuth) learn(at string, from *url.URL, c *digestChallenge) {
	if state := d.known[at]; state != nil && state.challenge.nonce == c.nonce {
		c.stale = false
		state.challenge = c // the count goes on
	} else {
		d.known[at] = &digestState{challenge: c}
	}
	if at == d.origin {
		d.space = protectionSpace(from, c.domain)
	}
}

// renew takes the nonce that the server wants to see next.
func (d *DigestAuth) renew(at string, h http.Header) {
	state := d.known[at]
	if state == nil {
		return
	}
	for _, value := range h["Authentication-Info"] {
		for _, c := range parseChallenges("Info " + value) {
			if next := c.params["nextnonce"]; !c.bad && next != "" && next != state.challenge.nonce {
				renewed := *state.challenge
				renewed.nonce = next
				d.known[at] = &digestState{challenge: &renewed}
				return
			}
		}
	}
}

// integrityLimit is the longest body that is read into memory for auth-int where plain
// auth would do.
const integrityLimit = 1 << 20

// prove adds the proof to a request.
func (d *DigestAuth) prove(ctx context.Context, req *aiohttp.ClientRequest, state *digestState) error {
	c := state.challenge
	r := digestRequest{login: d.login, password: d.password, method: req.Method, uri: req.RequestTarget()}
	if r.integrity = c.authInt && (!c.auth || smallBody(req.Headers)); r.integrity {
		body, err := req.Body(ctx)
		if err != nil {
			return err
		}
		r.body = body
	}
	state.count++ // after what may suspend: two tasks never use the same number
	r.count = state.count
	random := asyncio.RunningLoop(ctx).Rand()
	r.cnonce = fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64())
	req.Headers["Authorization"] = []string{c.answer(&r)}
	return nil
}

func smallBody(h http.Header) bool {
	if h["Transfer-Encoding"] != nil {
		return false
	}
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 63)
	return err != nil || n <= integrityLimit
}

// covers reports whether a URL may be given a proof: one of the origin, or one that the
// origin has named.
func (d *DigestAuth) covers(u *url.URL) bool {
	if originOf(u) == d.origin {
		return true
	}
	if u.Scheme == "http" && strings.HasPrefix(d.origin, "https:") {
		return false
	}
	return len(d.space) > 0 && within(d.space, u)
}

// prefix is one entry of a protection space.
type prefix struct{ origin, path string }

// maxSpace bounds how many entries of a domain are believed.
const maxSpace = 32

// protectionSpace reads the domain of a challenge (RFC 7616 section 3.3).
func protectionSpace(from *url.URL, domain string) []prefix {
	var space []prefix
	for _, field := range strings.Fields(domain) {
		u, err := from.Parse(field)
		if err != nil || originOf(u) == "" || len(space) == maxSpace {
			continue
		}
		path := u.EscapedPath()
		if path == "" {
			path = "/"
		}
		space = append(space, prefix{originOf(u), path})
	}
	return space
}

// within reports whether u lies in the space. Paths are compared segment by segment, and
// one that goes up again lies nowhere.
func within(space []prefix, u *url.URL) bool {
	if len(space) == 0 {
		return true
	}
	path := u.EscapedPath()
	if strings.Contains(path+"/", "/../") || strings.Contains(lower(path), "%2e") {
		return false
	}
	for _, p := range space {
		if p.origin != originOf(u) {
			continue
		}
		rest, ok := strings.CutPrefix(path, p.path)
		if ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(p.path, "/")) {
			return true
		}
	}
	return false
}

// fullURL is the URL of a request with its target byte for byte, which URL.String might spell anew.
func fullURL(req *aiohttp.ClientRequest) string {
	return req.URL.Scheme + "://" + req.URL.Host + req.RequestTarget()
}

// originOf returns scheme, host and port in one spelling, "" if there is none.
func originOf(u *url.URL) string {
	port := u.Port()
	switch {
	case u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return ""
	case port != "":
	case u.Scheme == "http":
		port = "80"
	default:
		port = "443"
	}
	return u.Scheme + "://" + lower(u.Hostname()) + ":" + port
}

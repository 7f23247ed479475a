package aiohttp

// Following a redirect: from the response of one hop to the request of the next.
// What changes is decided in redirect.go; here it is carried out, and a Location
// that cannot be followed becomes an error.

import (
	"context"
	"net/url"
	"strconv"
	"strings"
)

// maxRedirectDrain is how long the body of a redirect may be for it to be worth
// reading: less than a new connection costs.
const maxRedirectDrain = 16 << 10

// follow prepares the next hop and reports true, or reports false if resp is final.
// The response it leaves behind is closed.
func (c *call) follow(ctx context.Context, resp *ClientResponse) (bool, error) {
	if c.opts.redirects == redirectsReturn || !isRedirect(resp.Status) {
		return false, nil
	}
	target, ok := redirectTarget(resp.Headers)
	if !ok {
		return false, nil
	}
	c.history = append(c.history, resp)
	c.trace.redirect(ctx, resp)
	if c.opts.maxRedirects > 0 && len(c.history) >= c.opts.maxRedirects {
		return false, c.tooManyRedirects(resp)
	}
	if c.opts.ws != nil {
		target = httpURL(target)
	}
	next := new(location)
	if d := next.resolve(&resp.loc, target); d != nil {
		return false, c.locationError(resp, target, d)
	}
	if err := resp.finishSmall(ctx, maxRedirectDrain); err != nil {
		return false, err
	}
	c.advance(resp, next)
	return true, nil
}

// advance turns the request of the last hop into that of the next.
func (c *call) advance(resp *ClientResponse, next *location) {
	r := &c.req
	step := planRedirect(resp.method, resp.Status, resp.loc.origin(), next.origin())
	if r.moved { // what the caller gave was meant for an origin that is left already
		step.crossOrigin, r.moved = true, false
	}
	r.own = step.strip(r.own, c.opts.sensitive)
	r.step.dropBody = r.step.dropBody || step.dropBody
	r.step.crossOrigin = r.step.crossOrigin || step.crossOrigin
	r.body = c.opts.body
	if r.step.dropBody {
		r.body = nil
	}
	if step.crossOrigin {
		c.opts.cookies = nil
		if o := &c.opts; o.authorize != "" || o.tls.serverName != "" {
			own := o.change()
			own.authorize, own.tls.serverName = "", ""
		}
	}
	r.Method, r.loc, r.Headers = step.method, next, nil
	r.URL = &r.loc.url
	if next.user != nil {
		c.useCredentials(next.user)
	}
	c.hops, c.repeated = c.hops+1, false
}

func (c *call) tooManyRedirects(last *ClientResponse) error {
	first := c.history[0]
	w := first.where(PhaseRedirect)
	return &TooManyRedirects{ClientResponseError{
		Where: w, RequestInfo: first.RequestInfo(), History: c.history,
		Status: last.Status, Message: "too many redirects: " + strconv.Itoa(len(c.history)) + " in a row", Headers: last.Headers,
	}}
}

// locationError reports a URL that the server gave.
func (c *call) locationError(resp *ClientResponse, target string, d *urlDefect) error {
	w := resp.where(PhaseRedirect)
	target = withoutUserinfo(target)
	if d.nonHTTP {
		return &NonHTTPURLRedirectClientError{Where: w, Location: target, Scheme: d.scheme}
	}
	return &InvalidURLRedirectClientError{Where: w, Location: target, Reason: d.reason}
}

// withoutUserinfo removes credentials from a URL that could not be parsed, so that
// an error text does not give them away. Where nobody can tell what was meant, a slash in a password
// that was not encoded perhaps, everything up to the last @ may be some.
func withoutUserinfo(raw string) string {
	u, err := url.Parse(raw)
	understood := err == nil && u.Opaque == ""
	if understood && u.User == nil {
		return raw
	}
	start, end := 0, len(raw)
	if i := strings.Index(raw, "//"); i >= 0 {
		start = i + len("//")
	} else if scheme, _, ok := cutScheme(raw); ok {
		start = len(scheme) + len(":")
	}
	if i := strings.IndexAny(raw[start:], "/?#"); i >= 0 && understood {
		end = start + i
	}
	at := strings.LastIndexByte(raw[start:end], '@')
	if at < 0 {
		return raw
	}
	return raw[:start] + "***" + raw[start+at:]
}

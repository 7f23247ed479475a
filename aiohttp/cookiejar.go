package aiohttp

// CookieJar: what servers asked to be told again.
//
// Matching follows RFC 6265: by domain, path and the security of the connection.
// Four things go beyond it, as browsers do: a cookie for a public suffix such as
// co.uk is refused, names that start with __Secure- or __Host- must keep what they
// promise, nothing that came without encryption touches a Secure cookie, and sizes are
// bounded.

import (
	"cmp"
	"fmt"
	"iter"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/aio-go/aio/asyncio"
)

const (
	// maxCookiesPerDomain bounds what one domain may store; see victim for which make room.
	maxCookiesPerDomain = 50
	// A jar that has come to maxCookies is cut back to keptCookies, so that it need not look for the oldest each time.
	maxCookies  = 3300
	keptCookies = 3000
)

// CookieJar keeps cookies between requests: up to 50 of one domain and 3300 in all, the oldest
// and those that came without encryption going first. It belongs to the loop of the session
// that uses it.
type CookieJar struct {
	unsafe  bool
	secure  map[string]bool // origins to be treated as https
	domains map[string][]*cookieEntry
	count   int
	made    uint64
	loop    *asyncio.EventLoop
}

// cookieEntry is one cookie. The same name may exist for several domains and paths.
type cookieEntry struct {
	Name     string    `json:"name"`
	Value    string    `json:"value"`
	Domain   string    `json:"domain"` // "" for a cookie that goes everywhere
	Path     string    `json:"path"`
	HostOnly bool      `json:"hostOnly,omitempty"`
	Secure   bool      `json:"secure,omitempty"`
	HTTPOnly bool      `json:"httpOnly,omitempty"`
	Expires  time.Time `json:"expires,omitzero"`

	SameSite http.SameSite `json:"sameSite,omitempty"`
	age      time.Duration // Max-Age of a cookie set before there was a clock
	seq      uint64        // order of creation
}

// CookieJarOption configures a CookieJar.
type CookieJarOption func(*CookieJar)

// WithUnsafeCookies accepts cookies from hosts given by IP address. Default: they
// are refused.
func WithUnsafeCookies() CookieJarOption { return func(j *CookieJar) { j.unsafe = true } }

// WithSecureOrigins names origins ("http://localhost:8080") that get Secure cookies
// although they are not https. Default: none.
func WithSecureOrigins(origins ...string) CookieJarOption {
	return func(j *CookieJar) {
		j.secure = make(map[string]bool)
		for _, o := range origins {
			var l location
			if d := l.parse(o); d != nil {
				panic("aiohttp: WithSecureOrigins(" + o + "): " + d.text())
			}
			j.secure[l.url.Scheme+"://"+l.authority] = true
		}
	}
}

// NewCookieJar returns an empty jar.
func NewCookieJar(opts ...CookieJarOption) *CookieJar {
	j := &CookieJar{domains: make(map[string][]*cookieEntry)}
	for _, o := range opts {
		o(j)
	}
	return j
}

// attach gives the jar the loop's clock. What was put in before starts to age now.
func (j *CookieJar) attach(l *asyncio.EventLoop) {
	if j.loop != nil {
		return
	}
	j.loop = l
	now := l.Wall()
	for _, list := range j.domains {
		for _, e := range list {
			if e.age != 0 {
				e.Expires, e.age = now.Add(e.age), 0
			}
		}
	}
}

// addShared stores cookies that go to every host.
func (j *CookieJar) addShared(cookies []*http.Cookie) {
	for _, c := range cookies {
		j.store(&cookieEntry{Name: c.Name, Value: c.Value, Path: "/"})
	}
}

// Update stores cookies as if u had set them. It stops with an error at one that could not be sent
// as one cookie (see WithCookies). CPython: update_cookies.
func (j *CookieJar) Update(u *url.URL, cookies ...*http.Cookie) error {
	l, err := jarLocation(u)
	if err != nil {
		return err
	}
	for _, c := range cookies {
		if fault := cookieFault(c.Name, c.Value); fault != "" {
			return fmt.Errorf("aiohttp: cookie %q: %s", clip(c.Name), fault)
		}
		set := setCookie{
			name: c.Name, value: c.Value, domain: asciiLower(strings.TrimPrefix(c.Domain, ".")), path: c.Path,
			expires: c.Expires, secure: c.Secure, httpOnly: c.HttpOnly, sameSite: c.SameSite,
		}
		if c.MaxAge != 0 {
			set.hasMaxAge = true
			set.maxAge = max(0, min(time.Duration(c.MaxAge), maxCookieAge/time.Second)*time.Second)
		}
		j.accept(l, &set)
	}
	return nil
}

// UpdateFromHeaders stores what Set-Cookie headers of a response from u ask for.
// Headers that are malformed, or ask for what u may not have, are ignored.
// CPython: update_cookies_from_headers.
func (j *CookieJar) UpdateFromHeaders(u *url.URL, setCookies []string) error {
	l, err := jarLocation(u)
	if err != nil {
		return err
	}
	j.receive(l, setCookies)
	return nil
}

func jarLocation(u *url.URL) (*location, error) {
	l := new(location)
	if d := l.parse(u.String()); d != nil {
		return nil, &InvalidURLClientError{Where: Where{URL: clip(u.Redacted())}, Reason: d.text()}
	}
	return l, nil
}

func (j *CookieJar) receive(l *location, lines []string) {
	for _, line := range lines {
		if set, ok := parseSetCookie(line); ok {
			j.accept(l, &set)
		}
	}
}

// accept applies the rules of RFC 6265 section 5.3 to one cookie.
func (j *CookieJar) accept(l *location, set *setCookie) {
	host := cookieHost(l.host)
	e := &cookieEntry{
		Name: set.name, Value: set.value, Domain: host, Path: set.path, HostOnly: true,
		Secure: set.secure, HTTPOnly: set.httpOnly, SameSite: set.sameSite,
	}
	if isIP(host) {
		if !j.unsafe || set.domain != "" && set.domain != host {
			return
		}
	} else if set.domain != "" && !e.widen(host, set.domain) {
		return
	}
	if e.Path == "" || e.Path[0] != '/' {
		e.Path = defaultCookiePath(l.url.EscapedPath())
	}
	secure := j.isSecure(l)
	if set.secure && !secure || !keepsPromise(e, set, secure) || !secure && j.shadowsSecure(e) {
		return
	}
	now, known := j.now()
	switch {
	case set.hasMaxAge && set.maxAge <= 0:
		j.remove(e)
		return
	case set.hasMaxAge && known:
		e.Expires = now.Add(set.maxAge)
	case set.hasMaxAge:
		e.age = set.maxAge
	case !set.expires.IsZero():
		e.Expires = set.expires
		if known && !now.Before(e.Expires) {
			j.remove(e)
			return
		}
	}
	j.store(e)
}

// cookieHost is a host as cookies know it. The dot that makes a name absolute makes no other
// domain of it; taken for part of the name it would let com. pass for no public suffix.
func cookieHost(host string) string { return strings.TrimSuffix(host, ".") }

// widen makes the cookie valid for the domain it asks for, if host may set that.
func (e *cookieEntry) widen(host, domain string) bool {
	if ascii, d := canonicalHost(domain); d == nil {
		domain = ascii
	}
	domain = cookieHost(domain)
	if !domainMatches(host, domain) {
		return false
	}
	if suffix, _ := publicsuffix.PublicSuffix(domain); suffix == domain {
		// A host that is itself a public suffix may keep its own cookies.
		return host == domain
	}
	e.Domain, e.HostOnly = domain, false
	return true
}

// keepsPromise checks the names that promise something about their origin.
func keepsPromise(e *cookieEntry, set *setCookie, secure bool) bool {
	name := asciiLower(e.Name)
	switch {
	case strings.HasPrefix(name, "__secure-"):
		return set.secure && secure
	case strings.HasPrefix(name, "__host-"):
		return set.secure && secure && set.domain == "" && set.path == "/"
	}
	return true
}

// shadowsSecure reports whether e, which came without encryption, would replace or stand
// before a Secure cookie: whoever can write to the wire could otherwise choose the
// session of the encrypted site (RFC 6265bis section 5.7, "leave secure cookies alone").
func (j *CookieJar) shadowsSecure(e *cookieEntry) bool {
	shadows := func(domain string) bool {
		return slices.ContainsFunc(j.domains[domain], func(o *cookieEntry) bool {
			return o.Secure && o.Name == e.Name && pathMatches(e.Path, o.Path)
		})
	}
	for domain, ok := e.Domain, true; ok; _, domain, ok = strings.Cut(domain, ".") {
		if shadows(domain) {
			return true
		}
	}
	if e.HostOnly {
		return false
	}
	for domain := range j.domains {
		if domainMatches(domain, e.Domain) && shadows(domain) {
			return true
		}
	}
	return false
}

func (j *CookieJar) isSecure(l *location) bool {
	return l.tls || j.secure[l.url.Scheme+"://"+l.authority]
}

func (j *CookieJar) now() (time.Time, bool) {
	if j.loop == nil {
		return time.Time{}, false
	}
	return j.loop.Wall(), true
}

func (e *cookieEntry) same(o *cookieEntry) bool {
	return e.Name == o.Name && e.Domain == o.Domain && e.Path == o.Path
}

func (j *CookieJar) store(e *cookieEntry) {
	j.made++
	e.seq = j.made
	list := j.domains[e.Domain]
	for i, old := range list {
		if old.same(e) {
			e.seq = old.seq // a cookie keeps its age when its value changes
			list[i] = e
			return
		}
	}
	if len(list) >= maxCookiesPerDomain {
		victim := j.victim(list, e)
		if victim < 0 {
			return
		}
		list = slices.Delete(list, victim, victim+1)
		j.count--
	}
	j.domains[e.Domain] = append(list, e)
	if j.count++; j.count > maxCookies {
		j.cutBack()
	}
}

func (e *cookieEntry) expired(now time.Time) bool {
	return !e.Expires.IsZero() && !now.Before(e.Expires)
}

// cutBack makes room in a jar into which very many domains have put something: what has expired
// goes, then the oldest that are not Secure, then the oldest (RFC 6265 section 5.3). Cookies
// that the program itself has given for every host stay.
func (j *CookieJar) cutBack() {
	now, known := j.now()
	var left []*cookieEntry
	for _, e := range j.entries() {
		switch {
		case e.Domain == "":
		case known && e.expired(now):
			j.remove(e)
		default:
			left = append(left, e)
		}
	}
	secure := func(e *cookieEntry) int {
		if e.Secure {
			return 1
		}
		return 0
	}
	slices.SortFunc(left, func(a, b *cookieEntry) int { return cmp.Or(secure(a)-secure(b), cmp.Compare(a.seq, b.seq)) })
	for _, e := range left[:max(0, min(len(left), j.count-keptCookies))] {
		j.remove(e)
	}
}

// victim is the cookie of a full domain that makes room for e: one that has expired, else the
// oldest that is not Secure, else the oldest (RFC 6265bis section 5.7). It is -1 if that would be e:
// whoever can write to the wire could otherwise push the cookies of the encrypted site out.
func (j *CookieJar) victim(list []*cookieEntry, e *cookieEntry) int {
	now, known := j.now()
	if i := slices.IndexFunc(list, func(o *cookieEntry) bool { return known && o.expired(now) }); i >= 0 {
		return i
	}
	i := slices.IndexFunc(list, func(o *cookieEntry) bool { return !o.Secure })
	if i < 0 && e.Secure {
		i = 0
	}
	return i
}

func (j *CookieJar) remove(e *cookieEntry) { j.filterDomain(e.Domain, e.same) }

// filterDomain removes the cookies of one domain that drop tells to.
func (j *CookieJar) filterDomain(domain string, drop func(*cookieEntry) bool) {
	before := j.domains[domain]
	after := slices.DeleteFunc(before, drop)
	j.count -= len(before) - len(after)
	if len(after) == 0 {
		delete(j.domains, domain)
	} else {
		j.domains[domain] = after
	}
}

// Filter returns the cookies to send to u, in the order they are sent. Of several
// with one name the one with the longest path is taken. CPython: filter_cookies.
func (j *CookieJar) Filter(u *url.URL) []*http.Cookie {
	l, err := jarLocation(u)
	if err != nil {
		return nil
	}
	var out []*http.Cookie
	for _, e := range j.match(l) {
		out = append(out, e.cookie())
	}
	return out
}

func (e *cookieEntry) cookie() *http.Cookie {
	c := &http.Cookie{Name: e.Name, Value: e.Value, Path: e.Path, Expires: e.Expires, Secure: e.Secure, HttpOnly: e.HTTPOnly, SameSite: e.SameSite}
	if !e.HostOnly {
		c.Domain = e.Domain
	}
	return c
}

// match finds the entries for a location, one per name.
func (j *CookieJar) match(l *location) []*cookieEntry {
	if j.count == 0 {
		return nil
	}
	now, known := j.now()
	secure := j.isSecure(l)
	path := l.url.EscapedPath()
	var found []*cookieEntry
	look := func(domain string, exact bool) {
		expired := false
		for _, e := range j.domains[domain] {
			switch {
			case known && e.expired(now):
				expired = true
			case e.HostOnly && !exact, e.Secure && !secure, !pathMatches(path, e.Path):
			default:
				found = append(found, e)
			}
		}
		if expired {
			j.filterDomain(domain, func(e *cookieEntry) bool { return e.expired(now) })
		}
	}
	look("", true)
	host := cookieHost(l.host)
	look(host, true)
	if !isIP(host) {
		for rest := host; ; {
			_, parent, ok := strings.Cut(rest, ".")
			if !ok || parent == "" {
				break
			}
			look(parent, false)
			rest = parent
		}
	}
	slices.SortStableFunc(found, func(a, b *cookieEntry) int {
		return cmp.Or(cmp.Compare(len(b.Path), len(a.Path)), cmp.Compare(len(b.Domain), len(a.Domain)), cmp.Compare(a.seq, b.seq))
	})
	seen := make(map[string]bool, len(found))
	return slices.DeleteFunc(found, func(e *cookieEntry) bool {
		again := seen[e.Name]
		seen[e.Name] = true
		return again
	})
}

// Len returns the number of cookies.
func (j *CookieJar) Len() int { return j.count }

// All yields every cookie, by domain, then in the order they were made. The Domain
// of a cookie that only its host gets is that host.
func (j *CookieJar) All() iter.Seq[*http.Cookie] {
	return func(yield func(*http.Cookie) bool) {
		for _, e := range j.entries() {
			c := e.cookie()
			c.Domain = e.Domain
			if !yield(c) {
				return
			}
		}
	}
}

func (j *CookieJar) entries() []*cookieEntry {
	all := make([]*cookieEntry, 0, j.count)
	for _, list := range j.domains {
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b *cookieEntry) int { return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.seq, b.seq)) })
	return all
}

// Clear removes the cookies for which drop returns true, or all if drop is nil.
func (j *CookieJar) Clear(drop func(*http.Cookie) bool) {
	for _, e := range j.entries() {
		c := e.cookie()
		c.Domain = e.Domain
		if drop == nil || drop(c) {
			j.remove(e)
		}
	}
}

// ClearDomain removes the cookies of a domain and of the hosts below it.
func (j *CookieJar) ClearDomain(domain string) {
	domain = cookieHost(asciiLower(domain))
	j.Clear(func(c *http.Cookie) bool { return domainMatches(c.Domain, domain) })
}

// domainMatches implements RFC 6265 section 5.1.3 for two canonical names.
func domainMatches(host, domain string) bool {
	if host == domain {
		return host != ""
	}
	return domain != "" && strings.HasSuffix(host, domain) && host[len(host)-len(domain)-1] == '.' && !isIP(host)
}

// pathMatches implements RFC 6265 section 5.1.4.
func pathMatches(path, cookiePath string) bool {
	if !strings.HasPrefix(path, cookiePath) {
		return false
	}
	return len(path) == len(cookiePath) || cookiePath[len(cookiePath)-1] == '/' || path[len(cookiePath)] == '/'
}

func defaultCookiePath(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 {
		return "/"
	}
	return path[:i]
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

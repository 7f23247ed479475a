package middleware

// What RFC 9111 says about one stored response, without I/O: whether it may be stored,
// how old it is, for how long it is fresh, and whether it may answer a request.
//
// The cache is a private one: it keeps what is marked private, ignores s-maxage and
// proxy-revalidate, and may be asked by one user only.

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// cached is a response as it is kept.
type cached struct {
	Status   int
	Headers  http.Header
	Asked    time.Time // when the request was sent
	Answered time.Time // when the response came
	body     []byte
}

// heuristicStatuses may be kept without being told for how long (RFC 9110 section 15.1);
// 206 is missing because parts are not kept at all.
var heuristicStatuses = []int{200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501}

// explicitStatuses may be kept as well if the response says for how long.
var explicitStatuses = []int{302, 303, 307, 400, 403, 406, 451, 500, 502, 503, 504}

func understood(status int) bool {
	return slices.Contains(heuristicStatuses, status) || slices.Contains(explicitStatuses, status)
}

// storable reports whether a response to a GET may be kept, and is worth it (section 3).
func (e *cached) storable(request CacheControl, heuristic float64) bool {
	cc := ParseCacheControl(e.Headers["Cache-Control"])
	switch {
	case !understood(e.Status), request.Has("no-store"):
		return false
	case cc.Has("no-store") && !cc.Has("must-understand"):
		return false
	case slices.Contains(varyNames(e.Headers), "*"):
		return false
	}
	lifetime, explicit := e.lifetime(heuristic)
	if !explicit && !cc.Has("public") && !cc.Has("private") && !slices.Contains(heuristicStatuses, e.Status) {
		return false
	}
	return lifetime > 0 || e.validator()
}

// validator reports whether the server can be asked if the response is still good.
func (e *cached) validator() bool {
	return e.condition("Etag") != "" || e.condition("Last-Modified") != ""
}

// condition is the value of a validator, "" if there is none or none that a request can carry:
// responses are read more leniently than requests are written.
func (e *cached) condition(name string) string {
	value := e.Headers.Get(name)
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return ""
	}
	return value
}

// longestHeuristic bounds what is guessed.
const longestHeuristic = 24 * time.Hour

// lifetime is for how long the response is fresh from its making on (section 4.2.1), and
// whether the server has said so rather than us guessed it.
func (e *cached) lifetime(heuristic float64) (d time.Duration, explicit bool) {
	cc := ParseCacheControl(e.Headers["Cache-Control"])
	if d, ok := cc.Seconds("max-age"); ok {
		return d, true
	}
	if values := e.Headers["Expires"]; len(values) > 0 {
		expires, err := http.ParseTime(values[0])
		if err != nil || len(values) > 1 {
			return 0, true // "0" and the like: already over
		}
		return max(0, expires.Sub(e.date())), true
	}
	if !slices.Contains(heuristicStatuses, e.Status) && !cc.Has("public") {
		return 0, false
	}
	modified, err := http.ParseTime(e.Headers.Get("Last-Modified"))
	if err != nil {
		return 0, false
	}
	guess := time.Duration(float64(e.date().Sub(modified)) * heuristic)
	return min(max(guess, 0), longestHeuristic), false
}

// date is when the server made the response.
func (e *cached) date() time.Time {
	if t, err := http.ParseTime(e.Headers.Get("Date")); err == nil {
		return t
	}
	return e.Answered
}

// age is how old the response is (section 4.2.3).
func (e *cached) age(now time.Time) time.Duration {
	apparent := max(0, e.Answered.Sub(e.date()))
	told := time.Duration(max(0, deltaSeconds(firstItem(e.Headers["Age"])))) * time.Second
	corrected := told + max(0, e.Answered.Sub(e.Asked))
	return max(apparent, corrected) + max(0, now.Sub(e.Answered))
}

// firstItem is the first member of a header that was to have only one.
func firstItem(values []string) string {
	if len(values) == 0 {
		return ""
	}
	first, _, _ := strings.Cut(values[0], ",")
	return strings.TrimSpace(first)
}

// use is what may be done with a stored response.
type use uint8

const (
	useNot        use = iota // ask the server
	useFresh                 // answer with it
	useStale                 // answer with it: the request takes what is stale
	useMeanwhile             // answer with it, and ask the server in the background
	useOnlyFailed            // ask the server; answer with it if that fails
)

var useNames = [...]string{"not", "fresh", "stale", "meanwhile", "only failed"}

// String returns the name of the use, for tests.
func (u use) String() string { return useNames[u] }

// judge decides what a stored response is good for (section 4.2.4, RFC 5861, RFC 8246).
// grace is for how long stale responses may stand in for a failing server without having
// been told so.
func (e *cached) judge(request CacheControl, now time.Time, heuristic float64, grace time.Duration) use {
	cc := ParseCacheControl(e.Headers["Cache-Control"])
	age := e.age(now)
	lifetime, _ := e.lifetime(heuristic)
	left := lifetime - age // negative: stale for as long
	strict := cc.Has("must-revalidate") || cc.Has("no-cache")
	fallback := useNot
	if staleAllowed(cc, request, "stale-if-error", -left, grace) && !strict {
		fallback = useOnlyFailed
	}
	if request.Has("no-cache") || cc.Has("no-cache") {
		return fallback
	}
	if wanted, ok := request.Seconds("max-age"); ok && age > wanted && !(cc.Has("immutable") && left > 0) {
		return fallback
	}
	if margin, ok := request.Seconds("min-fresh"); ok && left < margin {
		return fallback
	}
	switch {
	case left > 0:
		return useFresh
	case strict:
		return useNot
	case request.Has("max-stale"):
		if most, ok := request.Seconds("max-stale"); ok && -left > most && hasValue(request, "max-stale") {
			return fallback
		}
		return useStale
	case staleAllowed(cc, CacheControl{}, "stale-while-revalidate", -left, 0):
		return useMeanwhile
	}
	return fallback
}

func hasValue(c CacheControl, name string) bool {
	_, ok := c.Value(name)
	return ok
}

// staleAllowed reports whether staleness is within what a directive of the response, one of
// the request, or the configuration allows.
func staleAllowed(response, request CacheControl, name string, stale, otherwise time.Duration) bool {
	most := otherwise
	if d, ok := response.Seconds(name); ok {
		most = max(most, d)
	}
	if d, ok := request.Seconds(name); ok {
		most = max(most, d)
	}
	return most > 0 && stale <= most
}

// notStored are headers about one connection or one message in transit (section 3.1).
var notStored = []string{
	"Connection", "Proxy-Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Cache-Status",
}

// endToEnd copies what of h is about the response itself.
func endToEnd(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		if !slices.Contains(notStored, name) {
			out[name] = slices.Clone(values)
		}
	}
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			out.Del(strings.TrimSpace(name))
		}
	}
	return out
}

// merge brings a stored response up to date with the headers of a 304 (section 3.2).
// What describes the stored bytes stays.
func (e *cached) merge(fresh http.Header, asked, answered time.Time) *cached {
	out := &cached{Status: e.Status, Headers: e.Headers.Clone(), Asked: asked, Answered: answered, body: e.body}
	delete(out.Headers, "Age")
	for name, values := range endToEnd(fresh) {
		switch name {
		case "Content-Length", "Content-Encoding", "Content-Type", "Content-Range":
		default:
			out.Headers[name] = values
		}
	}
	return out
}

// selects reports whether a 304 with these headers speaks of e (section 4.3.4).
func (e *cached) selects(h http.Header) bool {
	theirs, ours := h.Get("Etag"), e.Headers.Get("Etag")
	return theirs == "" || ours == "" || strings.TrimPrefix(theirs, "W/") == strings.TrimPrefix(ours, "W/")
}

// varyNames lists the request headers a response depends on, in lower case and order.
func varyNames(h http.Header) []string {
	var names []string
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

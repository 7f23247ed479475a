package web

// Conditional requests and byte ranges (RFC 9110 §13 and §14): given what the client knows of a resource and what it
// is now, decide whether to send all of it, a part, or nothing. Pure functions of headers; no file is touched here.

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// version identifies one state of a resource.
type version struct {
	etag     string // with its quotes; strong unless it begins with W/
	modified time.Time
	size     int64
}

// span is the part of a resource to send.
type span struct {
	start, length int64
}

// contentRange formats the span of a resource for the Content-Range header.
func (s span) contentRange(size int64) string {
	return "bytes " + strconv.FormatInt(s.start, 10) + "-" + strconv.FormatInt(s.start+s.length-1, 10) + "/" + strconv.FormatInt(size, 10)
}

// evaluate decides what a GET or HEAD with these headers gets: 200 with the whole, 206 with the span, or 304, 412 or 416
// with nothing. The order of the conditions is that of RFC 9110 §13.2.2.
func evaluate(h http.Header, v version) (status int, part span) {
	whole := span{0, v.size}
	if match := h["If-Match"]; len(match) > 0 {
		if !matchesETag(match, v.etag, true) {
			return http.StatusPreconditionFailed, span{}
		}
	} else if since, ok := headerDate(h, "If-Unmodified-Since"); ok && v.seconds().After(since) {
		return http.StatusPreconditionFailed, span{}
	}
	if match := h["If-None-Match"]; len(match) > 0 {
		if matchesETag(match, v.etag, false) {
			return http.StatusNotModified, span{}
		}
	} else if since, ok := headerDate(h, "If-Modified-Since"); ok && !v.seconds().After(since) {
		return http.StatusNotModified, span{}
	}
	if !v.rangeApplies(h) {
		return http.StatusOK, whole
	}
	part, verdict := parseRange(h.Get("Range"), v.size)
	switch verdict {
	case rangeIgnored:
		return http.StatusOK, whole
	case rangeUnsatisfiable:
		return http.StatusRequestedRangeNotSatisfiable, span{}
	}
	return http.StatusPartialContent, part
}

// seconds is the time of modification as a header can express it.
func (v version) seconds() time.Time { return v.modified.Truncate(time.Second) }

// rangeApplies reports whether there is one Range header, and no If-Range that speaks against it.
func (v version) rangeApplies(h http.Header) bool {
	if len(h["Range"]) != 1 {
		return false
	}
	cond := h.Get("If-Range")
	if cond == "" {
		return true
	}
	if strings.HasPrefix(cond, `"`) {
		return cond == v.etag
	}
	since, ok := headerDate(h, "If-Range")
	return ok && !v.seconds().After(since)
}

// matchesETag looks for a tag in a list. The strong comparison never matches a weak tag (RFC 9110 §8.8.3.2).
func matchesETag(lists []string, etag string, strong bool) bool {
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			item = strings.Trim(item, " \t")
			if item == "*" {
				return true
			}
			if strong && (strings.HasPrefix(item, "W/") || strings.HasPrefix(etag, "W/")) {
				continue
			}
			if strings.TrimPrefix(item, "W/") == strings.TrimPrefix(etag, "W/") {
				return true
			}
		}
	}
	return false
}

func headerDate(h http.Header, name string) (time.Time, bool) {
	values := h[name]
	if len(values) != 1 {
		return time.Time{}, false
	}
	t, err := http.ParseTime(values[0])
	return t, err == nil
}

// rangeVerdict is what a Range header amounts to.
type rangeVerdict uint8

const (
	rangeIgnored       rangeVerdict = iota // another unit, or several ranges: the whole is sent
	rangePartial                           // a span
	rangeUnsatisfiable                     // malformed, or outside the resource
)

// parseRange reads a Range header. Units other than bytes are ignored, as RFC 9110 §14.2 has it, and so are several
// ranges in one request: a server may always send the whole.
func parseRange(header string, size int64) (span, rangeVerdict) {
	unit, spec, ok := strings.Cut(header, "=")
	if !ok || !equalFold(strings.Trim(unit, " \t"), "bytes") || strings.Contains(spec, ",") {
		return span{}, rangeIgnored
	}
	first, last, ok := strings.Cut(strings.Trim(spec, " \t"), "-")
	if !ok {
		return span{}, rangeUnsatisfiable
	}
	if first == "" { // the last n bytes
		n, ok := parsePosition(last)
		if !ok || n == 0 || size == 0 {
			return span{}, rangeUnsatisfiable
		}
		n = min(n, size)
		return span{size - n, n}, rangePartial
	}
	start, ok := parsePosition(first)
	if !ok || start >= size {
		return span{}, rangeUnsatisfiable
	}
	end := size - 1
	if last != "" {
		n, ok := parsePosition(last)
		if !ok || n < start {
			return span{}, rangeUnsatisfiable
		}
		end = min(end, n)
	}
	return span{start, end - start + 1}, rangePartial
}

// parsePosition reads ASCII digits. A number beyond all files stands for the largest one.
func parsePosition(s string) (int64, bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	if s == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 1<<63 - 1, true
	}
	return n, true
}

// Package outname chooses file names for downloaded bodies: safe on every file system, the same in every run, and never
// the same for two URLs of a run.
//
// The name comes from the last segment of the URL's path, as with curl and wget; the query does not take part, since
// it may hold signatures and has no extension. A URL whose name is taken gets a digest of the whole URL appended; a URL
// given twice also gets its place in the list. Whether a name is taken is answered by the file system, when the file is
// published without replacing anything, and by the set of names in flight; so memory depends on the concurrency only.
package outname

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path"
	"runtime"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the longest base name in bytes. File systems take 255; the rest is room for what Next appends.
const maxName = 200

// maxExt is the longest extension that survives shortening.
const maxExt = 16

// FromURL returns the base name for u: never empty, never a path, never hidden, an option or a device name.
func FromURL(u *url.URL) string {
	raw := u.EscapedPath()
	raw = raw[strings.LastIndexByte(raw, '/')+1:]
	name, err := url.PathUnescape(raw)
	if err != nil || !utf8.ValidString(name) {
		name = raw // undecodable: the escaped form is at least plain ASCII
	}
	return Clean(name)
}

// Clean makes a safe base name of any string. Characters that some file system or shell gives a meaning become "_". A
// name that Clean returned stays as it is.
func Clean(name string) string {
	if !utf8.ValidString(name) {
		name = strings.ToValidUTF8(name, "_")
	}
	name = strings.Map(safeRune, name)
	for {
		next := cleanEnds(name)
		if next == name {
			return name
		}
		name = next // shortening may have uncovered a device name or a trailing dot
	}
}

// cleanEnds is one round of the rules that concern the whole name.
func cleanEnds(name string) string {
	name = strings.TrimRight(shorten(name), ". ")
	if strings.Trim(name, "._ ") == "" {
		return "index.html"
	}
	if c := name[0]; c == '.' || c == '-' || c == '~' || c == ' ' {
		name = "_" + name[1:]
	}
	if reserved(name) {
		name = "_" + name
	}
	return name
}

func safeRune(r rune) rune {
	switch {
	case strings.ContainsRune(`/\:*?"<>|`, r), unicode.IsControl(r), unicode.Is(unicode.Cf, r),
		unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r), unicode.Is(unicode.Co, r):
		return '_'
	}
	return r
}

// reserved reports whether Windows takes name for a device, whatever its extension.
func reserved(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	if strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT") {
		switch stem[3:] {
		case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
			return true
		}
	}
	return false
}

// shorten cuts name to maxName bytes, between runes, keeping a short extension.
func shorten(name string) string {
	if len(name) <= maxName {
		return name
	}
	stem, ext := split(name)
	keep := maxName - len(ext)
	for keep > 0 && !utf8.RuneStart(stem[keep]) {
		keep--
	}
	return stem[:keep] + ext
}

// split separates the extension, taking ".tar.gz" and the like for one.
func split(name string) (stem, ext string) {
	ext = path.Ext(name)
	if len(ext) > maxExt || ext == name || ext == "." {
		return name, ""
	}
	stem = name[:len(name)-len(ext)]
	if strings.HasSuffix(stem, ".tar") && len(stem) > len(".tar") {
		stem, ext = stem[:len(stem)-len(".tar")], ".tar"+ext
	}
	return stem, ext
}

// Set holds the names of the downloads in flight. It is used from one event loop and needs no lock.
type Set struct {
	taken map[string]struct{}
	fold  bool
}

// NewSet returns an empty set. Where the file system usually ignores case, so does the set.
func NewSet() *Set {
	return &Set{taken: make(map[string]struct{}), fold: runtime.GOOS == "darwin" || runtime.GOOS == "windows"}
}

// Len returns the number of names in flight.
func (s *Set) Len() int { return len(s.taken) }

// Reserve chooses a name for u, the index-th entry of the list. Call it in list order, so that the same list gives the
// same names, and Release when the file was published or given up.
func (s *Set) Reserve(u *url.URL, index int64) *Name {
	n := &Name{set: s, base: FromURL(u), url: u, index: index}
	n.current = n.base
	for !s.take(n.current) {
		n.Next()
	}
	n.held = n.current
	return n
}

func (s *Set) key(name string) string {
	if s.fold {
		return strings.ToLower(name)
	}
	return name
}

func (s *Set) take(name string) bool {
	k := s.key(name)
	if _, dup := s.taken[k]; dup {
		return false
	}
	s.taken[k] = struct{}{}
	return true
}

// Name is one reservation.
type Name struct {
	set     *Set
	base    string
	url     *url.URL
	index   int64
	step    int
	held    string // what is in the set
	current string // what is to be published; differs from held after Next
}

// String returns the name to publish under.
func (n *Name) String() string { return n.current }

// Next gives up the current name, because the file system has it already, and returns the next one. It touches only the
// reservation, not the set, so the goroutine that publishes may call it: names from the second on contain a digest of
// the URL, and from the third on the index, hence cannot be another reservation's first choice except by malice, and
// then publishing fails once more and Next is called again.
func (n *Name) Next() string {
	n.step++
	n.current = n.candidate()
	return n.current
}

func (n *Name) candidate() string {
	stem, ext := split(n.base)
	sum := sha256.Sum256([]byte(n.url.String()))
	stem += "-" + hex.EncodeToString(sum[:4])
	switch {
	case n.step == 1:
		return stem + ext
	case n.step == 2:
		return stem + "-" + strconv.FormatInt(n.index+1, 10) + ext
	}
	return stem + "-" + strconv.FormatInt(n.index+1, 10) + "-" + strconv.Itoa(n.step-1) + ext
}

// Release forgets what was reserved. Names published meanwhile are known to the file system.
func (n *Name) Release() {
	delete(n.set.taken, n.set.key(n.held))
}

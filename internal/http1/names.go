package http1

// Field names. A head is kept as a map from canonical names, so every name received must be brought to that form
// ("content-type" → "Content-Type"). For the names in common use the canonical string already exists here: a small
// hash table finds it, in any letter case, without allocating and without looking at each byte twice. The same entry
// tells the decoder which few names matter to it: those that decide the framing, those that may stand only once,
// those that have no business in a trailer.

// role is what a field means to the decoder.
type role uint8

const (
	roleNone role = iota
	roleHost
	roleLength      // Content-Length
	roleCoding      // Transfer-Encoding
	roleConnection  // Connection
	roleUpgrade     // Upgrade
	roleExpect      // Expect
	roleSingleton   // may stand only once, but decides nothing here
	roleHandshake76 // the key of the abandoned draft of the WebSocket handshake, whose body has no framing
)

// nameID is an index into knownNames; 0 is a name not known.
type nameID uint8

type knownName struct {
	canonical string
	lower     string
	role      role
	noTrailer bool // decides framing, routing, authentication or the reading of the content: RFC 9110 §6.5.1
}

const (
	once      = roleSingleton
	maxKnown  = 32  // length of the longest known name
	nameSlots = 512 // about four times the number of names, so that most are found at the first slot
)

// knownNames lists names by role and then by alphabet; entry 0 stands for all others.
var knownNames = func() []knownName {
	names := []knownName{
		{},
		{canonical: "Host", role: roleHost, noTrailer: true},
		{canonical: "Content-Length", role: roleLength, noTrailer: true},
		{canonical: "Transfer-Encoding", role: roleCoding, noTrailer: true},
		{canonical: "Connection", role: roleConnection, noTrailer: true},
		{canonical: "Upgrade", role: roleUpgrade, noTrailer: true},
		{canonical: "Expect", role: roleExpect, noTrailer: true},
		{canonical: "Sec-Websocket-Key1", role: roleHandshake76, noTrailer: true},
		{canonical: "Content-Location", role: once},
		{canonical: "Content-Range", role: once, noTrailer: true},
		{canonical: "Content-Type", role: once, noTrailer: true},
		{canonical: "Etag", role: once},
		{canonical: "Max-Forwards", role: once, noTrailer: true},
		{canonical: "Server", role: once},
		{canonical: "User-Agent", role: once},
	}
	for _, s := range []string{
		"Authorization", "Cache-Control", "Content-Encoding", "Cookie", "Keep-Alive", "Location", "Pragma", "Proxy-Authenticate",
		"Proxy-Authorization", "Proxy-Connection", "Range", "Set-Cookie", "Te", "Trailer", "Www-Authenticate",
	} {
		names = append(names, knownName{canonical: s, noTrailer: true})
	}
	for _, s := range []string{
		"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Accept-Ranges", "Access-Control-Allow-Credentials",
		"Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers",
		"Access-Control-Max-Age", "Access-Control-Request-Headers", "Access-Control-Request-Method", "Age", "Allow", "Alt-Svc",
		"Cf-Cache-Status", "Cf-Ray", "Content-Disposition", "Content-Language", "Content-Md5", "Content-Security-Policy",
		"Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Date", "Digest", "Dnt", "Early-Data", "Expires", "Forwarded",
		"From", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Last-Event-Id", "Last-Modified",
		"Link", "Nel", "Origin", "P3p", "Permissions-Policy", "Priority", "Referer", "Referrer-Policy", "Report-To", "Retry-After",
		"Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User",
		"Sec-Websocket-Accept", "Sec-Websocket-Extensions", "Sec-Websocket-Key", "Sec-Websocket-Protocol", "Sec-Websocket-Version",
		"Server-Timing", "Sourcemap", "Strict-Transport-Security", "Timing-Allow-Origin", "Traceparent", "Tracestate",
		"Upgrade-Insecure-Requests", "Vary", "Via", "Warning", "X-Amz-Cf-Id", "X-Amz-Cf-Pop", "X-Amz-Request-Id", "X-Cache",
		"X-Content-Type-Options", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Frame-Options", "X-Powered-By",
		"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "X-Real-Ip", "X-Request-Id", "X-Requested-With",
		"X-Served-By", "X-Timer", "X-Xss-Protection",
	} {
		names = append(names, knownName{canonical: s})
	}
	for i := range names {
		names[i].lower = string(appendLower(nil, names[i].canonical))
	}
	return names
}()

// nameTable finds the index of a known name by nameHash, colliding names in the slots that follow.
var nameTable = func() (t [nameSlots]nameID) {
	for id := 1; id < len(knownNames); id++ {
		h := nameHash([]byte(knownNames[id].canonical))
		for t[h] != 0 {
			h = (h + 1) % nameSlots
		}
		t[h] = nameID(id)
	}
	return t
}()

// nameHash looks at the length and three letters, in either case. b must not be empty.
func nameHash[T string | []byte](b T) uint {
	n := len(b)
	h := uint(b[0]|0x20) + uint(b[n/2]|0x20)*17 + uint(b[n-1]|0x20)*37 + uint(n)*101
	return h % nameSlots
}

// lookupName returns the known name that b spells in any letter case, or 0. A name it finds is a valid token.
func lookupName(b []byte) nameID {
	if len(b) == 0 || len(b) > maxKnown {
		return 0
	}
	for h := nameHash(b); nameTable[h] != 0; h = (h + 1) % nameSlots {
		known := &knownNames[nameTable[h]]
		if string(b) == known.canonical || equalFold(b, known.lower) {
			return nameTable[h]
		}
	}
	return 0
}

// CanonicalName returns the form under which a field name is kept in a Header: the first letter and each letter
// after a hyphen upper case, the others lower case. A string that is not a valid field name comes back unchanged.
func CanonicalName(name string) string {
	if !ValidHeaderName(name) {
		return name
	}
	upper := true
	for i := range len(name) {
		if c := name[i]; c != canonicalByte(c, upper) {
			return string(appendCanonical(make([]byte, 0, len(name)), name))
		}
		upper = name[i] == '-'
	}
	return name
}

func appendCanonical(dst []byte, name string) []byte {
	upper := true
	for i := range len(name) {
		dst = append(dst, canonicalByte(name[i], upper))
		upper = name[i] == '-'
	}
	return dst
}

func canonicalByte(c byte, upper bool) byte {
	switch {
	case upper && 'a' <= c && c <= 'z':
		return c &^ 0x20
	case !upper:
		return lower(c)
	}
	return c
}

func appendLower(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = append(dst, lower(s[i]))
	}
	return dst
}

// NameID numbers the names in common use, for a NameSet.
type NameID = nameID

// KnownLower finds the canonical form of a name in lower case, as HTTP/2 has them, if it is one in common use.
func KnownLower(name string) (canonical string, id NameID, ok bool) {
	if len(name) == 0 || len(name) > maxKnown {
		return "", 0, false
	}
	for h := nameHash(name); nameTable[h] != 0; h = (h + 1) % nameSlots {
		if known := &knownNames[nameTable[h]]; name == known.lower {
			return known.canonical, nameTable[h], true
		}
	}
	return "", 0, false
}

// LowerName returns the form in lower case of a name in common use, in whatever letters it is spelled.
func LowerName(name []byte) (lower string, ok bool) {
	id := lookupName(name)
	return knownNames[id].lower, id != 0
}

// NameSet is a set of known names. The zero NameSet is empty.
type NameSet [4]uint64

// Add adds a name and reports whether it was not there before.
func (s *NameSet) Add(id NameID) bool {
	bit := uint64(1) << (id & 63)
	if s[id>>6]&bit != 0 {
		return false
	}
	s[id>>6] |= bit
	return true
}

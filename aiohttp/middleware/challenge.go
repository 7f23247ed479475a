package middleware

// Challenges: what a server wants to have proved.
//
// WWW-Authenticate is a list of challenges, and each of them may hold a list, both with
// commas: "Digest realm=a, qop=auth, Basic realm=b". Where one ends and the next begins
// shows only behind the comma (RFC 9110 section 11.6.1). The reader is strict: a
// challenge that is malformed, or says the same thing twice, is not answered at all,
// since an answer that rests on a guess hands out a proof for something nobody asked.

import "strings"

// challenge is one challenge.
type challenge struct {
	scheme string            // lower case
	params map[string]string // by lower-case name, unquoted; nil for a token68 or none
	bad    bool              // it cannot be understood
}

// parseChallenges reads one field value. What follows something malformed is not read.
func parseChallenges(value string) []challenge {
	p := challengeReader{value}
	var out []challenge
	for {
		for p.blanks(); p.take(','); p.blanks() {
		}
		scheme := p.token()
		if scheme == "" {
			if p.rest != "" {
				out = append(out, challenge{bad: true})
			}
			return out
		}
		c := challenge{scheme: lower(scheme)}
		ok := p.params(&c)
		c.bad = c.bad || !ok
		if out = append(out, c); !ok {
			return out
		}
	}
}

type challengeReader struct{ rest string }

// params reads what belongs to a scheme; false if there is no telling where it ends.
func (p *challengeReader) params(c *challenge) bool {
	if p.end() {
		return true
	}
	if p.rest[0] != ' ' && p.rest[0] != '\t' {
		return false
	}
	if p.token68() {
		return true
	}
	for {
		before := p.rest
		name, value, ok := p.param()
		if name == "" { // what stands here is the next scheme, or an empty element
			p.rest = before
			return ok || len(c.params) > 0 && !p.end()
		}
		if !ok {
			return false
		}
		name = lower(name)
		if _, again := c.params[name]; again {
			c.bad = true
		}
		if c.params == nil {
			c.params = make(map[string]string)
		}
		c.params[name] = value
		p.blanks()
		if p.rest == "" {
			return true
		}
		if !p.take(',') {
			return false
		}
		for p.blanks(); p.take(','); p.blanks() {
		}
		if p.rest == "" {
			return true
		}
	}
}

// param reads name=value. An empty name means that there is none here; ok then tells
// whether it is the end of the list or of a challenge.
func (p *challengeReader) param() (name, value string, ok bool) {
	p.blanks()
	name = p.token()
	if p.blanks(); name == "" || !p.take('=') {
		return "", "", p.end()
	}
	p.blanks()
	if p.take('"') {
		value, ok = p.quoted()
		return name, value, ok
	}
	value = p.token()
	return name, value, value != ""
}

// quoted reads up to the closing quote.
func (p *challengeReader) quoted() (string, bool) {
	var b strings.Builder
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return b.String(), true
		case c == '\\':
			if i++; i == len(p.rest) {
				return "", false
			}
			b.WriteByte(p.rest[i])
		case c < ' ' && c != '\t' || c == 0x7f:
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// token68 reads the other form that credentials may have; false if it is none.
func (p *challengeReader) token68() bool {
	s := strings.TrimLeft(p.rest, " \t")
	n := 0
	for n < len(s) && (isTokenByte(s[n]) || s[n] == '/') {
		n++
	}
	padded := n
	for padded < len(s) && s[padded] == '=' {
		padded++
	}
	after := challengeReader{s[padded:]}
	after.blanks()
	if n == 0 || !after.end() {
		return false
	}
	p.rest = after.rest
	return true
}

// end reports whether an element of the list ends here.
func (p *challengeReader) end() bool { return p.rest == "" || p.rest[0] == ',' }

func (p *challengeReader) blanks() { p.rest = strings.TrimLeft(p.rest, " \t") }

func (p *challengeReader) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *challengeReader) token() string {
	n := 0
	for n < len(p.rest) && isTokenByte(p.rest[n]) {
		n++
	}
	t := p.rest[:n]
	p.rest = p.rest[n:]
	return t
}

func isTokenByte(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// lower folds ASCII letters only: no other letter belongs into a protocol.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

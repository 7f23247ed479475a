package middleware

// The arithmetic of Digest (RFC 7616 section 3.4): from a challenge, a name, a password and
// a request to the value of Authorization. It does no I/O and keeps nothing.

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// digestAlgorithm is one way to hash. Of several challenges the strongest is answered,
// whatever the order in which the server names them.
type digestAlgorithm struct {
	strength int
	hash     func(string) string
}

var digestAlgorithms = map[string]digestAlgorithm{
	"md5":         {1, func(s string) string { return hexOf(md5.Sum([]byte(s))) }},
	"sha":         {2, func(s string) string { return hexOf(sha1.Sum([]byte(s))) }},
	"sha-256":     {3, func(s string) string { return hexOf(sha256.Sum256([]byte(s))) }},
	"sha-512-256": {4, func(s string) string { return hexOf(sha512.Sum512_256([]byte(s))) }},
	"sha-512":     {5, func(s string) string { return hexOf(sha512.Sum512([]byte(s))) }},
}

func hexOf[A [16]byte | [20]byte | [32]byte | [64]byte](sum A) string { return fmt.Sprintf("%x", sum) }

// digestChallenge is a Digest challenge that can be answered.
type digestChallenge struct {
	realm, nonce, opaque string
	algorithm            string // as the server spells it, "" if it does not say
	hash                 func(string) string
	strength             int
	session              bool // a -sess algorithm
	auth, authInt        bool // the qualities of protection offered; neither: RFC 2069
	utf8                 bool
	userHash             bool
	stale                bool
	hasOpaque            bool
	domain               string
}

// pickDigest finds the strongest challenge among those of a response; nil if there is
// none that can be answered.
func pickDigest(values []string) *digestChallenge {
	var best *digestChallenge
	for _, value := range values {
		for _, c := range parseChallenges(value) {
			if d := readDigest(&c); d != nil && (best == nil || d.strength > best.strength) {
				best = d
			}
		}
	}
	return best
}

func readDigest(c *challenge) *digestChallenge {
	if c.bad || c.scheme != "digest" {
		return nil
	}
	p := c.params
	d := &digestChallenge{
		realm: p["realm"], nonce: p["nonce"], opaque: p["opaque"], algorithm: p["algorithm"], domain: p["domain"],
		stale: lower(p["stale"]) == "true", utf8: lower(p["charset"]) == "utf-8", userHash: lower(p["userhash"]) == "true",
	}
	_, hasRealm := p["realm"]
	_, d.hasOpaque = p["opaque"]
	if !hasRealm || d.nonce == "" {
		return nil
	}
	name := lower(d.algorithm)
	if name == "" {
		name = "md5"
	}
	name, d.session = strings.CutSuffix(name, "-sess")
	algorithm, known := digestAlgorithms[name]
	if !known {
		return nil
	}
	d.hash, d.strength = algorithm.hash, algorithm.strength
	if qop, has := p["qop"]; has {
		for option := range strings.SplitSeq(qop, ",") {
			switch lower(strings.Trim(option, " \t")) {
			case "auth":
				d.auth = true
			case "auth-int":
				d.authInt = true
			}
		}
		if !d.auth && !d.authInt {
			return nil // protection that we do not know
		}
	}
	return d
}

// digestRequest is what an answer is about.
type digestRequest struct {
	login, password string
	method, uri     string
	body            []byte
	integrity       bool   // the body is part of the answer
	count           uint32 // how often the nonce was used, this time included
	cnonce          string
}

// answer makes the value of the Authorization header.
func (d *digestChallenge) answer(r *digestRequest) string {
	a1 := r.login + ":" + d.realm + ":" + r.password
	if d.session {
		a1 = d.hash(a1) + ":" + d.nonce + ":" + r.cnonce
	}
	a2, qop := r.method+":"+r.uri, ""
	switch {
	case r.integrity:
		qop = "auth-int"
		a2 += ":" + d.hash(string(r.body))
	case d.auth:
		qop = "auth"
	}
	nc := fmt.Sprintf("%08x", r.count)
	proof := d.nonce
	if qop != "" {
		proof += ":" + nc + ":" + r.cnonce + ":" + qop
	}
	parts := slices.Concat(d.username(r.login), []string{
		"realm=" + quote(d.realm), "nonce=" + quote(d.nonce), "uri=" + quote(r.uri),
		"response=" + quote(d.hash(d.hash(a1)+":"+proof+":"+d.hash(a2))),
	})
	if d.algorithm != "" {
		parts = append(parts, "algorithm="+d.algorithm)
	}
	if d.hasOpaque {
		parts = append(parts, "opaque="+quote(d.opaque))
	}
	if qop != "" {
		parts = append(parts, "qop="+qop, "nc="+nc)
	}
	if qop != "" || d.session {
		parts = append(parts, "cnonce="+quote(r.cnonce))
	}
	return "Digest " + strings.Join(parts, ", ")
}

// username says who asks: hashed if the server wants it, otherwise by name, which needs
// another notation if it is not ASCII (RFC 8187).
func (d *digestChallenge) username(login string) []string {
	switch {
	case d.userHash:
		return []string{"username=" + quote(d.hash(login+":"+d.realm)), "userhash=true"}
	case d.utf8 && strings.IndexFunc(login, func(r rune) bool { return r >= 0x80 }) >= 0:
		return []string{"username*=UTF-8''" + percentEncode(login)}
	}
	return []string{"username=" + quote(login)}
}

// quote makes a quoted-string out of which nothing can break.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func percentEncode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if isTokenByte(c) && strings.IndexByte("*'%", c) < 0 {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		}
	}
	return b.String()
}

package middleware

// Challenge is one challenge of a WWW-Authenticate field.
type Challenge struct {
	Scheme string
	Params map[string]string
	Bad    bool
}

// ParseChallenges reads a field value.
func ParseChallenges(value string) []Challenge {
	var out []Challenge
	for _, c := range parseChallenges(value) {
		out = append(out, Challenge{c.scheme, c.params, c.bad})
	}
	return out
}

// DigestAnswer makes a proof with everything given, as the examples of the RFC do.
func DigestAnswer(challenges []string, login, password, method, uri, body, cnonce string, count uint32) string {
	c := pickDigest(challenges)
	if c == nil {
		return ""
	}
	return c.answer(&digestRequest{
		login: login, password: password, method: method, uri: uri, body: []byte(body),
		integrity: c.authInt && !c.auth, count: count, cnonce: cnonce,
	})
}

// DecodesTo reports whether data is taken for the record of key.
func DecodesTo(key string, data []byte) bool { return decodeRecord(key, data) != nil }

package web

// A pattern is the parsed form of a route's path: literal text, {name} for one segment, {name:regex} for whatever
// the expression says. Patterns whose variables end at a slash are matched by scanning; only the others pay for a
// regular expression, which is Go's linear-time one, so that no request path can make matching expensive.
//
// Everything is matched against the canonical path of a request (see path.go): percent-decoded but for %2F and %25.

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// part is one piece of a pattern: literal text, or a variable when name is set. An empty expr means one segment.
type part struct {
	literal string
	name    string
	expr    string
}

type pattern struct {
	text  string // as registered
	parts []part
	names []string
	scan  string         // the whole canonical literal of a pattern without variables
	re    *regexp.Regexp // nil when scanning is enough
}

// parsePattern reads a route path. The path is in decoded form: a percent sign in it stands for itself.
func parsePattern(text string) (*pattern, error) {
	if text != "" && text[0] != '/' {
		return nil, errors.New("path must start with a slash")
	}
	p := &pattern{text: text}
	for rest := text; rest != ""; {
		open := strings.IndexAny(rest, "{}")
		if open < 0 {
			p.addLiteral(rest)
			break
		}
		if rest[open] == '}' {
			return nil, errors.New("closing brace without an opening one")
		}
		p.addLiteral(rest[:open])
		end := closingBrace(rest[open:])
		if end < 0 {
			return nil, errors.New("opening brace without a closing one")
		}
		if err := p.addVariable(rest[open+1 : open+end]); err != nil {
			return nil, err
		}
		rest = rest[open+end+1:]
	}
	return p, p.compile()
}

// closingBrace finds the brace that closes the one s starts with, -1 if there is none.
func closingBrace(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func (p *pattern) addLiteral(s string) {
	if s != "" {
		p.parts = append(p.parts, part{literal: strings.ReplaceAll(s, "%", "%25")})
	}
}

func (p *pattern) addVariable(spec string) error {
	name, expr, hasExpr := strings.Cut(spec, ":")
	if !isIdentifier(name) {
		return fmt.Errorf("variable name %q is not an identifier", name)
	}
	if slices.Contains(p.names, name) {
		return fmt.Errorf("variable %q appears twice", name)
	}
	if hasExpr {
		if expr == "" {
			return fmt.Errorf("variable %q has an empty expression", name)
		}
		if _, err := regexp.Compile(expr); err != nil {
			return fmt.Errorf("variable %q: %w", name, err)
		}
	}
	p.names = append(p.names, name)
	p.parts = append(p.parts, part{name: name, expr: expr})
	return nil
}

// compile decides how the pattern is matched: by comparison, by scanning, or by a regular expression.
func (p *pattern) compile() error {
	if len(p.names) == 0 {
		if len(p.parts) == 1 {
			p.scan = p.parts[0].literal
		}
		return nil
	}
	simple := true
	for i, part := range p.parts {
		last := i == len(p.parts)-1
		if part.name != "" && (part.expr != "" || !last && !strings.HasPrefix(p.parts[i+1].literal, "/")) {
			simple = false
		}
	}
	if simple {
		return nil
	}
	var b strings.Builder
	b.WriteString(`\A`)
	for _, part := range p.parts {
		switch {
		case part.name == "":
			b.WriteString(regexp.QuoteMeta(part.literal))
		case part.expr == "":
			fmt.Fprintf(&b, `(?P<%s>[^{}/]+)`, part.name)
		default:
			fmt.Fprintf(&b, `(?P<%s>%s)`, part.name, part.expr)
		}
	}
	b.WriteString(`\z`)
	re, err := regexp.Compile(b.String())
	p.re = re
	return err
}

// static reports whether the pattern has no variables; then literal is the one canonical path it matches.
func (p *pattern) static() bool { return len(p.names) == 0 }

// indexKey is the longest literal prefix that ends at a segment boundary: the router looks patterns up by it.
func (p *pattern) indexKey() string {
	prefix := ""
	if len(p.parts) > 0 {
		prefix = p.parts[0].literal
	}
	prefix = prefix[:max(strings.LastIndexByte(prefix, '/'), 0)]
	return indexSegment(prefix)
}

func indexSegment(prefix string) string {
	if prefix = strings.TrimRight(prefix, "/"); prefix == "" {
		return "/"
	}
	return prefix
}

// match appends the decoded values of the variables, in the order of names, to values.
func (p *pattern) match(path string, values []string) ([]string, bool) {
	if p.re != nil {
		return p.matchExpr(path, values)
	}
	base := len(values)
	for _, part := range p.parts {
		if part.name == "" {
			if !strings.HasPrefix(path, part.literal) {
				return values[:base], false
			}
			path = path[len(part.literal):]
			continue
		}
		end := strings.IndexByte(path, '/')
		if end < 0 {
			end = len(path)
		}
		if end == 0 || strings.ContainsAny(path[:end], "{}") {
			return values[:base], false
		}
		values = append(values, decodeValue(path[:end]))
		path = path[end:]
	}
	if path != "" {
		return values[:base], false
	}
	return values, true
}

func (p *pattern) matchExpr(path string, values []string) ([]string, bool) {
	loc := p.re.FindStringSubmatchIndex(path)
	if loc == nil {
		return values, false
	}
	for _, name := range p.names {
		i := 2 * p.re.SubexpIndex(name)
		value := ""
		if loc[i] >= 0 {
			value = path[loc[i]:loc[i+1]]
		}
		values = append(values, decodeValue(value))
	}
	return values, true
}

// build puts values into the pattern. A slash inside a {name} value is escaped, since that variable is one segment;
// a {name:regex} value keeps its slashes.
func (p *pattern) build(values map[string]string) (*url.URL, error) {
	var raw strings.Builder
	used := 0
	for _, part := range p.parts {
		if part.name == "" {
			escapePath(&raw, decodeValue(part.literal))
			continue
		}
		value, ok := values[part.name]
		if !ok {
			return nil, fmt.Errorf("variable %q of %q has no value", part.name, p.text)
		}
		used++
		if part.expr == "" {
			raw.WriteString(url.PathEscape(value))
		} else {
			escapePath(&raw, value)
		}
	}
	if used != len(values) {
		return nil, fmt.Errorf("%q has the variables %q, got %d values", p.text, p.names, len(values))
	}
	canonical, ok := canonicalPath(raw.String())
	if !ok || !p.matches(canonical) {
		return nil, fmt.Errorf("%q does not match %q", raw.String(), p.text)
	}
	return &url.URL{Path: decodeValue(canonical), RawPath: raw.String()}, nil
}

// matches is match for callers that do not want the values.
func (p *pattern) matches(path string) bool {
	if p.static() {
		return path == p.scan
	}
	_, ok := p.match(path, nil)
	return ok
}

func escapePath(b *strings.Builder, path string) {
	for i, segment := range strings.Split(path, "/") {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(url.PathEscape(segment))
	}
}

func isIdentifier(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

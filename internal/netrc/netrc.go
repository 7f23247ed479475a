// Package netrc reads netrc files: logins and passwords by host.
//
// The format is that of curl and of Python's netrc module: words separated by blanks,
// where a word may be quoted and a backslash takes the next character as it is; a # where
// a keyword is due begins a comment; a macro goes up to an empty line and is skipped. What
// does not fit is an error that names the line, and never a guess: a misread password
// would be sent to the wrong host.
package netrc

import (
	"bytes"
	"strconv"
	"strings"
)

// MaxSize is the size, in bytes, beyond which no file is meant to be a netrc file.
const MaxSize = 1 << 20

// Entry is what the file says about one host.
type Entry struct {
	Login, Account, Password string
	Default                  bool // the entry for hosts that have none
}

// File is a parsed file. The zero value is an empty one.
type File struct {
	machines map[string]Entry
	other    *Entry
}

// SyntaxError says where a file is malformed, and never what stands there.
type SyntaxError struct {
	Line   int // from 1
	Reason string
}

func (e *SyntaxError) Error() string { return "line " + strconv.Itoa(e.Line) + ": " + e.Reason }

// Lookup returns the entry for a host, without regard to case; the default entry if the
// host has none. Of several entries for one host the first counts.
func (f *File) Lookup(host string) (Entry, bool) {
	if e, ok := f.machines[fold(host)]; ok {
		return e, true
	}
	if f.other != nil {
		return *f.other, true
	}
	return Entry{}, false
}

// Parse reads a file. Errors are *SyntaxError.
func Parse(data []byte) (*File, error) {
	p := parser{rest: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), line: 1}
	f := &File{machines: make(map[string]Entry)}
	for {
		word, err := p.keyword()
		switch {
		case err != nil:
			return nil, err
		case word == "":
			return f, nil
		case word == "macdef":
			err = p.macro()
		case word == "machine":
			var host string
			if host, err = p.value("machine"); err == nil {
				err = p.machine(f, host)
			}
		case word == "default":
			err = p.other(f)
		default:
			err = p.fail("machine, default or macdef expected")
		}
		if err != nil {
			return nil, err
		}
	}
}

type parser struct {
	rest   []byte
	line   int
	unread string // a keyword that belongs to the next entry
}

func (p *parser) fail(reason string) error { return &SyntaxError{p.line, reason} }

func (p *parser) machine(f *File, host string) error {
	e, err := p.entry()
	if err != nil {
		return err
	}
	if _, again := f.machines[fold(host)]; !again {
		f.machines[fold(host)] = e
	}
	return nil
}

func (p *parser) other(f *File) error {
	e, err := p.entry()
	if err != nil {
		return err
	}
	if e.Default = true; f.other == nil {
		f.other = &e
	}
	return nil
}

// entry reads what follows a machine, up to the next one.
func (p *parser) entry() (e Entry, err error) {
	for {
		word, err := p.keyword()
		if err != nil {
			return e, err
		}
		switch word {
		case "", "machine", "default", "macdef":
			p.unread = word
			return e, nil
		case "login", "user":
			e.Login, err = p.value(word)
		case "account":
			e.Account, err = p.value(word)
		case "password":
			e.Password, err = p.value(word)
		default:
			err = p.fail("login, account or password expected")
		}
		if err != nil {
			return e, err
		}
	}
}

// keyword returns the next word outside of comments, "" at the end of the file.
func (p *parser) keyword() (string, error) {
	if word := p.unread; word != "" {
		p.unread = ""
		return word, nil
	}
	for p.skipBlanks(); len(p.rest) > 0 && p.rest[0] == '#'; p.skipBlanks() {
		p.skipLine()
	}
	word, ok, err := p.word()
	if ok && word == "" {
		err = p.fail("empty word where a keyword is expected")
	}
	return word, err
}

// value returns the word that belongs to a keyword.
func (p *parser) value(of string) (string, error) {
	word, ok, err := p.word()
	if err == nil && !ok {
		err = p.fail(of + " without a value")
	}
	if err == nil && strings.ContainsAny(word, "\x00\r\n") {
		err = p.fail(of + " with a control character")
	}
	return word, err
}

// word returns the next word; ok is false at the end of the file.
func (p *parser) word() (_ string, ok bool, err error) {
	if p.skipBlanks(); len(p.rest) == 0 {
		return "", false, nil
	}
	quoted := p.rest[0] == '"'
	if quoted {
		p.next()
	}
	var word []byte
	for len(p.rest) > 0 {
		switch c := p.rest[0]; {
		case quoted && c == '"':
			p.next()
			return string(word), true, nil
		case !quoted && blank(c):
			return string(word), true, nil
		case c == '\\':
			if p.next(); len(p.rest) == 0 {
				return "", false, p.fail("backslash at the end of the file")
			}
		}
		word = append(word, p.next())
	}
	if quoted {
		return "", false, p.fail("a quoted word has no end")
	}
	return string(word), true, nil
}

// macro skips a macro: its name, and lines up to an empty one.
func (p *parser) macro() error {
	if _, err := p.value("macdef"); err != nil {
		return err
	}
	p.skipLine()
	for len(p.rest) > 0 {
		end := bytes.IndexByte(p.rest, '\n')
		empty := end == 0 || end == 1 && p.rest[0] == '\r'
		p.skipLine()
		if empty {
			break
		}
	}
	return nil
}

func (p *parser) skipBlanks() {
	for len(p.rest) > 0 && blank(p.rest[0]) {
		p.next()
	}
}

func (p *parser) skipLine() {
	for len(p.rest) > 0 && p.next() != '\n' {
	}
}

func (p *parser) next() byte {
	c := p.rest[0]
	p.rest = p.rest[1:]
	if c == '\n' {
		p.line++
	}
	return c
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// fold lowers ASCII letters: host names have no others.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

package aiohttp

// Finding the parts of a multipart body (RFC 2046 section 5.1.1).
//
// A partScanner looks at a window of the body, which it slides on as parts are read: nothing
// else is kept, so that a part may be of any length. Bytes are handed out as soon as it is
// certain that they do not begin a delimiter. Lines end in CRLF, or in LF alone throughout if
// the first delimiter does. A body that ends before its last delimiter is an error wherever
// that happens.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aio-go/aio/internal/http1"
)

const (
	partWindow    = 16 << 10
	partPreamble  = 64 << 10 // what may stand before the first delimiter
	partLine      = 8190     // one header of a part, as in a response
	partHeaders   = 128
	partEpilogue  = 4 << 10 // that is waited for
	partPadding   = 128     // blanks behind a delimiter
	partMaxNested = 8
)

// A ContextReader is a body that is read in tasks: *[StreamReader], *[BodyPartReader], and the
// body of a request in package web.
type ContextReader interface {
	// Read reads up to len(p) bytes, suspending until there is one, and returns io.EOF at
	// the end.
	Read(ctx context.Context, p []byte) (int, error)
}

// partsState is where in the body a scanner stands.
type partsState uint8

const (
	partsPreamble partsState = iota // before the first delimiter
	partsBody                       // in a part
	partsBetween                    // behind a delimiter
	partsEnded                      // behind the last one
)

// String names the state.
func (s partsState) String() string { return [...]string{"preamble", "body", "between", "ended"}[s] }

var (
	errPartTruncated = fmt.Errorf("the body ends before its last delimiter: %w", io.ErrUnexpectedEOF)
	errPartHeader    = errors.New("malformed header of a part")
	errPartPreamble  = errors.New("no delimiter within the first 64 KiB")
)

type partScanner struct {
	source    ContextReader
	delimiter []byte // "\r\n--boundary"; without the CR if lines end in LF
	state     partsState
	fresh     bool // nothing of the present part was read: its delimiter may come at once
	buf       []byte
	off       int
	ended     bool // the source has
}

func newPartScanner(source ContextReader, boundary string) *partScanner {
	return &partScanner{source: source, delimiter: []byte("\r\n--" + boundary)}
}

// window is what has been read and not been used.
func (s *partScanner) window() []byte { return s.buf[s.off:] }

// fill makes the window longer. It returns io.EOF if the source has ended.
func (s *partScanner) fill(ctx context.Context) error {
	if s.ended {
		return io.EOF
	}
	if s.buf == nil {
		s.buf = make([]byte, 0, partWindow)
	}
	if s.off > 0 {
		s.buf = s.buf[:copy(s.buf, s.buf[s.off:])]
		s.off = 0
	}
	n, err := s.source.Read(ctx, s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	if err == io.EOF {
		s.ended = true
		if n > 0 {
			err = nil
		}
	}
	return err
}

// line returns the next line with its end. It may be used until the next fill.
func (s *partScanner) line(ctx context.Context, most int) ([]byte, error) {
	for seen := 0; ; {
		w := s.window()
		if i := bytes.IndexByte(w[seen:], '\n'); i >= 0 && seen+i < most+2 {
			s.off += seen + i + 1
			return w[:seen+i+1], nil
		}
		if seen = len(w); seen >= most+2 {
			return nil, fmt.Errorf("%w: a line of more than %d bytes", errPartHeader, most)
		}
		if err := s.fill(ctx); err != nil {
			return nil, truncated(err)
		}
	}
}

func truncated(err error) error {
	if err == io.EOF {
		return errPartTruncated
	}
	return err
}

// next goes on to the next part and returns its headers, or io.EOF behind the last one.
func (s *partScanner) next(ctx context.Context) (http.Header, error) {
	if s.state == partsPreamble {
		if err := s.preamble(ctx); err != nil {
			return nil, err
		}
	}
	for s.state == partsBody {
		if _, err := s.read(ctx, nil); err != nil && err != io.EOF {
			return nil, err
		}
	}
	if s.state == partsEnded {
		return nil, io.EOF
	}
	h, err := s.header(ctx)
	if err != nil {
		return nil, err
	}
	s.state, s.fresh = partsBody, true
	return h, nil
}

// preamble finds the first delimiter, which has no line before it in most bodies.
func (s *partScanner) preamble(ctx context.Context) error {
	delimiter := s.delimiter[2:]
	for passed, begins := 0, true; passed <= partPreamble; {
		w := s.window()
		i := bytes.IndexByte(w, '\n')
		if i < 0 && s.ended || i < 0 && len(w) == partWindow {
			i = len(w) - 1 // a long line, or the last
		}
		if i < 0 || len(w) == 0 {
			switch err := s.fill(ctx); {
			case err == io.EOF && len(w) == 0:
				return errPartTruncated
			case err != nil && err != io.EOF:
				return err
			}
			continue
		}
		line := w[:i+1]
		ends := line[i] == '\n'
		if rest, ok := bytes.CutPrefix(line, delimiter); ok && begins {
			last := bytes.HasPrefix(rest, []byte("--"))
			if last {
				rest = rest[2:]
			}
			rest = bytes.TrimSuffix(bytes.TrimSuffix(bytes.TrimLeft(rest, " \t"), []byte("\n")), []byte("\r"))
			if len(rest) == 0 && (ends || last) {
				if ends && !bytes.HasSuffix(line, []byte("\r\n")) {
					s.delimiter = s.delimiter[1:]
				}
				s.state = partsBetween
				if last {
					s.state = partsEnded
				}
				s.off += i + 1
				return nil
			}
		}
		begins = ends
		s.off += i + 1
		passed += i + 1
	}
	return errPartPreamble
}

// header reads the headers of a part, folded ones in one line.
func (s *partScanner) header(ctx context.Context) (http.Header, error) {
	h := http.Header{}
	last := ""
	for count := 0; ; {
		line, err := s.line(ctx, partLine)
		if err != nil {
			return nil, err
		}
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(line) == 0 {
			return h, nil
		}
		folded := line[0] == ' ' || line[0] == '\t'
		name, value, ok := bytes.Cut(line, []byte(":"))
		if folded {
			name, value, ok = nil, line, last != ""
		}
		text := string(bytes.Trim(value, " \t"))
		switch {
		case !ok || !http1.ValidHeaderValue(text) || !folded && !http1.ValidHeaderName(string(name)):
			return nil, fmt.Errorf("%w: %q", errPartHeader, clip(string(line)))
		case folded:
			values := h[last]
			joined := values[len(values)-1] + " " + text
			if len(last)+len(joined) > partLine {
				return nil, fmt.Errorf("%w: %s has more than %d bytes", errPartHeader, clip(last), partLine)
			}
			values[len(values)-1] = joined
			continue
		}
		if count++; count > partHeaders {
			return nil, fmt.Errorf("%w: more than %d", errPartHeader, partHeaders)
		}
		last = http1.CanonicalName(string(name))
		h[last] = append(h[last], text)
	}
}

// read reads content of the part into p, or past it if p is nil; io.EOF is its end.
func (s *partScanner) read(ctx context.Context, p []byte) (int, error) {
	for s.state == partsBody {
		n, need, err := s.content()
		switch {
		case err != nil:
			return 0, err
		case n > 0:
			if p != nil {
				n = copy(p, s.window()[:n])
			}
			s.off += n
			s.fresh = false
			return n, nil
		case need:
			if err := s.fill(ctx); err != nil {
				return 0, truncated(err)
			}
		}
	}
	return 0, io.EOF
}

// content tells how many bytes of the window are content, or that more must be seen to tell.
// If a delimiter comes first it goes past it.
func (s *partScanner) content() (n int, need bool, err error) {
	w := s.window()
	if s.fresh { // the line before the delimiter may be that of the header
		short := s.delimiter[bytes.IndexByte(s.delimiter, '\n')+1:]
		if bytes.HasPrefix(w, short) {
			if size, last, known, ok := s.delimiterEnd(w[len(short):]); ok || !known {
				return 0, !known, s.pass(len(short)+size, last, known)
			}
		} else if bytes.HasPrefix(short, w) && !s.ended {
			return 0, true, nil
		}
	}
	i := bytes.Index(w, s.delimiter)
	switch {
	case i > 0:
		return i, false, nil
	case i < 0:
		n = len(w) - s.overlap(w)
		return n, n == 0, nil
	}
	size, last, known, ok := s.delimiterEnd(w[len(s.delimiter):])
	switch {
	case !known && s.ended:
		return 0, false, errPartTruncated
	case !known:
		return 0, true, nil
	case !ok: // it only looked like one
		return len(s.delimiter), false, nil
	}
	return 0, false, s.pass(len(s.delimiter)+size, last, true)
}

// pass goes past a delimiter of n bytes.
func (s *partScanner) pass(n int, last, known bool) error {
	if !known {
		if s.ended {
			return errPartTruncated
		}
		return nil
	}
	s.off += n
	s.state = partsBetween
	if last {
		s.state = partsEnded
	}
	return nil
}

// overlap is the length of the longest end of w that begins a delimiter.
func (s *partScanner) overlap(w []byte) int {
	for n := min(len(s.delimiter)-1, len(w)); n > 0; n-- {
		if w[len(w)-n] == s.delimiter[0] && bytes.HasPrefix(s.delimiter, w[len(w)-n:]) {
			return n
		}
	}
	return 0
}

// delimiterEnd judges what stands behind a boundary: "--" for the last, blanks and the end of
// the line for any other. Whatever else does not make it a delimiter.
func (s *partScanner) delimiterEnd(w []byte) (size int, last, known, ok bool) {
	if len(w) > 0 && w[0] == '-' {
		if len(w) < 2 {
			return 0, false, false, false
		}
		return 2, true, true, w[1] == '-'
	}
	for i, c := range w {
		switch {
		case c == '\n' && (s.delimiter[0] == '\n' || i > 0 && w[i-1] == '\r'):
			return i + 1, false, true, true
		case i > 0 && w[i-1] == '\r' || c != ' ' && c != '\t' && c != '\r' || i > partPadding:
			return 0, false, true, false
		}
	}
	return 0, false, false, false
}

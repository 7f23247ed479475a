// Package urllist turns command-line arguments and list files into one stream of URLs.
//
// A list may hold ten million lines or never end (a pipe), so nothing here keeps more than one read's worth of it. The
// reader blocks, as files and pipes do; its caller runs [Reader.ReadBatch] off the event loop and gets, each time,
// whatever complete lines one read delivered: lines that trickle in through a pipe are handed on as they come.
package urllist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// MaxLine is the longest line taken for a URL, in bytes. No server accepts anything near it; a longer line is a sign
// that the list is not a list.
const MaxLine = 64 << 10

// ErrLineTooLong marks an [Entry] whose line exceeds [MaxLine].
var ErrLineTooLong = errors.New("line is longer than 64 KiB")

var (
	bomUTF8    = []byte{0xEF, 0xBB, 0xBF}
	bomUTF16LE = []byte{0xFF, 0xFE}
	bomUTF16BE = []byte{0xFE, 0xFF}
)

// Entry is one URL as written, not yet parsed.
type Entry struct {
	// Index counts entries from 0 over the whole run, in the order of arguments and lines.
	Index int64
	// Raw is the trimmed line; for an over-long line its first 200 bytes.
	Raw string
	// Err is ErrLineTooLong or nil. It concerns this entry alone.
	Err error
}

// Reader reads arguments first, then each list in turn. It is not safe for concurrent use.
type Reader struct {
	args  []string
	lists []*list
	next  int64
	read  int64
	size  int64 // of all lists together; -1 when one of them is not a regular file
}

// list is one open list file and the unfinished line at its end.
type list struct {
	name    string
	file    io.ReadCloser
	buf     []byte
	start   int // of the unread part of buf
	end     int
	started bool // the byte-order mark was looked for
	skip    bool // inside an over-long line
	eof     bool
}

// Open prepares to read args, then the named files; "-" is standard input. All files are opened now, so that an
// unreadable one stops the run before it starts; the error names the file.
func Open(args, files []string, stdin *os.File) (*Reader, error) {
	r := &Reader{args: args}
	usedStdin := false
	for _, name := range files {
		f, label := stdin, "standard input"
		if name != "-" {
			var err error
			if f, err = openFile(name); err != nil {
				r.Close()
				return nil, err
			}
			label = name
		} else if usedStdin {
			r.Close()
			return nil, errors.New("standard input given as a list twice")
		} else {
			usedStdin = true
		}
		r.addSize(f)
		r.lists = append(r.lists, &list{name: label, file: f})
	}
	return r, nil
}

func openFile(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("list %s: %w", name, err)
	}
	if st, err := f.Stat(); err == nil && st.IsDir() {
		f.Close()
		return nil, fmt.Errorf("list %s: is a directory", name)
	}
	return f, nil
}

func (r *Reader) addSize(f *os.File) {
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		r.size = -1
	} else if r.size >= 0 {
		r.size += st.Size()
	}
}

// ReadBatch appends at most limit entries to dst. It blocks until there is at least one entry and returns what one read
// delivered; at the end of everything it returns io.EOF. Any other error names the list and ends it. When ctx is
// cancelled, a wait for standard input or a pipe ends with the cause (on Windows: at the next line).
func (r *Reader) ReadBatch(ctx context.Context, dst []Entry, limit int) ([]Entry, error) {
	from := len(dst)
	for len(r.args) > 0 && len(dst)-from < limit {
		dst = r.add(dst, strings.TrimSpace(r.args[0]), nil)
		r.args = r.args[1:]
	}
	for len(dst) == from {
		if len(r.lists) == 0 {
			return dst, io.EOF
		}
		l := r.lists[0]
		if dst = r.lines(l, dst, from+limit); len(dst) > from {
			break
		}
		if l.eof {
			l.file.Close()
			r.lists = r.lists[1:]
			continue
		}
		if err := r.fill(ctx, l); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// Total estimates how many entries there are: exactly those read when everything was read, otherwise a projection
// from the share of bytes read so far; known tells which. It is 0 when no estimate is possible.
func (r *Reader) Total() (total int64, known bool) {
	if len(r.lists) == 0 {
		return r.next + int64(len(r.args)), true
	}
	if r.size <= 0 || r.read <= 0 {
		return 0, false
	}
	return int64(float64(r.next) * float64(r.size) / float64(min(r.read, r.size))), false
}

// Close closes the lists that are still open.
func (r *Reader) Close() {
	for _, l := range r.lists {
		l.file.Close()
	}
}

func (r *Reader) add(dst []Entry, raw string, err error) []Entry {
	dst = append(dst, Entry{Index: r.next, Raw: raw, Err: err})
	r.next++
	return dst
}

// lines takes complete lines out of l's buffer until dst has limit entries.
func (r *Reader) lines(l *list, dst []Entry, limit int) []Entry {
	for len(dst) < limit && l.start < l.end {
		rest := l.buf[l.start:l.end]
		n := bytes.IndexByte(rest, '\n')
		switch {
		case n >= 0:
			l.start += n + 1
		case l.eof:
			n = len(rest)
			l.start = l.end
		case len(rest) >= MaxLine:
			if !l.skip {
				dst = r.add(dst, strings.ToValidUTF8(string(rest[:200]), "?"), ErrLineTooLong)
			}
			l.skip, l.start = true, l.end
			return dst
		default:
			return dst
		}
		if l.skip {
			l.skip = false
			continue
		}
		line := bytes.TrimSpace(rest[:n])
		if len(line) > MaxLine {
			dst = r.add(dst, strings.ToValidUTF8(string(line[:200]), "?"), ErrLineTooLong)
		} else if len(line) > 0 && line[0] != '#' {
			dst = r.add(dst, string(line), nil)
		}
	}
	return dst
}

// fill reads once into l's buffer, keeping the unfinished line.
func (r *Reader) fill(ctx context.Context, l *list) error {
	if l.buf == nil {
		l.buf = make([]byte, MaxLine+4096)
	}
	copy(l.buf, l.buf[l.start:l.end])
	l.start, l.end = 0, l.end-l.start
	if f, ok := l.file.(*os.File); ok {
		if err := waitReadable(ctx, f); err != nil {
			return err
		}
	}
	n, err := l.file.Read(l.buf[l.end:])
	l.end += n
	r.read += int64(n)
	if err == io.EOF {
		l.eof = true
	} else if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		l.eof, l.end = true, l.start
		return fmt.Errorf("list %s: %w", l.name, err)
	}
	return l.skipMark()
}

// skipMark drops a UTF-8 byte-order mark and refuses UTF-16, which would look like ten million malformed URLs.
func (l *list) skipMark() error {
	if l.started || l.end < len(bomUTF8) && !l.eof {
		return nil
	}
	l.started = true
	head := l.buf[:l.end]
	if bytes.HasPrefix(head, bomUTF16LE) || bytes.HasPrefix(head, bomUTF16BE) {
		l.eof, l.start = true, l.end
		return fmt.Errorf("list %s: is UTF-16; save it as UTF-8", l.name)
	}
	if bytes.HasPrefix(head, bomUTF8) {
		l.start = len(bomUTF8)
	}
	return nil
}

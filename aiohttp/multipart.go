package aiohttp

// Multipart bodies (RFC 2046, RFC 7578), written as a stream.
//
// A MultipartWriter is a payload made of payloads: parts are pushed one after the
// other, nothing is gathered, and if every part knows its size so does the whole.
// Every header of a part is checked before it is sent, because names of fields and
// files come from users.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/aio-go/aio/internal/http1"
)

// maxBoundary is the length RFC 2046 allows a boundary.
const maxBoundary = 70

// MultipartWriter is a multipart body under construction; give it to WithData. A
// MultipartWriter may be a part of another one.
type MultipartWriter struct {
	subtype  string
	boundary string
	parts    []*bodyPart
	total    int64
	err      error
}

type bodyPart struct {
	head []byte // the headers and the empty line
	body payload
}

// MultipartOption configures a MultipartWriter or a FormData.
type MultipartOption func(*MultipartWriter)

// WithBoundary sets the boundary, of at most 70 characters that RFC 2046 allows.
// Default: one that cannot be guessed.
func WithBoundary(b string) MultipartOption { return func(w *MultipartWriter) { w.boundary = b } }

// NewMultipartWriter returns an empty body of type multipart/subtype ("mixed",
// "related", "form-data").
func NewMultipartWriter(subtype string, opts ...MultipartOption) *MultipartWriter {
	w := &MultipartWriter{subtype: subtype, boundary: newBoundary()}
	for _, o := range opts {
		o(w)
	}
	if !validBoundary(w.boundary) {
		w.err = fmt.Errorf("aiohttp: %q is not a valid multipart boundary", clip(w.boundary))
	}
	if !http1.ValidHeaderName(subtype) {
		w.err = fmt.Errorf("aiohttp: %q is not a valid multipart subtype", clip(subtype))
	}
	return w
}

// boundarySeed makes boundaries that somebody who controls the content of a part
// cannot foresee. Their length is always the same, and nothing else depends on them.
var boundarySeed = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

var boundaryCount atomic.Uint64 // forms are made on any goroutine

func newBoundary() string {
	n := boundaryCount.Add(1)
	return fmt.Sprintf("%016x%016x", maphash.Comparable(boundarySeed[0], n), maphash.Comparable(boundarySeed[1], n))
}

func validBoundary(b string) bool {
	for i := 0; i < len(b); i++ {
		if c := b[i]; !isAlpha(c) && !isDigit(c) && strings.IndexByte("'()+_,-./:=? ", c) < 0 {
			return false
		}
	}
	return b != "" && len(b) <= maxBoundary && b[len(b)-1] != ' '
}

// Append adds a part with anything WithData takes. Headers may be nil; Content-Type
// is added if it is missing and the kind of body has one.
func (w *MultipartWriter) Append(body any, headers http.Header) error {
	p, err := newPayload(body)
	if err != nil {
		return w.fail(err)
	}
	if p == nil {
		return w.fail(errors.New("aiohttp: a part of a multipart body cannot be nil"))
	}
	return w.append(p, headers)
}

// AppendJSON adds a part with v encoded as JSON.
func (w *MultipartWriter) AppendJSON(v any, headers http.Header) error {
	data, err := json.Marshal(v)
	if err != nil {
		return w.fail(fmt.Errorf("encode JSON part: %w", err))
	}
	return w.append(&memoryPayload{data: data, mediaType: typeJSON}, headers)
}

// AppendForm adds a part with url-encoded values.
func (w *MultipartWriter) AppendForm(values url.Values, headers http.Header) error {
	return w.append(&memoryPayload{data: []byte(values.Encode()), mediaType: typeForm}, headers)
}

func (w *MultipartWriter) append(p payload, headers http.Header) error {
	h := mergeHeaders(nil, headers)
	if t := p.contentType(); t != "" && h["Content-Type"] == nil {
		h["Content-Type"] = []string{t}
	}
	var head []byte
	for _, name := range sortedNames(h) {
		for _, value := range h[name] {
			var err error
			if head, err = http1.AppendHeader(head, name, value); err != nil {
				return w.fail(fmt.Errorf("header of a multipart part: %w", err))
			}
		}
	}
	w.parts = append(w.parts, &bodyPart{append(head, "\r\n"...), p})
	return nil
}

// fail keeps the first error, so that a body that is not what was asked for is not
// sent even if nobody looked.
func (w *MultipartWriter) fail(err error) error {
	if w.err == nil {
		w.err = err
	}
	return err
}

// Len returns the number of parts.
func (w *MultipartWriter) Len() int { return len(w.parts) }

func (w *MultipartWriter) prepare(ctx context.Context) error {
	if w.err != nil {
		return w.err
	}
	w.total = int64(len("--" + w.boundary + "--\r\n"))
	for _, part := range w.parts {
		if err := part.body.prepare(ctx); err != nil {
			return err
		}
		size := part.body.size()
		if size < 0 || w.total < 0 {
			w.total = -1
			continue
		}
		w.total += int64(len("--"+w.boundary+"\r\n")+len(part.head)+len("\r\n")) + size
	}
	return nil
}

func (w *MultipartWriter) size() int64            { return w.total }
func (w *MultipartWriter) memory() ([]byte, bool) { return nil, false }

func (w *MultipartWriter) contentType() string {
	boundary := w.boundary
	if !http1.ValidHeaderName(boundary) {
		boundary = strconv.Quote(boundary)
	}
	return "multipart/" + w.subtype + "; boundary=" + boundary
}

func (w *MultipartWriter) push(ctx context.Context, to sink) error {
	out := gather{to: to}
	for _, part := range w.parts {
		if err := out.add([]byte("--" + w.boundary + "\r\n")); err != nil {
			return err
		}
		if err := out.add(part.head); err != nil {
			return err
		}
		if err := part.body.push(ctx, out.add); err != nil {
			return err
		}
		if err := out.add([]byte("\r\n")); err != nil {
			return err
		}
	}
	if err := out.add([]byte("--" + w.boundary + "--\r\n")); err != nil {
		return err
	}
	return out.flush()
}

func (w *MultipartWriter) close() error {
	var errs []error
	for _, part := range w.parts {
		errs = append(errs, part.body.close())
	}
	return errors.Join(errs...)
}

// gather joins small pieces, so that a form does not become a write per line.
type gather struct {
	to      sink
	pending bytes.Buffer
}

func (g *gather) add(p []byte) error {
	if len(p) >= smallBuffer {
		if err := g.flush(); err != nil {
			return err
		}
		return g.to(p)
	}
	g.pending.Write(p)
	if g.pending.Len() < largeBuffer/2 {
		return nil
	}
	return g.flush()
}

func (g *gather) flush() error {
	if g.pending.Len() == 0 {
		return nil
	}
	err := g.to(g.pending.Bytes())
	g.pending.Reset()
	return err
}

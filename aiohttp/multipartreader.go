package aiohttp

// Multipart bodies (RFC 2046, RFC 7578), read as a stream.
//
// A MultipartReader goes from part to part of a body that arrives meanwhile; of each part only
// what is asked for is kept. It reads responses, and with NewMultipartReader whatever else is
// read in tasks: the body of a request in package web, or a part that is multipart itself.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"strings"
)

// MultipartReader reads the parts of a multipart body, one after the other. One task reads at a
// time. CPython: aiohttp.MultipartReader.
type MultipartReader struct {
	scan    *partScanner
	options partOptions
	subtype string
	depth   int
	resp    *ClientResponse // whose body it is, if it is one
	part    *BodyPartReader // the present one
	count   int
	err     error // sticky
	pool    *decoderPool
}

// A PartOption configures a MultipartReader.
type PartOption func(*partOptions)

type partOptions struct {
	maxParts int
	maxPart  int64
	raw      bool
}

// WithMaxParts limits how many parts a body may have, nested ones counted by themselves; more is
// ErrTooManyParts. Zero or less means no limit. Default: 1000.
func WithMaxParts(n int) PartOption { return func(o *partOptions) { o.maxParts = n } }

// WithMaxPart limits the size of each part, in bytes after decoding; more is ErrBodyTooLarge, as
// soon as it is read. Zero or less means no limit. Default: no limit; the limit of the whole body
// (WithMaxBody) holds.
func WithMaxPart(bytes int64) PartOption { return func(o *partOptions) { o.maxPart = bytes } }

// WithRawParts leaves the content of the parts as it was sent. Default: Content-Transfer-Encoding
// and Content-Encoding are decoded.
func WithRawParts() PartOption { return func(o *partOptions) { o.raw = true } }

// ErrTooManyParts ends a body with more parts than WithMaxParts allows.
var ErrTooManyParts = errors.New("aiohttp: too many parts")

// MultipartError says what is wrong with a multipart body. That of a response comes inside a
// *ClientPayloadError.
type MultipartError struct {
	Part int // which part it is, from 1; 0: before the first
	Err  error
}

// Error names the part and what is wrong with it.
func (e *MultipartError) Error() string {
	if e.Part == 0 {
		return "multipart body: " + e.Err.Error()
	}
	return fmt.Sprintf("part %d of the multipart body: %v", e.Part, e.Err)
}

// Unwrap returns the reason.
func (e *MultipartError) Unwrap() error { return e.Err }

// Multipart returns a reader of the parts of the body, which must not be read otherwise. If the
// response is of another type the error is a *ContentTypeError; without a usable boundary it is
// a *ClientPayloadError. It reads nothing yet. When the last part was read, the connection
// goes back to the pool if the rest of the body is there, or known to be short. CPython: MultipartReader.from_response.
func (r *ClientResponse) Multipart(opts ...PartOption) (*MultipartReader, error) {
	if !strings.HasPrefix(r.ContentType(), "multipart/") {
		return nil, &ContentTypeError{r.responseError("attempt to read parts from a body of type " + clip(r.ContentType()))}
	}
	m, err := NewMultipartReader(r.Content, r.Headers.Get("Content-Type"), opts...)
	if err != nil {
		return nil, r.payloadError(err)
	}
	m.resp, m.pool = r, &r.session.decoders
	return m, nil
}

// NewMultipartReader returns a reader of the parts of content, whose Content-Type is given. A
// *MultipartError says that it is not multipart, or has no usable boundary.
func NewMultipartReader(content ContextReader, contentType string, opts ...PartOption) (*MultipartReader, error) {
	t, params, err := mime.ParseMediaType(contentType)
	subtype, ok := strings.CutPrefix(t, "multipart/")
	switch {
	case err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter):
		return nil, &MultipartError{Err: fmt.Errorf("its type %q: %w", clip(contentType), err)}
	case !ok:
		return nil, &MultipartError{Err: fmt.Errorf("its type is %s", clip(t))}
	case !validBoundary(params["boundary"]):
		return nil, &MultipartError{Err: fmt.Errorf("%q is not a valid boundary", clip(params["boundary"]))}
	}
	m := &MultipartReader{
		scan: newPartScanner(content, params["boundary"]), subtype: subtype,
		options: partOptions{maxParts: 1000}, pool: &decoderPool{},
	}
	for _, o := range opts {
		o(&m.options)
	}
	return m, nil
}

// Subtype is what stands behind "multipart/" in the type of the body, in lower case:
// "form-data", "mixed", "byteranges".
func (m *MultipartReader) Subtype() string { return m.subtype }

// Next returns the next part, once its headers are there; what was not read of the one before is
// skipped. Behind the last part it returns io.EOF. It suspends until the headers have arrived.
// When ctx ends first, or the body is malformed or breaks off, the error is final. aiohttp: next.
func (m *MultipartReader) Next(ctx context.Context) (*BodyPartReader, error) {
	if m.err != nil {
		return nil, m.err
	}
	if m.part != nil {
		m.part.end()
		m.part = nil
	}
	h, err := m.scan.next(ctx)
	if err == nil {
		if m.count++; m.options.maxParts > 0 && m.count > m.options.maxParts {
			err = ErrTooManyParts
		}
	}
	if err == io.EOF {
		m.err = err
		if r := m.resp; r != nil && r.length >= 0 && r.length-r.stream.raw <= partEpilogue {
			_ = r.finishSmall(ctx, partEpilogue) // the parts are all there
		} else if r != nil {
			r.Release()
		}
		return nil, err
	}
	if err != nil {
		return nil, m.fail(ctx, err)
	}
	m.part = &BodyPartReader{Headers: h, parent: m}
	return m.part, nil
}

// fail makes an error of reading final. What the source complains about is complete already.
func (m *MultipartReader) fail(ctx context.Context, err error) error {
	if m.err != nil {
		return m.err
	}
	var coded *ContentEncodingError
	source := errors.Is(err, ErrClient) && !errors.As(err, &coded)
	if m.err = err; !source && ctx.Err() == nil {
		m.err = m.wrong(err)
	}
	return m.err
}

// wrong says where in which body something is wrong.
func (m *MultipartReader) wrong(err error) error {
	err = &MultipartError{Part: m.count, Err: err}
	if m.resp != nil {
		err = m.resp.payloadError(err)
	}
	return err
}

// All yields the parts in order; each may be read until the next is asked for. An error comes
// last, in place of a part. It suspends as Next does. aiohttp: async for part in reader.
func (m *MultipartReader) All(ctx context.Context) iter.Seq2[*BodyPartReader, error] {
	return func(yield func(*BodyPartReader, error) bool) {
		for {
			part, err := m.Next(ctx)
			if err == io.EOF {
				return
			}
			if !yield(part, err) || err != nil {
				return
			}
		}
	}
}

// Release skips what is left of the body, so that its connection can be used again. It
// suspends until the last delimiter has arrived. aiohttp: release.
func (m *MultipartReader) Release(ctx context.Context) error {
	for {
		if _, err := m.Next(ctx); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// AtEOF reports whether the last part was read. aiohttp: at_eof.
func (m *MultipartReader) AtEOF() bool { return m.err == io.EOF }

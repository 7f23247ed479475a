package aiohttp

// One part of a multipart body.

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/http"
	"net/url"
	"strings"
)

// BodyPartReader reads one part, until the next is asked for. It is a ContextReader, and can be
// given to WithData and MultipartWriter.Append, to be sent on while it arrives. CPython:
// aiohttp.BodyPartReader.
type BodyPartReader struct {
	// Headers are those of the part, under their canonical names.
	Headers http.Header

	parent  *MultipartReader
	content io.Reader // decoded; nil before the first read
	decoder *decoder  // of a Content-Encoding
	pull    partPull
	size    int64 // of what was read, decoded
	over    bool  // the next part was asked for
	err     error // sticky
}

// ErrPartOver is the reason when a part is read after the one behind it was asked for.
var ErrPartOver = fmt.Errorf("aiohttp: the next part was asked for: %w", ErrResponseClosed)

// Name is the name of the field, of a part of a form.
func (p *BodyPartReader) Name() string { return p.disposition()["name"] }

// Filename is the name of the file, without directories, or "". It comes from a stranger: it
// contains neither separators nor control characters, but may still be any name.
func (p *BodyPartReader) Filename() string { return baseName(p.disposition()["filename"]) }

func (p *BodyPartReader) disposition() map[string]string {
	_, params, _ := mime.ParseMediaType(p.Headers.Get("Content-Disposition"))
	return params
}

// ContentType is the media type, without parameters, in lower case; by default it is
// text/plain (RFC 2046 section 5.1).
func (p *BodyPartReader) ContentType() string {
	v, _, _ := strings.Cut(p.Headers.Get("Content-Type"), ";")
	if v = asciiLower(strings.TrimSpace(v)); v == "" {
		return "text/plain"
	}
	return v
}

// Charset is the charset parameter of Content-Type, or "". aiohttp: get_charset.
func (p *BodyPartReader) Charset() string {
	_, params, _ := mime.ParseMediaType(p.Headers.Get("Content-Type"))
	return params["charset"]
}

// Read reads up to len(b) bytes of the part, decoded, and returns io.EOF at its end. It suspends
// until there is at least one. The encodings are base64, quoted-printable, and those that change
// nothing; the codings, in anything but forms, which have none (RFC 7578), those of responses.
// aiohttp: read_chunk, decode.
func (p *BodyPartReader) Read(ctx context.Context, b []byte) (int, error) {
	switch {
	case p.over:
		return 0, ErrPartOver
	case p.err != nil || len(b) == 0:
		return 0, p.err
	case p.parent.err != nil:
		return 0, p.parent.err
	}
	p.pull.ctx = ctx
	if p.content == nil {
		if p.err = p.open(); p.err != nil {
			p.err = p.parent.fail(ctx, p.err)
			return 0, p.err
		}
	}
	for {
		n, err := p.content.Read(b[:min(len(b), offloadSize)])
		if p.size += int64(n); p.parent.options.maxPart > 0 && p.size > p.parent.options.maxPart {
			n, err = 0, ErrBodyTooLarge
		}
		if err != nil && err != io.EOF {
			if p.pull.err != nil && p.pull.err != io.EOF {
				err = p.pull.err // decoders wrap or replace it
			}
			err = p.parent.fail(ctx, err)
		}
		if err != nil {
			p.finish(err)
		}
		if n > 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// finish notes how the part ended.
func (p *BodyPartReader) finish(err error) {
	p.err = err
	if p.decoder != nil {
		p.decoder.release()
	}
}

// end is called when the next part is asked for.
func (p *BodyPartReader) end() {
	p.over = true
	p.finish(ErrPartOver)
}

// open puts the decoders in a row.
func (p *BodyPartReader) open() error {
	p.pull.part = p
	p.content = &p.pull
	if p.parent.options.raw {
		return nil
	}
	switch encoding := asciiLower(strings.TrimSpace(p.Headers.Get("Content-Transfer-Encoding"))); encoding {
	case "", "binary", "8bit", "7bit":
	case "base64":
		p.content = base64.NewDecoder(base64.StdEncoding, &p.pull)
	case "quoted-printable":
		p.content = quotedprintable.NewReader(&p.pull)
	default:
		return fmt.Errorf("unknown Content-Transfer-Encoding %q", clip(encoding))
	}
	if p.parent.subtype == "form-data" {
		return nil
	}
	if coding := codingOf(p.Headers.Get("Content-Encoding")); coding != codingIdentity {
		p.decoder = p.parent.pool.decoder(coding, p.content)
		p.content = p.decoder
	}
	return nil
}

// ReadAll reads the rest of the part. aiohttp: read.
func (p *BodyPartReader) ReadAll(ctx context.Context) ([]byte, error) {
	out := make([]byte, 0, 512)
	for {
		n, err := p.Read(ctx, out[len(out):cap(out)])
		out = out[:len(out)+n]
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if len(out) == cap(out) {
			out = grow(out, defaultBufferSize)
		}
	}
}

// Text reads the rest of the part and returns it as UTF-8, decoded from its charset; without one
// it is taken to be UTF-8. Bytes that are invalid in it become U+FFFD. aiohttp: text.
func (p *BodyPartReader) Text(ctx context.Context) (string, error) {
	body, err := p.ReadAll(ctx)
	if err != nil {
		return "", err
	}
	text, err := decodeText(body, p.Charset())
	if err != nil {
		return "", p.parent.wrong(err)
	}
	return text, nil
}

// JSON reads the rest of the part and decodes it into v, whatever its type. What
// [ClientResponse.JSON] says of large documents holds here too. aiohttp: json.
func (p *BodyPartReader) JSON(ctx context.Context, v any) error {
	body, err := p.ReadAll(ctx)
	if err != nil {
		return err
	}
	decode := func() error {
		if err := json.Unmarshal(body, v); err != nil {
			return p.parent.wrong(fmt.Errorf("decode JSON: %w", err))
		}
		return nil
	}
	if len(body) > offloadSize {
		return offload(ctx, decode)
	}
	return decode()
}

// Form reads the rest of the part as URL-encoded values. aiohttp: form.
func (p *BodyPartReader) Form(ctx context.Context) (url.Values, error) {
	text, err := p.Text(ctx)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(strings.TrimSpace(text))
	if err != nil {
		return nil, p.parent.wrong(fmt.Errorf("decode form: %w", err))
	}
	return values, nil
}

// Multipart returns a reader of the parts of this part, with the options of the reader it comes
// from. Eight may be inside one another. In aiohttp, next returns that reader by itself.
func (p *BodyPartReader) Multipart() (*MultipartReader, error) {
	m, err := NewMultipartReader(p, p.Headers.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	m.options, m.depth, m.pool = p.parent.options, p.parent.depth+1, p.parent.pool
	if m.depth >= partMaxNested {
		return nil, p.parent.wrong(fmt.Errorf("more than %d multipart bodies inside one another", partMaxNested))
	}
	return m, nil
}

// Release skips what is left of the part. aiohttp: release.
func (p *BodyPartReader) Release(ctx context.Context) error {
	var scrap [512]byte
	for {
		if _, err := p.Read(ctx, scrap[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// AtEOF reports whether the whole part was read. aiohttp: at_eof.
func (p *BodyPartReader) AtEOF() bool { return p.err == io.EOF }

// partPull is what the decoders of a part read from, with the context of the read in progress.
type partPull struct {
	part *BodyPartReader
	ctx  context.Context
	err  error
}

func (p *partPull) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := p.part.parent.scan.read(p.ctx, b)
	if err != nil {
		p.err = err
	}
	return n, err
}

// partPayload sends a part on.
type partPayload struct {
	source *BodyPartReader
	used   bool
}

func (p *partPayload) prepare(context.Context) error {
	if p.used {
		return ErrBodyConsumed
	}
	return nil
}
func (p *partPayload) size() int64            { return -1 }
func (p *partPayload) contentType() string    { return p.source.Headers.Get("Content-Type") }
func (p *partPayload) memory() ([]byte, bool) { return nil, false }
func (p *partPayload) close() error           { return nil }
func (p *partPayload) push(ctx context.Context, to sink) error {
	p.used = true
	buf := make([]byte, bodyBufferSize)
	for {
		n, err := p.source.Read(ctx, buf)
		if n > 0 {
			if err := to(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

package aiohttp

// Text: from the bytes of a body to a string.
//
// What the caller says counts first, then the charset parameter of Content-Type, then
// the session's resolver, then UTF-8. The tables and the rules of detection are those
// of the web (encoding.spec.whatwg.org), from golang.org/x/net and golang.org/x/text.

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"

	"github.com/aio-go/aio/asyncio"
)

// A CharsetResolver names the charset of a body whose Content-Type does not. An empty
// or unknown name means UTF-8.
type CharsetResolver func(r *ClientResponse, body []byte) string

// WithCharsetResolver sets who is asked for the charset of a text whose Content-Type
// names none. Default: nobody; it is taken to be UTF-8. [DetectCharset] looks at the
// text. aiohttp: fallback_charset_resolver.
func WithCharsetResolver(f CharsetResolver) Option {
	return setting(func(s *settings) { s.charsets = f })
}

// DetectCharset is a [CharsetResolver] that looks at the body as browsers do: at a byte
// order mark, at a meta element within the first 1024 bytes, and at whether it is
// valid UTF-8; what is none of that is windows-1252.
func DetectCharset(r *ClientResponse, body []byte) string {
	_, name, _ := charset.DetermineEncoding(body, r.Headers.Get("Content-Type"))
	return name
}

// TextOption changes how Text decodes.
type TextOption func(*textOptions)

type textOptions struct{ charset string }

// WithCharset has Text decode from this charset, whatever the response says. Names are
// those of the WHATWG Encoding Standard ("latin1", "shift_jis", "utf-16le" …).
func WithCharset(name string) TextOption { return func(o *textOptions) { o.charset = name } }

// Text reads the whole body and returns it as UTF-8, decoded from the charset that
// Content-Type names; without one the session's [CharsetResolver] is asked, and without
// that, or if the charset is unknown, it is taken to be UTF-8. Bytes that are invalid in
// the charset become U+FFFD. It suspends as Read does, and while it decodes more than
// 64 KiB, which is done beside the loop. A charset given by [WithCharset]
// that does not exist is an error, before anything is read.
func (r *ClientResponse) Text(ctx context.Context, opts ...TextOption) (string, error) {
	var o textOptions
	for _, opt := range opts {
		opt(&o)
	}
	if o.charset != "" {
		if _, err := htmlindex.Get(o.charset); err != nil {
			return "", r.payloadError(fmt.Errorf("unknown charset %q: use a name of the WHATWG Encoding Standard", clip(o.charset)))
		}
	}
	body, err := r.Read(ctx)
	if err != nil {
		return "", err
	}
	name := o.charset
	if name == "" {
		name = r.charsetOf(body)
	}
	var text string
	if len(body) > offloadSize {
		text, err = asyncio.Compute(ctx, func() (string, error) { return decodeText(body, name) })
	} else {
		text, err = decodeText(body, name)
	}
	if err != nil && ctx.Err() == nil {
		err = r.payloadError(err)
	}
	return text, err
}

// Encoding returns the name of the charset in which Text decodes the body, which must
// have been read with Read, Text or JSON if the resolver is to look at it: "utf-8" if
// nothing says otherwise. aiohttp: get_encoding.
func (r *ClientResponse) Encoding() string {
	name := r.charsetOf(r.body)
	if enc, err := htmlindex.Get(name); err == nil {
		if canonical, err := htmlindex.Name(enc); err == nil {
			return canonical
		}
	}
	return "utf-8"
}

func (r *ClientResponse) charsetOf(body []byte) string {
	if name := r.Charset(); name != "" {
		return name
	}
	if f := r.settings.charsets; f != nil {
		return f(r, body)
	}
	return ""
}

// decodeText decodes body from the charset called name. A byte order mark of UTF-16 decides the order,
// whatever the name says, and is no part of the text; one of UTF-8, which orders nothing, stays, as it
// does in Python.
func decodeText(body []byte, name string) (string, error) {
	name = asciiLower(strings.TrimSpace(name))
	if name == "" || name == "utf-8" || name == "us-ascii" {
		return strings.ToValidUTF8(string(body), "\uFFFD"), nil
	}
	enc, err := htmlindex.Get(name)
	if err != nil || enc == unicode.UTF8 {
		return strings.ToValidUTF8(string(body), "\uFFFD"), nil
	}
	switch canonical, _ := htmlindex.Name(enc); canonical {
	case "utf-16le": // the WHATWG's name for "utf-16", too
		enc = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case "utf-16be":
		enc = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	}
	text, err := enc.NewDecoder().Bytes(body)
	if err != nil {
		return "", fmt.Errorf("decode %s: %w", clip(name), err)
	}
	return string(text), nil
}

package aiohttp

// Responses that come over no connection.
//
// A middleware that answers by itself, from a cache, in a test, because a breaker is
// open, makes its response here. For whoever reads it there is no difference: it is
// decoded, limited and followed if it redirects, like any other.

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/aio-go/aio/internal/http1"
)

// Answer returns a response to r that was not received but made: by a middleware,
// which returns it instead of calling next. The headers are copied; a nil body is an
// empty one. The body is what would have come over the wire: if Content-Encoding names
// a coding, it is decoded when it is read. Its length is that of Content-Length, if
// there is one, or of the reader, if it has a method Len, and otherwise unknown; a body
// that falls short of it is a *ClientPayloadError. The reader is read in the task that
// reads the response, where it must not block, and is closed, if it is an io.Closer,
// when the response is. Responses to HEAD, and those with status 204 and 304, have no body.
func (r *ClientRequest) Answer(status int, headers http.Header, body io.Reader) *ClientResponse {
	resp := r.call.newResponse(r)
	resp.Status, resp.Reason, resp.Proto = status, http.StatusText(status), "HTTP/1.1"
	resp.Headers = make(http.Header, len(headers))
	for name, values := range headers {
		resp.Headers[http1.CanonicalName(name)] = append([]string(nil), values...)
	}
	bodiless := r.Method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified
	resp.length = resp.ContentLength()
	if sized, ok := body.(interface{ Len() int }); ok && resp.length < 0 && !bodiless {
		resp.length = int64(sized.Len())
		resp.Headers["Content-Length"] = []string{strconv.FormatInt(resp.length, 10)}
	}
	source := &answerBody{reader: body, left: resp.length}
	if bodiless || body == nil || resp.length == 0 {
		resp.length = 0
		source.abort()
		return resp
	}
	resp.setBody(source)
	return resp
}

// AnswerBytes is Answer with a body in memory.
func (r *ClientRequest) AnswerBytes(status int, headers http.Header, body []byte) *ClientResponse {
	return r.Answer(status, headers, bytes.NewReader(body))
}

// answerBody is a bodySource that is no connection.
type answerBody struct {
	reader io.Reader
	left   int64 // of the announced length; negative: unknown
}

func (b *answerBody) read(ctx context.Context, resp *ClientResponse, p []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		b.abort()
		return 0, err
	}
	known := resp.length >= 0
	if known && int64(len(p)) > b.left {
		p = p[:b.left]
	}
	for {
		if known && b.left == 0 {
			b.abort()
			return 0, io.EOF
		}
		n, err := b.reader.Read(p)
		b.left -= int64(n)
		switch {
		case n > 0:
			return n, nil // an error comes again with the next read
		case err == io.EOF && !known:
			b.abort()
			return 0, io.EOF
		case err == io.EOF:
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			b.abort()
			return 0, resp.payloadError(err)
		}
	}
}

func (b *answerBody) buffered() int { return 0 }

// discardBuffered has nothing to discard: no connection waits to be freed.
func (b *answerBody) discardBuffered(*ClientResponse) (int, error) { return 0, nil }

func (b *answerBody) abort() {
	if c, ok := b.reader.(io.Closer); ok {
		c.Close()
	}
}

package aiohttp

// Progress of what is long: callbacks for bodies on their way out and in, and what a
// response knows of its request afterwards.

import "context"

// WithUploadProgress has f called while the request's body is sent: sent is how many
// bytes of it the connection has taken, before compression and without framing, and total
// how many there are, -1 if that is not known. It runs in the task that sends the body, after
// each piece, and must not suspend. A body that is sent again, because of a
// redirect or a retry, begins at zero again. Default: nobody is told.
func WithUploadProgress(f func(sent, total int64)) RequestOption {
	return requestOption(func(o *requestOptions) { o.uploaded = f })
}

// WithDownloadProgress has f called while the response's body is read: received is how
// many bytes have arrived, as they were on the wire without their framing, and total how
// many were announced, -1 if nothing was. It runs in the task that reads, after each
// piece, and must not suspend. Default: nobody is told.
func WithDownloadProgress(f func(received, total int64)) Option {
	return setting(func(s *settings) { s.received = f })
}

// countedPayload is a body whose progress somebody wants to know.
type countedPayload struct {
	payload
	report func(sent, total int64)
}

// memory implements payload: the body is not to go out in one piece.
func (*countedPayload) memory() ([]byte, bool) { return nil, false }

// push implements payload.
func (p *countedPayload) push(ctx context.Context, to sink) error {
	sent, total := int64(0), p.size()
	return p.payload.push(ctx, func(b []byte) error {
		for len(b) > 0 {
			piece := b[:min(len(b), bodyBufferSize)]
			if err := to(piece); err != nil {
				return err
			}
			b = b[len(piece):]
			sent += int64(len(piece))
			p.report(sent, total)
		}
		return nil
	})
}

// OutputSize is how many bytes of the request's body have been sent so far, without their
// framing. aiohttp: output_size.
func (r *ClientResponse) OutputSize() int64 { return r.output }

// UploadComplete reports whether the request was sent to its end. A server may answer
// before, and the connection is then not used again. aiohttp: upload_complete.
func (r *ClientResponse) UploadComplete() bool { return r.uploaded }

package aiohttp

// The body of a request on its way from a task to a goroutine.
//
// A body in memory goes along with the request. Any other is produced on the loop, piece by
// piece, and each piece is lent to the goroutine until that has taken all of it: nothing is
// copied more often than the round tripper itself does, and nothing is produced ahead.
//
// It has a task of its own, which goes on after an answer that came early: a server may answer
// while it is still being told.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/aio-go/aio/asyncio"
)

// upload is a request body as the round tripper reads it.
type upload struct {
	patience
	x       *exchange
	length  int64 // announced, -1 if unknown
	written int64

	arrived sync.Cond // something for the reader changed; guarded by x.mu, like the rest
	wanted  bool      // the reader has asked for something
	piece   []byte    // lent by the task
	ended   error     // behind the last piece; io.EOF at the end
	closed  bool      // the reader wants no more
}

// request makes the request for the round tripper.
func (x *exchange) request(ctx context.Context, r *ClientRequest) (*http.Request, error) {
	x.context.values = asyncio.ThreadContext(ctx)
	var blank http.Request
	req := blank.WithContext(&x.context)
	u := r.loc.url
	if u.RequestURI() != r.loc.target { // spelled in a way that package url would not repeat
		u = url.URL{Scheme: u.Scheme, Host: u.Host, Opaque: "//" + u.Host + r.loc.target}
	}
	req.Method, req.URL, req.Host = r.Method, &u, r.loc.authority
	req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/1.1", 1, 1
	if r.bare() {
		req.Header = r.call.session.sharedDefaults()
		return req, nil
	}
	if r.Headers == nil {
		if err := r.materialise(); err != nil {
			return nil, err
		}
	}
	req.Header = make(http.Header, len(r.Headers)+1)
	for name, values := range r.forOrigin() {
		if !ofConnection(name) {
			req.Header[name] = values
		}
	}
	silenceAgent(req.Header)
	if host := r.Headers["Host"]; len(host) == 1 {
		req.Host = host[0]
	}
	req.Close = asksToClose(r)
	req.Trailer = r.call.opts.trailer
	x.attachBody(req, r)
	return req, nil
}

// bare reports whether nothing but the session's defaults makes up the headers.
func (r *ClientRequest) bare() bool {
	return r.shortcut() && r.body == nil && !r.framing.present && r.call.opts.authorize == "" && r.cookieHeader(nil) == "" && !r.call.proxied()
}

// sharedDefaults are the default headers of the session, for round trippers, which do not
// change what they are given.
func (s *ClientSession) sharedDefaults() http.Header {
	if s.defaults == nil {
		s.defaults = s.defaultHeaders(s.skipAuto)
		silenceAgent(s.defaults)
	}
	return s.defaults
}

// silenceAgent keeps a round tripper from adding a User-Agent of its own.
func silenceAgent(h http.Header) {
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = []string{""}
	}
}

// ofConnection reports whether a header is about a connection of HTTP/1, which the round
// tripper sees to.
func ofConnection(name string) bool {
	switch name {
	case "Host", "Connection", "Content-Length", "Transfer-Encoding", "Trailer", "Keep-Alive", "Proxy-Connection", "Upgrade":
		return true
	}
	return false
}

// attachBody gives req its body, as bytes or as what is going to be uploaded.
func (x *exchange) attachBody(req *http.Request, r *ClientRequest) {
	if r.body == nil {
		return
	}
	req.ContentLength = r.framing.length
	data, inMemory := r.body.memory()
	if inMemory && len(data) <= maxInline && r.framing.length == int64(len(data)) {
		if len(data) == 0 {
			return
		}
		req.Body = io.NopCloser(bytes.NewReader(data))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
		return
	}
	x.upload = &upload{x: x, length: r.framing.length}
	x.upload.patience.init(x.loop)
	x.upload.arrived.L = &x.mu
	req.Body = x.upload
}

// send produces the body. It returns when all of it is sent, or when the answer is there and
// the rest can be sent without this task.
func (x *exchange) send(ctx context.Context, r *ClientRequest, resp *ClientResponse) error {
	u := x.upload
	if u == nil {
		if r.body != nil {
			data, _ := r.body.memory()
			resp.output = int64(len(data))
			r.call.trace.chunkSent(ctx, data)
		}
		resp.uploaded = true
		return nil
	}
	// Nothing is produced before somebody wants it: a body that was not touched can still be
	// sent elsewhere.
	if err := u.await(ctx, r, PhaseWrite, u.wantsMore); err != nil {
		return err
	}
	if u.refused() || x.hasAnswer() && x.resp.StatusCode > 299 {
		return nil
	}
	x.pushing = asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, u.run(ctx, r, resp)
	}, asyncio.WithName("aiohttp request body"))
	x.pushing.AddDoneCallback(func(pushed *asyncio.Future[struct{}]) {
		if _, err := pushed.Result(); err != nil { // a panic has told nobody
			u.end(err)
		}
		x.news.Set()
	})
	for !x.pushing.Done() && !x.hasAnswer() {
		if err := x.news.Wait(ctx); err != nil {
			return err
		}
	}
	if !x.pushing.Done() {
		r.call.outlive(x.pushing)
		return nil
	}
	_, err := x.pushing.Result()
	return err
}

// heedless reports whether a body may be suspended under a ctx of its own, where nothing that
// happens to the request interrupts it. None of these can be sent twice.
func heedless(p payload) bool {
	bound := func(source io.Reader) bool {
		switch source.(type) {
		case interface{ readsInTask() }, *asyncio.Conn:
			return true
		}
		return false
	}
	switch p := p.(type) {
	case *iterPayload:
		return true
	case *readerPayload:
		return bound(p.source)
	case *clientPayload:
		return bound(p.source)
	case *countedPayload:
		return heedless(p.payload)
	case *compressPayload:
		return heedless(p.inner)
	case *MultipartWriter:
		return slices.ContainsFunc(p.parts, func(part *bodyPart) bool { return heedless(part.body) })
	}
	return false
}

// pushInTime sends the body into the sink. The end of the total time interrupts a source that has nothing to send.
func (r *ClientRequest) pushInTime(ctx context.Context, to sink) error {
	limited, cancel := asyncio.WithDeadline(ctx, r.call.clock.end)
	defer cancel()
	err := r.body.push(limited, to)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = r.expired(PhaseWrite, r.call.clock.end)
	}
	return err
}

// awaitSender waits for the task that sent the body and was told to stop. What cannot be
// interrupted is not waited for: it ends when it has something to say.
func (r *ClientRequest) awaitSender(ctx context.Context, sender *asyncio.Task[struct{}]) error {
	if heedless(r.body) {
		r.call.outlive(sender)
		return nil
	}
	_, err := asyncio.Wait(ctx, []*asyncio.Task[struct{}]{sender}).Await(ctx)
	return err
}

// run produces the whole body. An answer that makes the rest superfluous is no error here.
func (u *upload) run(ctx context.Context, r *ClientRequest, resp *ClientResponse) error {
	defer u.limit(noDeadline)
	err := r.pushInTime(ctx, func(p []byte) error {
		err := u.push(ctx, r, p)
		if err == nil {
			resp.output = u.written
		}
		return err
	})
	if err == nil && u.written < u.length {
		err = fmt.Errorf("the body ended after %d of the %d bytes announced in Content-Length", u.written, u.length)
	}
	if err == nil {
		u.end(io.EOF)
		resp.uploaded = true
		return nil
	}
	u.end(err)
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, errAnswered):
		return nil // the answer tells, or RoundTrip's error
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return err
	}
	return r.payloadError(err)
}

// push lends p to the reader until that has taken all of it.
func (u *upload) push(ctx context.Context, r *ClientRequest, p []byte) error {
	if u.written += int64(len(p)); u.length >= 0 && u.written > u.length {
		return fmt.Errorf("the body is longer than the %d bytes announced in Content-Length", u.length)
	}
	x := u.x
	x.mu.Lock()
	u.piece = p
	u.arrived.Signal()
	x.mu.Unlock()
	err := u.await(ctx, r, PhaseWrite, func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return len(u.piece) == 0 || u.closed || x.err != nil
	})
	if err != nil {
		u.end(err) // takes the piece back
		return err
	}
	if u.refused() {
		return errAnswered
	}
	r.call.trace.chunkSent(ctx, p)
	return nil
}

// wantsMore reports whether the reader has asked for something, or never will.
func (u *upload) wantsMore() bool {
	u.x.mu.Lock()
	defer u.x.mu.Unlock()
	return u.wanted || u.closed || u.x.answered
}

// refused reports whether the reader wants no more.
func (u *upload) refused() bool {
	u.x.mu.Lock()
	defer u.x.mu.Unlock()
	return u.closed || u.x.err != nil
}

// end tells the reader that nothing comes any more, and takes back what it has not read.
func (u *upload) end(err error) {
	u.x.mu.Lock()
	defer u.x.mu.Unlock()
	u.piece = nil
	if u.ended == nil {
		u.ended = err
	}
	u.arrived.Signal()
}

// revoke is end for an exchange that is over.
func (u *upload) revoke(err error) {
	u.end(err)
	u.x.mu.Lock()
	u.closed = true
	u.x.mu.Unlock()
	u.limit(noDeadline)
	u.news.Set()
}

// Read implements io.Reader, for the goroutine.
func (u *upload) Read(p []byte) (int, error) {
	u.x.mu.Lock()
	defer u.x.mu.Unlock()
	if !u.wanted {
		u.wanted = true
		u.news.Set()
	}
	for len(u.piece) == 0 && u.ended == nil && !u.closed {
		u.arrived.Wait()
	}
	switch {
	case len(u.piece) > 0:
		n := copy(p, u.piece)
		if u.piece = u.piece[n:]; len(u.piece) == 0 {
			u.news.Set()
		}
		return n, nil
	case u.ended != nil:
		return 0, u.ended
	}
	return 0, http.ErrBodyReadAfterClose
}

// Close implements io.Closer: the round tripper wants no more.
func (u *upload) Close() error {
	u.x.mu.Lock()
	defer u.x.mu.Unlock()
	u.closed = true
	u.arrived.Signal()
	u.news.Set()
	return nil
}

// stopUpload sees to it that a body whose request will not be answered any differently by the
// rest of it is not in use any more: its source may be needed for another request.
func (x *exchange) stopUpload(ctx context.Context, r *ClientRequest) error {
	if x.upload == nil || x.resp.StatusCode <= 299 {
		return nil
	}
	x.upload.revoke(errAnswered)
	if x.pushing == nil || x.pushing.Done() {
		return nil
	}
	x.pushing.Cancel(nil)
	return r.awaitSender(ctx, x.pushing)
}

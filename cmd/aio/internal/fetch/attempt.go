package fetch

// One attempt at one URL: the request, and the body on its way to where it belongs. While one buffer of a large body is
// being written, the next one is read; a small body is written, closed and named in a single hand-off.

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/cmd/aio/internal/sink"
)

// bufferSize is how much of a body is read before it is handed to the disk.
const bufferSize = 64 << 10

// buffers keeps the buffers that are not in use; the last one given back is the next one taken.
type buffers struct{ free [][]byte }

func (b *buffers) take() []byte {
	if n := len(b.free); n > 0 {
		buf := b.free[n-1]
		b.free = b.free[:n-1]
		return buf
	}
	return make([]byte, bufferSize)
}

func (b *buffers) put(buf []byte) { b.free = append(b.free, buf) }

// attempt requests it.url once. it.last tells how it went wrong, if it did.
func (r *run) attempt(ctx context.Context, it *item) {
	begin := r.loop.Time()
	rec := &it.rec
	rec.Status, rec.Bytes, rec.FinalURL, rec.Times.TTFB = 0, 0, "", 0
	options := r.options
	if r.results != nil {
		it.phases = phases{}
		options = append(options[:len(options):len(options)], aiohttp.WithTraceData(it))
	}
	resp, err := r.session.Request(ctx, r.cfg.Method, rec.URL, options...)
	rec.Times.DNS, rec.Times.Connect = it.phases.dns, it.phases.connect
	if err != nil {
		it.last = classify(err, r.stopped())
		return
	}
	defer resp.Close()
	rec.Times.TTFB = r.loop.Time() - begin
	rec.Status = resp.Status
	if r.results != nil {
		rec.FinalURL = resp.URL.String()
	}
	if resp.Status < 200 || resp.Status > 299 {
		it.last = statusFailure(resp.Status, resp.Reason, resp.Headers.Get("Retry-After"))
		return
	}
	if err := r.receive(ctx, it, resp); err != nil {
		it.last = classify(err, r.stopped())
		return
	}
	it.took = r.loop.Time() - begin
}

// stopped is why the run is ending, nil while it goes on.
func (r *run) stopped() error {
	if r.ctx.Err() == nil {
		return nil
	}
	return context.Cause(r.ctx)
}

// receive reads the body to its end and puts it where it belongs.
func (r *run) receive(ctx context.Context, it *item, resp *aiohttp.ClientResponse) error {
	if most := r.cfg.MaxBytes; most > 0 && resp.ContentLength() > most && r.cfg.Method != http.MethodHead {
		return errTooLarge
	}
	var out sink.Output
	switch {
	case r.cfg.Method == http.MethodHead:
	case r.dir != nil:
		out = r.dir.Output(it.name)
	case r.cfg.OutputFile == "-":
		out = sink.StreamOutput(r.cfg.Stdout, "standard output", sink.Options{Hash: r.cfg.hash()})
	case r.cfg.OutputFile != "":
		out = sink.FileOutput(r.cfg.OutputFile, sink.Options{Hash: r.cfg.hash(), Sync: r.cfg.Sync})
	}
	if out == nil {
		return r.count(ctx, it, resp.Content)
	}
	s := saving{r: r, it: it, out: out, eager: r.cfg.OutputFile == "-"}
	return s.run(ctx, resp.Content)
}

// count reads a body that nobody keeps.
func (r *run) count(ctx context.Context, it *item, body *aiohttp.StreamReader) error {
	buf := r.buffers.take()
	defer r.buffers.put(buf)
	var sum hash.Hash
	if r.cfg.hash() {
		sum = sha256.New()
	}
	for {
		n, err := body.Read(ctx, buf)
		r.arrived(it, n)
		if sum != nil {
			sum.Write(buf[:n])
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if body.Surplus() {
		return errSurplus
	}
	if sum != nil {
		it.rec.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	return nil
}

func (r *run) arrived(it *item, n int) {
	it.rec.Bytes += int64(n)
	r.received += int64(n)
}

// saving is a body on its way to an output.
type saving struct {
	r     *run
	it    *item
	out   sink.Output
	eager bool     // hand on what comes instead of filling buffers: somebody may be watching
	prev  *diskJob // the write under way, of the other buffer
}

// run reads the body and writes it. Whatever happens, no write is under way when it returns.
func (s *saving) run(ctx context.Context, body *aiohttp.StreamReader) error {
	pool := &s.r.buffers
	buf, other := pool.take(), []byte(nil)
	touched := false
	for {
		n, err := s.fill(ctx, body, buf)
		s.r.arrived(s.it, n)
		if failed := s.wait(ctx); failed != nil {
			err = failed
		}
		if err == io.EOF {
			err = s.finish(ctx, buf[:n])
			touched = false // by Finish, whatever became of it
		} else if err == nil {
			touched = true
			piece := buf[:n]
			s.prev = s.r.disk.start(context.WithoutCancel(ctx), func() error {
				_, err := s.out.Write(piece)
				return err
			})
			if other == nil {
				other = pool.take()
			}
			buf, other = other, buf
			continue
		}
		if touched {
			s.r.disk.do(ctx, func() error { s.out.Discard(); return nil })
		}
		pool.put(buf)
		if other != nil {
			pool.put(other)
		}
		return err
	}
}

// fill reads until buf is full or the body ends, then with io.EOF.
func (s *saving) fill(ctx context.Context, body *aiohttp.StreamReader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = body.Read(ctx, buf[n:])
		n += m
		if s.eager && n > 0 {
			break
		}
	}
	if err == io.EOF && body.Surplus() {
		err = errSurplus
	}
	return n, err
}

// wait waits for the write under way.
func (s *saving) wait(ctx context.Context) error {
	if s.prev == nil {
		return nil
	}
	_, err := s.prev.done.Await(context.WithoutCancel(ctx))
	err = errors.Join(err, s.prev.err)
	s.prev = nil
	if err != nil {
		return &outputError{err}
	}
	return nil
}

// finish writes the last piece and completes the output.
func (s *saving) finish(ctx context.Context, last []byte) error {
	var w sink.Written
	err := s.r.disk.do(ctx, func() (err error) {
		if len(last) > 0 {
			if _, err = s.out.Write(last); err != nil {
				s.out.Discard()
				return err
			}
		}
		w, err = s.out.Finish()
		return err
	})
	if err != nil {
		return &outputError{err}
	}
	s.it.rec.Path, s.it.rec.SHA256 = w.Path, w.SHA256
	return nil
}

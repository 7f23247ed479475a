package fetch

// What surrounds a run: the session, the place for bodies, and the display with its timer.

import (
	"context"
	"net/http"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/cmd/aio/internal/progress"
	"github.com/aio-go/aio/cmd/aio/internal/sink"
)

// newSession makes the client. Its limits are not the ones that matter: workers are counted by the run, and hosts by the
// frontier. Cookies are not kept, since ten million answers could set as many.
func (r *run) newSession() *aiohttp.ClientSession {
	c := r.cfg
	if c.UnixSocket != "" {
		r.connector = aiohttp.NewUnixConnector(c.UnixSocket, aiohttp.WithLimit(c.Concurrency))
	} else {
		r.connector = aiohttp.NewTCPConnector(aiohttp.WithLimit(c.Concurrency))
	}
	opts := []aiohttp.SessionOption{
		aiohttp.WithConnector(r.connector),
		aiohttp.WithCookieJar(nil),
		aiohttp.WithTimeout(aiohttp.ClientTimeout{
			Total: limit(c.Timeout), DNS: limit(c.ConnectTimeout), Dial: limit(c.ConnectTimeout), TLS: limit(c.ConnectTimeout),
			WriteRequest: limit(c.IdleTimeout), ResponseHeader: limit(c.Timeout), ReadIdle: limit(c.IdleTimeout),
		}),
		aiohttp.WithHeaders(c.Headers),
		aiohttp.WithAutoDecompress(c.Decompress),
		aiohttp.WithMaxBody(c.MaxBytes),
	}
	if c.MaxRedirects > 0 {
		opts = append(opts, aiohttp.WithMaxRedirects(c.MaxRedirects+1)) // the client counts the answers, not the hops
	}
	if r.results != nil {
		opts = append(opts, aiohttp.WithTrace(r.trace()))
	}
	if c.Insecure {
		opts = append(opts, aiohttp.WithInsecureSkipVerify())
	}
	switch {
	case c.Proxy != "":
		opts = append(opts, aiohttp.WithProxy(c.Proxy))
	case c.EnvProxy:
		opts = append(opts, aiohttp.WithProxyFromEnvironment())
	}
	if c.Netrc {
		opts = append(opts, aiohttp.WithNetrc(""))
	}
	return aiohttp.NewClientSession(opts...)
}

// requestOptions are those that a session does not take, the same for every request.
func (r *run) requestOptions() []aiohttp.RequestOption {
	opts := []aiohttp.RequestOption{aiohttp.WithAllowRedirects(r.cfg.MaxRedirects > 0)}
	if r.cfg.Body != nil {
		opts = append(opts, aiohttp.WithData(r.cfg.Body))
	}
	return opts
}

// limit turns "0 is none" into the client's "negative is none".
func limit(d time.Duration) time.Duration {
	if d <= 0 {
		return -1
	}
	return d
}

// openOutput prepares the directory for bodies.
func (r *run) openOutput(ctx context.Context) error {
	if r.cfg.OutputDir == "" || r.cfg.Method == http.MethodHead {
		return nil
	}
	dir, err := asyncio.ToThread(ctx, func(context.Context) (*sink.Dir, error) {
		return sink.Open(r.cfg.OutputDir, sink.Options{Hash: r.cfg.hash(), Replace: r.cfg.Overwrite, Sync: r.cfg.Sync})
	})
	r.dir = dir
	return err
}

func (r *run) closeSession() {
	r.session.Close()
	r.connector.Close()
}

func (r *run) closeOutput() {
	if r.dir != nil {
		r.dir.Close()
	}
}

// startProgress makes the display, and the timer that updates it if there is to be one. Error lines need a display even
// without progress.
func (r *run) startProgress() {
	if !r.cfg.Progress {
		r.display = progress.NewPlain(r.cfg.Stderr)
		return
	}
	r.display = progress.New(r.cfg.Stderr, r.cfg.Getenv)
	var tick func()
	tick = func() {
		r.updateProgress()
		r.ticker = r.loop.CallLater(r.display.Interval(), tick)
	}
	r.ticker = r.loop.CallLater(r.display.Interval(), tick)
}

func (r *run) updateProgress() {
	if r.ticker == nil {
		return
	}
	r.display.Update(progress.State{
		Done: r.sum.OK + r.sum.Failed, Failed: r.sum.Failed, Total: r.total, Exact: r.totalKnown,
		InFlight: r.active, Waiting: len(r.parked), Bytes: r.received,
		Elapsed: r.loop.Time() - r.begun, Stopping: r.ctx.Err() != nil,
	})
}

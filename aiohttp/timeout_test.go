package aiohttp_test

// Every limit fires by itself, tells its own name, and leaves nothing behind.

import (
	"context"
	"errors"
	"iter"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// isTimeout checks everything that must hold for an error of a time limit.
func isTimeout(t *testing.T, err, want error, phase aiohttp.Phase) {
	t.Helper()
	var slow interface{ Timeout() bool }
	var located interface{ Located() aiohttp.Where }
	switch {
	case !errors.Is(err, want):
		t.Errorf("got %v, want %v", err, want)
	case !errors.As(err, &slow) || !slow.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded):
		t.Errorf("%v is no timeout to everybody", err)
	case !errors.Is(err, aiohttp.ErrClient):
		t.Errorf("%v is no client error", err)
	case !errors.As(err, &located) || located.Located().Phase != phase || !strings.HasPrefix(located.Located().URL, "http://h/"):
		t.Errorf("%v: got %+v, want phase %v and the URL", err, located.Located(), phase)
	}
	others := []error{
		aiohttp.ErrPoolTimeout, aiohttp.ErrDNSTimeout, aiohttp.ErrDialTimeout, aiohttp.ErrTLSTimeout,
		aiohttp.ErrWriteTimeout, aiohttp.ErrResponseHeaderTimeout, aiohttp.ErrReadIdleTimeout, aiohttp.ErrTotalTimeout,
	}
	for _, other := range others {
		if other != want && errors.Is(err, other) {
			t.Errorf("%v is also %v", err, other)
		}
	}
}

// silent reads requests and never answers.
func silent(ctx context.Context, p *peer) error {
	for {
		if _, err := p.readHead(ctx); err != nil {
			return err
		}
	}
}

// C25, D11
func TestResponseHeaderTimeout(t *testing.T) {
	run(t, silent, func(ctx context.Context, w *world) error {
		start := asyncio.RunningLoop(ctx).Time()
		_, _, err := w.get(ctx, "http://h/", aiohttp.WithTimeout(aiohttp.ClientTimeout{ResponseHeader: 2 * time.Second}))
		isTimeout(t, err, aiohttp.ErrResponseHeaderTimeout, aiohttp.PhaseHeader)
		if took := asyncio.RunningLoop(ctx).Time() - start; took != 2*time.Second {
			t.Errorf("took %v, want 2s", took)
		}
		if got := w.session.Stats().Connector; got.InUse+got.Idle != 0 || !w.wires[0].closed {
			t.Errorf("got %+v, want the connection gone", got)
		}
		return nil
	})
}

// C27: the connection of a request that ran out of time is not used again.
func TestTotalTimeoutClosesTheConnection(t *testing.T) {
	for _, c := range []struct {
		name   string
		script script
		phase  aiohttp.Phase
	}{
		{"no answer", silent, aiohttp.PhaseHeader},
		{"no body", func(ctx context.Context, p *peer) error {
			p.readHead(ctx)
			p.send(ctx, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
			return silent(ctx, p)
		}, aiohttp.PhaseBody},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer := false
			run(t, func(ctx context.Context, p *peer) error {
				if answer {
					return answers(hello)(ctx, p)
				}
				return c.script(ctx, p)
			}, func(ctx context.Context, w *world) error {
				for range 2 {
					_, _, err := w.get(ctx, "http://h/", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: 500 * time.Millisecond}))
					isTimeout(t, err, aiohttp.ErrTotalTimeout, c.phase)
				}
				answer = true
				_, body, err := w.get(ctx, "http://h/")
				if body != "hello" || len(w.wires) != 3 {
					t.Errorf("got %q over connection %d", body, len(w.wires))
				}
				return err
			})
		})
	}
}

// C25: the gap between two arrivals counts, not the whole.
func TestReadIdleTimeout(t *testing.T) {
	drip := func(gap time.Duration) script {
		return func(ctx context.Context, p *peer) error {
			p.readHead(ctx)
			p.send(ctx, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
			for range 4 {
				if err := asyncio.Sleep(ctx, gap); err != nil {
					return err
				}
				p.send(ctx, "x")
			}
			return nil
		}
	}
	limit := aiohttp.WithTimeout(aiohttp.ClientTimeout{ReadIdle: 200 * time.Millisecond})
	run(t, drip(100*time.Millisecond), func(ctx context.Context, w *world) error {
		_, body, err := w.get(ctx, "http://h/", limit)
		if body != "xxxx" {
			t.Errorf("got %q", body)
		}
		return err
	})
	run(t, drip(5*time.Second), func(ctx context.Context, w *world) error {
		_, _, err := w.get(ctx, "http://h/", limit)
		isTimeout(t, err, aiohttp.ErrReadIdleTimeout, aiohttp.PhaseBody)
		return asyncio.Sleep(ctx, time.Minute)
	})
}

// A slow consumer does not use up the limit for the server.
func TestReadIdleDoesNotCountTheConsumer(t *testing.T) {
	run(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"+strings.Repeat("x", 200_000)), func(ctx context.Context, w *world) error {
		resp, err := w.session.Get(ctx, "http://h/", aiohttp.WithTimeout(aiohttp.ClientTimeout{ReadIdle: time.Second}))
		if err != nil {
			return err
		}
		defer resp.Close()
		for _, err := range resp.Content.IterChunked(50_000) {
			if err != nil {
				return err
			}
			if err := asyncio.Sleep(ctx, 5*time.Second); err != nil {
				return err
			}
		}
		return nil
	})
}

// endless is a server whose body never ends: one piece after the other, with a pause between them.
func endless(piece string, pause time.Duration) func(ctx context.Context, p *peer) error {
	return func(ctx context.Context, p *peer) error {
		p.wire.in.room = 1 << 20
		p.readHead(ctx)
		p.send(ctx, "HTTP/1.1 200 OK\r\n\r\n")
		for {
			if err := p.send(ctx, piece); err != nil {
				return err
			}
			if pause == 0 {
				continue // only the client's reading holds it up
			}
			if err := asyncio.Sleep(ctx, pause); err != nil {
				return err
			}
		}
	}
}

// C28: the total limit holds even if there is always something to read.
func TestTotalTimeoutWithFullBuffer(t *testing.T) {
	run(t, endless(strings.Repeat("x", 100_000), 0), func(ctx context.Context, w *world) error {
		resp, err := w.session.Get(ctx, "http://h/", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: 500 * time.Millisecond}))
		if err != nil {
			return err
		}
		defer resp.Close()
		for {
			if _, err := resp.Content.ReadAny(ctx); err != nil {
				isTimeout(t, err, aiohttp.ErrTotalTimeout, aiohttp.PhaseBody)
				return nil
			}
			if err := asyncio.Sleep(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
	})
}

// C28: nor does it matter how little is taken at a time of what was read ahead.
func TestTotalTimeoutReadingByteByByte(t *testing.T) {
	for name, pieces := range map[string]func(*aiohttp.StreamReader) iter.Seq2[[]byte, error]{
		"chunks": func(s *aiohttp.StreamReader) iter.Seq2[[]byte, error] { return s.IterChunked(1) },
		"lines":  (*aiohttp.StreamReader).Lines,
	} {
		run(t, endless(strings.Repeat("x\n", 1000), 10*time.Millisecond), func(ctx context.Context, w *world) error {
			begun := asyncio.RunningLoop(ctx).Time()
			resp, err := w.session.Get(ctx, "http://h/", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: 500 * time.Millisecond}))
			if err != nil {
				return err
			}
			defer resp.Close()
			for _, err = range pieces(resp.Content) {
				if err != nil {
					break
				}
				if err := asyncio.Sleep(ctx, 10*time.Millisecond); err != nil {
					return err
				}
			}
			isTimeout(t, err, aiohttp.ErrTotalTimeout, aiohttp.PhaseBody)
			if took := asyncio.RunningLoop(ctx).Time() - begun; took > 520*time.Millisecond {
				t.Errorf("%s: the error came after %v, want it after 500 ms", name, took)
			}
			if _, err := resp.Content.ReadAny(ctx); !errors.Is(err, aiohttp.ErrTotalTimeout) {
				t.Errorf("%s: the next read: got %v, want the timeout again", name, err)
			}
			return asyncio.Sleep(ctx, 20*time.Millisecond) // for the server to notice
		})
	}
}

// The limit is for the server: a body that has arrived in time can be read at leisure.
func TestTotalTimeoutSparesWhatIsHere(t *testing.T) {
	const text = "one\ntwo\nthree\n"
	run(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n"+text), func(ctx context.Context, w *world) error {
		resp, err := w.session.Get(ctx, "http://h/", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: 500 * time.Millisecond}))
		if err != nil {
			return err
		}
		defer resp.Close()
		var got []byte
		for piece, err := range resp.Content.IterChunked(2) {
			if err != nil {
				return err
			}
			got = append(got, piece...)
			if err := asyncio.Sleep(ctx, time.Second); err != nil {
				return err
			}
		}
		if string(got) != text {
			t.Errorf("got %q, want %q", got, text)
		}
		return nil
	})
}

func TestPoolTimeout(t *testing.T) {
	runWith(t, silent, func(ctx context.Context, w *world) error {
		first := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			_, _, err := w.get(ctx, "http://h/", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: 3 * time.Second}))
			isTimeout(t, err, aiohttp.ErrTotalTimeout, aiohttp.PhaseHeader)
			return struct{}{}, nil
		})
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		_, _, err := w.get(ctx, "http://h/", aiohttp.WithTimeout(aiohttp.ClientTimeout{Pool: time.Second}))
		isTimeout(t, err, aiohttp.ErrPoolTimeout, aiohttp.PhasePool)
		_, _, err = w.get(ctx, "http://h/", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: time.Second}))
		isTimeout(t, err, aiohttp.ErrTotalTimeout, aiohttp.PhasePool)
		_, err = first.Await(ctx)
		if got := w.session.Stats().Connector; got.InUse+got.Waiting != 0 {
			t.Errorf("got %+v, want nothing left", got)
		}
		return err
	}, []aiohttp.ConnectorOption{aiohttp.WithLimit(1)})
}

// A server that stops reading: a body that is written at once, and one that is not.
func TestWriteTimeout(t *testing.T) {
	deaf := func(ctx context.Context, p *peer) error { return asyncio.Sleep(ctx, time.Hour) }
	aBody := func() []any {
		var seq iter.Seq2[[]byte, error] = func(yield func([]byte, error) bool) {
			for yield([]byte(strings.Repeat("x", 10_000)), nil) {
			}
		}
		return []any{make([]byte, 10_000), make([]byte, 1<<20), seq}
	}
	for _, body := range aBody() {
		run(t, deaf, func(ctx context.Context, w *world) error {
			w.room = 5_000
			_, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(body), aiohttp.WithTimeout(aiohttp.ClientTimeout{WriteRequest: time.Second}))
			isTimeout(t, err, aiohttp.ErrWriteTimeout, aiohttp.PhaseWrite)
			_, err = w.session.Post(ctx, "http://h/", aiohttp.WithData(make([]byte, 1<<20)), aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: time.Second}))
			isTimeout(t, err, aiohttp.ErrTotalTimeout, aiohttp.PhaseWrite)
			if got := w.session.Stats().Connector; got.InUse != 0 {
				t.Errorf("got %+v, want nothing left", got)
			}
			return asyncio.Sleep(ctx, time.Hour) // lets the server's tasks end
		})
	}
}

func TestHeaderTimeoutCountsFromTheEndOfTheRequest(t *testing.T) {
	slowReader := func(ctx context.Context, p *peer) error {
		head, err := p.readHead(ctx)
		if err != nil {
			return err
		}
		for range 10 {
			if err := asyncio.Sleep(ctx, 500*time.Millisecond); err != nil {
				return err
			}
			if _, err := p.readN(ctx, 10_000); err != nil {
				return err
			}
		}
		if strings.HasPrefix(head, "POST /silent") {
			return silent(ctx, p)
		}
		return p.send(ctx, hello)
	}
	for _, path := range []string{"/", "/silent"} {
		run(t, slowReader, func(ctx context.Context, w *world) error {
			w.room = 10_000
			resp, err := w.session.Post(ctx, "http://h"+path, aiohttp.WithData(make([]byte, 100_000)),
				aiohttp.WithTimeout(aiohttp.ClientTimeout{ResponseHeader: time.Second}))
			if path == "/silent" {
				isTimeout(t, err, aiohttp.ErrResponseHeaderTimeout, aiohttp.PhaseHeader)
				return nil
			}
			if err != nil {
				return err
			}
			_, err = resp.Read(ctx)
			return err
		})
	}
}

// C29; D10: limits are kept to the millisecond, however long they are.
func TestTotalIsRaisedByLongerMembers(t *testing.T) {
	run(t, silent, func(ctx context.Context, w *world) error {
		for _, c := range []struct {
			limits aiohttp.ClientTimeout
			want   time.Duration
		}{
			{aiohttp.ClientTimeout{}, 5 * time.Minute},
			{aiohttp.ClientTimeout{Total: 7301 * time.Millisecond}, 7301 * time.Millisecond},
			{aiohttp.ClientTimeout{ReadIdle: 10 * time.Minute}, 10 * time.Minute},
			{aiohttp.ClientTimeout{Total: time.Second, ReadIdle: 10 * time.Minute}, time.Second},
		} {
			l := asyncio.RunningLoop(ctx)
			start := l.Time()
			_, _, err := w.get(ctx, "http://h/", aiohttp.WithTimeout(c.limits))
			isTimeout(t, err, aiohttp.ErrTotalTimeout, aiohttp.PhaseHeader)
			if took := l.Time() - start; took != c.want {
				t.Errorf("%+v: took %v, want %v", c.limits, took, c.want)
			}
		}
		return nil
	})
}

// C29: no limit means none.
func TestNegativeTotalMeansNoLimit(t *testing.T) {
	run(t, func(ctx context.Context, p *peer) error {
		p.readHead(ctx)
		if err := asyncio.Sleep(ctx, 24*time.Hour); err != nil {
			return err
		}
		return p.send(ctx, hello)
	}, func(ctx context.Context, w *world) error {
		_, _, err := w.get(ctx, "http://h/", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: -1}))
		return err
	})
}

// The caller's own deadline is the caller's own error, and costs the connection.
func TestContextDeadlineAndCancellation(t *testing.T) {
	run(t, silent, func(ctx context.Context, w *world) error {
		_, err := asyncio.Timeout(ctx, time.Second, func(ctx context.Context) (struct{}, error) {
			_, _, err := w.get(ctx, "http://h/")
			return struct{}{}, err
		})
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, aiohttp.ErrClient) {
			t.Errorf("got %v, want the deadline of the context", err)
		}
		task := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			_, _, err := w.get(ctx, "http://h/")
			return struct{}{}, err
		})
		asyncio.Sleep(ctx, time.Second)
		task.Cancel(nil)
		if _, err := task.Await(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want a cancellation", err)
		}
		if got := w.session.Stats().Connector; got.InUse+got.Idle != 0 {
			t.Errorf("got %+v, want no connection left", got)
		}
		return nil
	})
}

// C49, C43: a cancelled waiter leaves no trace and takes nobody's turn.
func TestCancelledWaiterDoesNotStarveOthers(t *testing.T) {
	runWith(t, func(ctx context.Context, p *peer) error {
		for {
			if _, err := p.readHead(ctx); err != nil {
				return err
			}
			if err := asyncio.Sleep(ctx, time.Second); err != nil {
				return err
			}
			p.send(ctx, hello)
		}
	}, func(ctx context.Context, w *world) error {
		fetch := func(ctx context.Context) (string, error) {
			_, body, err := w.get(ctx, "http://h/")
			return body, err
		}
		var tasks []*asyncio.Task[string]
		for range 5 {
			tasks = append(tasks, asyncio.CreateTask(ctx, fetch))
		}
		asyncio.Sleep(ctx, 500*time.Millisecond)
		tasks[1].Cancel(nil)
		tasks[3].Cancel(nil)
		for i, task := range tasks {
			if _, err := task.Await(ctx); errors.Is(err, context.Canceled) != (i == 1 || i == 3) {
				t.Errorf("request %d: got %v", i, err)
			}
		}
		if got := w.session.Stats().Connector; len(w.wires) != 1 || got.Waiting+got.InUse != 0 {
			t.Errorf("got %d connections and %+v", len(w.wires), got)
		}
		return nil
	}, []aiohttp.ConnectorOption{aiohttp.WithLimit(1)})
}

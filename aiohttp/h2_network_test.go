package aiohttp_test

// HTTP/2 over a simulated network: the server is a script of frames in a task, time is virtual, and links lose and cut what
// they carry.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// h2World is a network with a client and a server that speaks HTTP/2 from the first byte.
type h2World struct {
	net      *aiotest.Network
	settings []http2.Setting
	serve    func(ctx context.Context, c *h2ServerConn, stream uint32, path string) // in a task of its own
	log      []string                                                               // frames the server got, those of bodies with their length
	packets  int                                                                    // reads it took
	conns    int
	silent   bool // pings are not answered
	heads    [][]hpack.HeaderField
	stop     bool // nothing is read behind a head
	options  []aiohttp.ConnectorOption
}

// h2ServerConn is one connection of the server. Writes of several tasks do not mix.
type h2ServerConn struct {
	*http2.Framer
	world *h2World
	conn  *asyncio.Conn
	n     int // which connection this is, from 1
	out   bytes.Buffer
	reset map[uint32]*asyncio.Event // streams the client has given up
	body  map[uint32]int            // bytes that came
}

// run runs body on the client, with a session whose requests go to http://server/.
func (w *h2World) run(t *testing.T, body func(ctx context.Context, s *aiohttp.ClientSession) error) {
	t.Helper()
	if w.net == nil {
		w.net = aiotest.NewNetwork(aiotest.WithDefaultLink(aiotest.Link{Latency: 10 * time.Millisecond}))
	}
	client, server := w.net.Host("client"), w.net.Host("server")
	if w.serve == nil {
		w.serve = h2Pages
	}
	aiotest.Run(t, func(ctx context.Context) error {
		listener, err := asyncio.Listen(server.Context(ctx), "tcp", ":80")
		if err != nil {
			return err
		}
		accepting := asyncio.CreateTask(server.Context(ctx), func(ctx context.Context) (struct{}, error) {
			for {
				conn, err := listener.Accept(ctx)
				if err != nil {
					return struct{}{}, nil
				}
				w.conns++
				c := &h2ServerConn{world: w, conn: conn, n: w.conns, reset: map[uint32]*asyncio.Event{}, body: map[uint32]int{}}
				asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) { c.run(ctx); return struct{}{}, nil })
			}
		})
		s := newSession(append(w.options, aiohttp.WithHTTP2PriorKnowledge())...)
		err = errors.Join(body(client.Context(ctx), s), s.Connector().Close(), s.Close(), listener.Close())
		_, _ = accepting.Await(ctx)
		return err
	}, aiotest.WithNetwork(w.net))
}

// Read implements io.Reader: it counts what arrives at once.
func (c *h2ServerConn) Read(p []byte) (int, error) {
	c.world.packets++
	return c.conn.Read(p)
}

func (c *h2ServerConn) run(ctx context.Context) {
	defer c.conn.Close()
	in := newBufferedReader(c)
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(in, preface); err != nil || string(preface) != http2.ClientPreface {
		return
	}
	c.Framer = http2.NewFramer(&c.out, in)
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.WriteSettings(c.world.settings...)
	c.flush(ctx)
	asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
		for {
			f, err := c.ReadFrame()
			if err != nil {
				return err
			}
			c.note(f)
			switch f := f.(type) {
			case *http2.SettingsFrame:
				if !f.IsAck() {
					c.WriteSettingsAck()
				}
			case *http2.PingFrame:
				if !f.IsAck() && !c.world.silent {
					c.WritePing(true, f.Data)
				}
			case *http2.MetaHeadersFrame:
				id, path := f.StreamID, f.PseudoValue("path")
				c.world.heads = append(c.world.heads, slices.Clone(f.Fields))
				c.reset[id] = new(asyncio.Event)
				g.Go(func(ctx context.Context) error { c.world.serve(ctx, c, id, path); return c.flush(ctx) })
				if c.world.stop {
					return asyncio.Sleep(ctx, time.Minute)
				}
			case *http2.DataFrame:
				c.body[f.StreamID] += len(f.Data())
				if f.Length > 0 {
					c.WriteWindowUpdate(0, f.Length)
				}
			case *http2.RSTStreamFrame:
				c.reset[f.StreamID].Set()
			case *http2.GoAwayFrame:
				return io.EOF
			}
			if err := c.flush(ctx); err != nil {
				return err
			}
		}
	})
}

func (c *h2ServerConn) note(f http2.Frame) {
	h := f.Header()
	line := fmt.Sprintf("%v %d", h.Type, h.StreamID)
	switch f := f.(type) {
	case *http2.RSTStreamFrame:
		line += " " + f.ErrCode.String()
	case *http2.GoAwayFrame:
		line += " " + f.ErrCode.String()
	case *http2.DataFrame:
		line += fmt.Sprint(" ", len(f.Data()))
	}
	c.world.log = append(c.world.log, line)
}

// flush sends what was written.
func (c *h2ServerConn) flush(ctx context.Context) error {
	out := bytes.Clone(c.out.Bytes())
	c.out.Reset()
	_, err := c.conn.WriteContext(ctx, out)
	return err
}

// respond writes a head.
func (c *h2ServerConn) respond(stream uint32, end bool, fields ...string) {
	(&h2Peer{Framer: c.Framer}).respond(stream, end, fields...)
}

// newBufferedReader reads ahead what arrives together.
func newBufferedReader(r io.Reader) io.Reader { return &readAhead{r: r} }

type readAhead struct {
	r   io.Reader
	buf [64 << 10]byte
	in  []byte
}

func (a *readAhead) Read(p []byte) (int, error) {
	if len(a.in) == 0 {
		n, err := a.r.Read(a.buf[:])
		if a.in = a.buf[:n]; err != nil {
			return 0, err
		}
	}
	n := copy(p, a.in)
	a.in = a.in[n:]
	return n, nil
}

// h2Pages answers every request with its path.
func h2Pages(ctx context.Context, c *h2ServerConn, stream uint32, path string) {
	c.respond(stream, false)
	c.WriteData(stream, true, []byte(path))
}

// Requests that begin together travel together and take one round trip; so do those that follow.
func TestHTTP2RequestsTravelTogether(t *testing.T) {
	w := &h2World{serve: h2Pages}
	w.run(t, func(ctx context.Context, s *aiohttp.ClientSession) error {
		if _, err := fetch(ctx, s, "http://server/first"); err != nil {
			return err
		}
		before := w.packets
		took := aiotest.Elapsed(ctx, func() {
			var tasks []*asyncio.Task[string]
			for i := range 90 {
				tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
					var got string
					for round := range 3 {
						path := fmt.Sprintf("/%d/%d", i, round)
						var err error
						if got, err = fetch(ctx, s, "http://server"+path); err != nil || got != path {
							return got, fmt.Errorf("got %q and %v, want %s", got, err, path)
						}
					}
					return got, nil
				}))
			}
			if _, err := asyncio.Gather(ctx, tasks...).Await(ctx); err != nil {
				t.Error(err)
			}
		})
		if took != 60*time.Millisecond {
			t.Errorf("took %v, want three round trips", took)
		}
		if got := w.packets - before; got > 3*6 {
			t.Errorf("270 requests came in %d packets, want a few", got)
		}
		if st := s.Stats().Connector; st.Dialed != 1 || st.Idle != 1 {
			t.Errorf("got %+v, want one connection", st)
		}
		return nil
	})
}

// A link that loses packets and resets connections in the middle of answers: what fails says so with a type, what can be
// repeated is, and nothing is mixed up.
func TestHTTP2OverABadLink(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 4096)
	w := &h2World{net: aiotest.NewNetwork(aiotest.WithDefaultLink(aiotest.Link{Latency: 10 * time.Millisecond, Jitter: 5 * time.Millisecond}), aiotest.WithNetworkSeed(5))}
	w.serve = func(ctx context.Context, c *h2ServerConn, stream uint32, path string) {
		c.respond(stream, false)
		for piece := range slices.Chunk([]byte(path+big), 1000) {
			c.WriteData(stream, false, piece)
			if c.flush(ctx) != nil {
				return
			}
		}
		c.WriteData(stream, true, nil)
	}
	w.net.Host("client")
	w.net.Host("server")
	w.net.Inject(aiotest.Loss(0.01))
	w.net.Inject(aiotest.Reset().From("server").AfterBytes(300_000).Times(5))
	w.run(t, func(ctx context.Context, s *aiohttp.ClientSession) error {
		failed, answered := 0, 0
		for round := range 10 {
			var tasks []*asyncio.Task[string]
			for i := range 5 {
				tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
					path := fmt.Sprintf("/%d/%d", round, i)
					got, err := fetch(ctx, s, "http://server"+path)
					if err == nil && got != path+big {
						t.Errorf("%s got an answer that is not its own: %.20q, %d bytes", path, got, len(got))
					}
					return got, err
				}))
			}
			asyncio.Wait(ctx, tasks).Await(ctx)
			for _, task := range tasks {
				_, err := task.Result()
				switch {
				case err == nil:
					answered++
				case errors.Is(err, aiohttp.ErrServerConnection) || errors.Is(err, aiohttp.ErrClientPayload):
					failed++
				default:
					t.Errorf("got %v (%T), want an error of the connection or of the body", err, err)
				}
			}
		}
		if answered < 20 || failed == 0 || w.conns < 2 {
			t.Errorf("%d answered, %d failed over %d connections, want some of each", answered, failed, w.conns)
		}
		return nil
	})
}

// A server that falls silent is asked after the time of WithHTTP2Ping, and given up after its timeout; one that answers is not.
func TestHTTP2PingKeepsTime(t *testing.T) {
	for _, silent := range []bool{false, true} {
		w := &h2World{silent: silent, options: []aiohttp.ConnectorOption{aiohttp.WithHTTP2Ping(20*time.Second, 5*time.Second)}}
		w.serve = func(ctx context.Context, c *h2ServerConn, stream uint32, path string) {
			if asyncio.Sleep(ctx, 2*time.Minute) == nil {
				h2Pages(ctx, c, stream, path)
			}
		}
		w.run(t, func(ctx context.Context, s *aiohttp.ClientSession) error {
			var err error
			took := aiotest.Elapsed(ctx, func() { _, err = fetch(ctx, s, "http://server/") })
			var e *aiohttp.ServerDisconnectedError
			if silent && (!errors.As(err, &e) || took.Round(time.Second) != 25*time.Second) {
				t.Errorf("got %v after %v, want the connection given up after 25 s", err, took)
			}
			if !silent && err != nil {
				t.Errorf("got %v after %v, want the answer waited for", err, took)
			}
			return nil
		})
	}
}

// Nobody reads: the server stops at the stream's window, other streams go on, and with the first read it does too. What is given
// up costs the stream only.
func TestUnreadHTTP2BodyStopsTheServer(t *testing.T) {
	sent := 0
	w := &h2World{}
	w.serve = func(ctx context.Context, c *h2ServerConn, stream uint32, path string) {
		if path != "/big" {
			h2Pages(ctx, c, stream, path)
			return
		}
		c.respond(stream, false)
		const window = 4 << 20
		for piece := range slices.Chunk(make([]byte, window), 16<<10) {
			c.WriteData(stream, false, piece)
			if c.flush(ctx) != nil {
				return
			}
			sent += len(piece)
		}
		c.reset[stream].Wait(ctx)
	}
	w.run(t, func(ctx context.Context, s *aiohttp.ClientSession) error {
		resp, err := s.Get(ctx, "http://server/big")
		if err != nil {
			return err
		}
		if got, err := fetch(ctx, s, "http://server/small"); got != "/small" || err != nil {
			t.Errorf("beside it: got %q and %v", got, err)
		}
		for sent < 4<<20 {
			asyncio.Sleep(ctx, time.Second)
		}
		asyncio.Sleep(ctx, time.Second)
		if slices.ContainsFunc(w.log[1:], func(line string) bool { return strings.HasPrefix(line, "WINDOW_UPDATE 1") }) {
			t.Error("a window was given back before anything was read")
		}
		if _, err := resp.Content.ReadExactly(ctx, 3<<20); err != nil {
			return err
		}
		asyncio.Sleep(ctx, time.Second)
		if !slices.Contains(w.log, "WINDOW_UPDATE 1") {
			t.Errorf("no window was given back after reading: %q", w.log)
		}
		resp.Close()
		got, err := fetch(ctx, s, "http://server/after")
		if got != "/after" || !slices.Contains(w.log, "RST_STREAM 1 CANCEL") {
			t.Errorf("got %q and %v, frames %q", got, err, w.log)
		}
		if st := s.Stats().Connector; st.Dialed != 1 || st.Idle != 1 {
			t.Errorf("got %+v, want the connection to live on", st)
		}
		return err
	})
}

// A head has its pseudo-header fields first, names in lower case, a field for each cookie, nothing that belongs to HTTP/1; what
// could be guessed is not remembered on the way.
func TestHTTP2RequestHeads(t *testing.T) {
	w := &h2World{}
	w.run(t, func(ctx context.Context, s *aiohttp.ClientSession) error {
		_, err := fetch(ctx, s, "http://server/p?q=%20#f", aiohttp.WithHeaders(http.Header{
			"Connection": {"keep-alive"}, "Keep-Alive": {"5"}, "Te": {"gzip"}, "X-Mixed-Case": {"One", "Two"}, "Host": {"other.example"},
		}), aiohttp.WithAuth("user", "password"), aiohttp.WithSkipAutoHeaders("User-Agent", "Accept-Encoding"),
			aiohttp.WithCookies(&http.Cookie{Name: "long", Value: strings.Repeat("x", 40)}, &http.Cookie{Name: "s", Value: "1"}))
		if err != nil {
			return err
		}
		var got []string
		for _, f := range w.heads[0] {
			line := f.Name + "=" + f.Value
			if f.Sensitive {
				line += " (sensitive)"
			}
			got = append(got, line)
		}
		want := []string{
			":method=GET", ":scheme=http", ":authority=other.example", ":path=/p?q=%20", "accept=*/*",
			"authorization=Basic dXNlcjpwYXNzd29yZA== (sensitive)",
			"cookie=long=" + strings.Repeat("x", 40), "cookie=s=1 (sensitive)", "x-mixed-case=One", "x-mixed-case=Two",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		return nil
	})
}

// A body that an iterator produces ends with an answer that makes the rest superfluous, although the server says nothing else and
// lets nothing in.
func TestHTTP2RefusalEndsAnIterator(t *testing.T) {
	for _, refusal := range []string{"403", "200"} {
		w := &h2World{}
		w.serve = func(ctx context.Context, c *h2ServerConn, stream uint32, path string) {
			asyncio.Sleep(ctx, time.Second)
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, EndHeaders: true, EndStream: refusal == "200",
				BlockFragment: map[string][]byte{"200": {0x88}, "403": {0x08, 0x03, '4', '0', '3'}}[refusal]})
			c.flush(ctx)
			asyncio.Sleep(ctx, time.Second)
			if refusal == "403" {
				c.WriteData(stream, true, []byte("no"))
			}
		}
		w.run(t, func(ctx context.Context, s *aiohttp.ClientSession) error {
			ended := false
			resp, err := s.Post(ctx, "http://server/", aiohttp.WithData(func(yield func([]byte, error) bool) {
				for yield(make([]byte, 10_000), nil) {
				}
				ended = true
			}))
			if err != nil {
				return err
			}
			got, err := resp.Text(ctx)
			if want := map[string]string{"403": "no", "200": ""}[refusal]; got != want || err != nil || !ended || resp.UploadComplete() {
				t.Errorf("%s: got %q and %v, ended %t", refusal, got, err, ended)
			}
			asyncio.Sleep(ctx, time.Second)
			if last := w.log[len(w.log)-1]; last != "RST_STREAM 1 NO_ERROR" {
				t.Errorf("%s: the last frame is %s", refusal, last)
			}
			return nil
		})
	}
}

// A server that ends its side while it takes nothing is gone, whatever waits to be sent.
func TestHTTP2ServerThatHangsUpHalfWay(t *testing.T) {
	w := &h2World{net: aiotest.NewNetwork(aiotest.WithSocketBuffers(4 << 10))}
	w.serve = func(ctx context.Context, c *h2ServerConn, stream uint32, path string) {
		c.conn.CloseWrite()
		asyncio.Sleep(ctx, time.Minute)
	}
	w.stop = true
	w.run(t, func(ctx context.Context, s *aiohttp.ClientSession) error {
		var err error
		took := aiotest.Elapsed(ctx, func() { _, err = s.Post(ctx, "http://server/", aiohttp.WithData(make([]byte, 1<<20))) })
		var e *aiohttp.ServerDisconnectedError
		if !errors.As(err, &e) || took > time.Second {
			t.Errorf("got %v after %v, want a disconnect at once", err, took)
		}
		return asyncio.Sleep(ctx, 2*time.Minute) // until the server is done
	})
}

// Bytes are handed on when they arrive, not with the end of the body.
func TestHTTP2BytesDoNotWaitForTheEnd(t *testing.T) {
	w := &h2World{serve: func(ctx context.Context, c *h2ServerConn, stream uint32, path string) {
		c.respond(stream, false, "content-length", "4")
		c.WriteData(stream, false, []byte("body"))
		c.flush(ctx)
		asyncio.Sleep(ctx, time.Hour)
		c.WriteData(stream, true, nil)
	}}
	w.run(t, func(ctx context.Context, s *aiohttp.ClientSession) error {
		resp, err := s.Get(ctx, "http://server/", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: -1}))
		if err != nil {
			return err
		}
		var got []byte
		took := aiotest.Elapsed(ctx, func() { got, err = resp.Content.ReadExactly(ctx, 4) })
		if string(got) != "body" || err != nil || took > time.Second {
			t.Errorf("got %q and %v after %v", got, err, took)
		}
		return resp.Close()
	})
}

// Interim answers, consent to a body and early refusals.
func TestHTTP2InterimAnswers(t *testing.T) {
	w := &h2World{settings: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 10_000}}}
	w.serve = func(ctx context.Context, c *h2ServerConn, stream uint32, path string) {
		h := &h2Peer{Framer: c.Framer}
		interim := func(status string) {
			var block strings.Builder
			hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: status})
			h.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte(block.String()), EndHeaders: true})
		}
		switch path {
		case "/continue", "/hints":
			asyncio.Sleep(ctx, 300*time.Millisecond)
			if c.body[stream] > 0 {
				t.Error("the body came before consent")
			}
			interim(map[string]string{"/continue": "100", "/hints": "103"}[path])
			c.flush(ctx)
			asyncio.Sleep(ctx, 2*time.Second)
			h2Pages(ctx, c, stream, fmt.Sprint(c.body[stream]))
		case "/refuse":
			c.respond(stream, true, "x", "no")
		case "/endless":
			for range 100 {
				interim("103")
			}
		}
	}
	w.run(t, func(ctx context.Context, s *aiohttp.ClientSession) error {
		for _, path := range []string{"/continue", "/hints"} {
			resp, err := s.Post(ctx, "http://server"+path, aiohttp.WithData(bytes.NewReader(make([]byte, 5000))), aiohttp.WithExpect100())
			if err != nil {
				return err
			}
			if got, err := resp.Text(ctx); got != "5000" || err != nil || !resp.UploadComplete() {
				t.Errorf("%s: got %q and %v", path, got, err)
			}
		}
		resp, err := s.Post(ctx, "http://server/refuse", aiohttp.WithData(io.LimitReader(zeros{}, 1<<20)), aiohttp.WithExpect100())
		if err != nil || !resp.Closed() || resp.UploadComplete() {
			t.Errorf("refused: got %v and %v", resp, err)
		}
		asyncio.Sleep(ctx, time.Second)
		if got := w.log[len(w.log)-1]; got != "RST_STREAM 5 NO_ERROR" {
			t.Errorf("the last frame is %s, want the server told that the body is not coming", got)
		}
		_, err = s.Get(ctx, "http://server/endless")
		var e *aiohttp.ClientResponseError
		if !errors.As(err, &e) {
			t.Errorf("got %v, want so many interim answers refused", err)
		}
		return nil
	})
}

// A server that says goodbye finishes what it has begun; those that come go elsewhere; the connection ends with the last of them.
func TestHTTP2ServerRestartsGracefully(t *testing.T) {
	w := &h2World{serve: func(ctx context.Context, c *h2ServerConn, stream uint32, path string) {
		if path == "/restart" {
			c.WriteGoAway(1<<31-1, http2.ErrCodeNo, nil)
			c.flush(ctx)
			asyncio.Sleep(ctx, time.Second)
			c.WriteGoAway(stream, http2.ErrCodeNo, nil)
		}
		asyncio.Sleep(ctx, time.Second)
		h2Pages(ctx, c, stream, fmt.Sprint(path, c.n))
	}}
	w.run(t, func(ctx context.Context, s *aiohttp.ClientSession) error {
		slow := asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) { return fetch(ctx, s, "http://server/restart") })
		asyncio.Sleep(ctx, 500*time.Millisecond)
		if got, err := fetch(ctx, s, "http://server/next"); got != "/next2" || err != nil {
			t.Errorf("got %q and %v, want another connection", got, err)
		}
		if got, err := slow.Await(ctx); got != "/restart1" || err != nil {
			t.Errorf("got %q and %v, want the answer that was under way", got, err)
		}
		asyncio.Sleep(ctx, time.Second)
		if st := s.Stats().Connector; st.Idle != 1 || st.InUse != 0 || !slices.Contains(w.log, "GOAWAY 0 NO_ERROR") {
			t.Errorf("got %+v, want the first connection closed", st)
		}
		return nil
	})
}

// A connection that is idle is watched: a server that hangs up or says goodbye is not asked again.
func TestIdleHTTP2ConnectionIsWatched(t *testing.T) {
	for name, leave := range map[string]func(ctx context.Context, c *h2ServerConn){
		"closes": func(_ context.Context, c *h2ServerConn) { c.conn.Close() },
		"resets": func(_ context.Context, c *h2ServerConn) { c.conn.Abort() },
		"goodbye": func(ctx context.Context, c *h2ServerConn) {
			c.WriteGoAway(1, http2.ErrCodeNo, nil)
			c.flush(ctx)
		},
		"nonsense": func(ctx context.Context, c *h2ServerConn) {
			c.WriteRawFrame(http2.FrameData, 0, 0, nil)
			c.flush(ctx)
		},
	} {
		w := &h2World{serve: func(ctx context.Context, c *h2ServerConn, stream uint32, path string) {
			h2Pages(ctx, c, stream, fmt.Sprint(c.n))
			if c.n == 1 {
				c.flush(ctx)
				asyncio.Sleep(ctx, time.Second)
				leave(ctx, c)
			}
		}}
		w.run(t, func(ctx context.Context, s *aiohttp.ClientSession) error {
			if _, err := fetch(ctx, s, "http://server/"); err != nil {
				return err
			}
			asyncio.Sleep(ctx, 2*time.Second)
			if st := s.Stats().Connector; st.Idle != 0 || st.InUse != 0 {
				t.Errorf("%s: got %+v, want nothing left", name, st)
			}
			got, err := fetch(ctx, s, "http://server/")
			if got != "2" {
				t.Errorf("%s: got %q, want a second connection", name, got)
			}
			return err
		})
	}
}

// Uploads share what the server lets in, and each ends however the others do.
func TestHTTP2UploadsShareTheWindow(t *testing.T) {
	w := &h2World{}
	w.serve = func(ctx context.Context, c *h2ServerConn, stream uint32, path string) {
		given := 0
		for c.body[stream] < 200_000 && !c.reset[stream].IsSet() {
			if got := c.body[stream]; got > given {
				c.WriteWindowUpdate(stream, uint32(got-given))
				given = got
				c.flush(ctx)
			}
			if asyncio.Sleep(ctx, time.Millisecond) != nil {
				return
			}
		}
		h2Pages(ctx, c, stream, fmt.Sprint(c.body[stream]))
	}
	pieces := func() iter.Seq2[[]byte, error] {
		return func(yield func([]byte, error) bool) {
			for range 20 {
				if !yield(make([]byte, 10_000), nil) {
					return
				}
			}
		}
	}
	w.run(t, func(ctx context.Context, s *aiohttp.ClientSession) error {
		var tasks []*asyncio.Task[string]
		for i := range 10 {
			tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
				body := aiohttp.WithData(make([]byte, 200_000))
				if i%2 == 0 {
					body = aiohttp.WithData(pieces())
				}
				resp, err := s.Post(ctx, "http://server/", body)
				if err != nil {
					return "", err
				}
				if resp.OutputSize() != 200_000 || !resp.UploadComplete() {
					t.Errorf("got %d bytes sent", resp.OutputSize())
				}
				return resp.Text(ctx)
			}))
		}
		cancelled := asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
			resp, err := s.Post(ctx, "http://server/", aiohttp.WithData(io.LimitReader(zeros{}, 1<<30)))
			if err != nil {
				return "", err
			}
			return resp.Text(ctx)
		})
		asyncio.Sleep(ctx, 50*time.Millisecond)
		cancelled.Cancel(nil)
		got, err := asyncio.Gather(ctx, tasks...).Await(ctx)
		for _, text := range got {
			if text != "200000" {
				t.Errorf("got %q", text)
			}
		}
		return err
	})
}

// What the server allows moves while requests are on their way and others wait: nobody is refused, and nobody is forgotten.
func TestHTTP2LimitMovesWhileRequestsWait(t *testing.T) {
	limit := func(n uint32) []http2.Setting {
		return []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: n}}
	}
	w := &h2World{settings: limit(1)}
	now, most := 0, map[string]int{}
	w.serve = func(ctx context.Context, c *h2ServerConn, stream uint32, path string) {
		now++
		phase := strings.Split(path, "/")[1]
		most[phase] = max(most[phase], now)
		asyncio.Sleep(ctx, 100*time.Millisecond)
		if path == "/first" {
			asyncio.Sleep(ctx, time.Second)
			c.WriteSettings(limit(5)...)
		}
		if path == "/many/9" {
			c.WriteSettings(limit(2)...)
			c.flush(ctx)
			asyncio.Sleep(ctx, time.Second)
		}
		now--
		h2Pages(ctx, c, stream, path)
	}
	w.run(t, func(ctx context.Context, s *aiohttp.ClientSession) error {
		var tasks []*asyncio.Task[string]
		start := func(path string) {
			tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) { return fetch(ctx, s, "http://server"+path) }))
		}
		start("/first")
		asyncio.Sleep(ctx, 200*time.Millisecond)
		for i := range 20 {
			start(fmt.Sprint("/many/", i))
		}
		for i := range 20 {
			start(fmt.Sprint("/later/", i))
		}
		if _, err := asyncio.Gather(ctx, tasks...).Await(ctx); err != nil {
			return err
		}
		if most["first"] != 1 || most["many"] != 5 || most["later"] != 2 || w.conns != 1 {
			t.Errorf("got %v at once over %d connections, want 1, 5 and 2 over 1", most, w.conns)
		}
		return nil
	})
}

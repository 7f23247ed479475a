package aiohttp_test

// HTTP/2 servers that misbehave, frame by frame, and nginx, which does not.

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// h2Peer is the server's end of a connection, as frames.
type h2Peer struct {
	*http2.Framer
	conn net.Conn
	n    int // which connection this is, from 1
}

// respond sends a head.
func (p *h2Peer) respond(stream uint32, end bool, fields ...string) {
	var block strings.Builder
	enc := hpack.NewEncoder(&block)
	enc.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	for i := 0; i+1 < len(fields); i += 2 {
		enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	p.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte(block.String()), EndHeaders: true, EndStream: end})
}

// h2Peers starts a server whose connections are left to each, once per request.
func h2Peers(t *testing.T, each func(p *h2Peer, stream uint32)) (string, aiohttp.ConnectorOption) {
	t.Helper()
	certified := httptest.NewUnstartedServer(nil)
	certified.EnableHTTP2 = true
	certified.StartTLS()
	t.Cleanup(certified.Close)
	config := certified.TLS.Clone()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for n := 1; ; n++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go servePeer(conn, n, each)
		}
	}()
	roots := certified.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return "https://" + ln.Addr().String(), aiohttp.WithTLSConfig(&tls.Config{RootCAs: roots})
}

func servePeer(conn net.Conn, n int, each func(p *h2Peer, stream uint32)) {
	if c := conn.(*tls.Conn); c.Handshake() != nil || c.ConnectionState().NegotiatedProtocol != "h2" {
		serveHTTP1(c)
		return
	}
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(conn, preface); err != nil {
		return
	}
	p := &h2Peer{http2.NewFramer(conn, conn), conn, n}
	p.WriteSettings()
	for {
		frame, err := p.ReadFrame()
		if err != nil {
			return
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				p.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				p.WritePing(true, f.Data)
			}
		case *http2.HeadersFrame:
			each(p, f.StreamID)
		}
	}
}

// serveHTTP1 answers what somebody sends who was told to do without HTTP/2.
func serveHTTP1(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	}
}

func TestMisbehavingHTTP2ServersGiveTypedErrors(t *testing.T) {
	// Only those that are to run into a limit have a short one.
	hasty := aiohttp.WithTimeout(aiohttp.ClientTimeout{WriteRequest: 100 * time.Millisecond, ReadIdle: 100 * time.Millisecond, ResponseHeader: time.Minute})
	limit := aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: time.Minute})
	var none, big any = nil, io.LimitReader(zeros{}, 10<<20)
	code := func(want aiohttp.HTTP2ErrorCode, connection bool) func(error) bool {
		return func(err error) bool {
			var e *aiohttp.HTTP2Error
			return errors.As(err, &e) && e.Code == want && e.Connection == connection && errors.Is(err, aiohttp.ErrServerConnection)
		}
	}
	payload := func(inner func(error) bool) func(error) bool {
		return func(err error) bool { return errors.Is(err, aiohttp.ErrClientPayload) && inner(err) }
	}
	disconnected := func(err error) bool {
		var e *aiohttp.ServerDisconnectedError
		return errors.As(err, &e)
	}
	is := func(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }
	cases := []struct {
		name string
		each func(p *h2Peer, stream uint32)
		opt  aiohttp.RequestOption
		body any
		ok   func(error) bool
	}{
		{"reset before the head", func(p *h2Peer, s uint32) { p.WriteRSTStream(s, http2.ErrCodeInternal) }, limit, none, code(aiohttp.HTTP2InternalError, false)},
		{"reset in the body", func(p *h2Peer, s uint32) {
			p.respond(s, false)
			p.WriteData(s, false, []byte("some"))
			p.WriteRSTStream(s, http2.ErrCodeEnhanceYourCalm)
		}, limit, none, payload(code(aiohttp.HTTP2EnhanceYourCalm, false))},
		{"refused again and again", func(p *h2Peer, s uint32) { p.WriteRSTStream(s, http2.ErrCodeRefusedStream) }, limit, none, code(aiohttp.HTTP2RefusedStream, false)},
		{"a goodbye with a reason", func(p *h2Peer, s uint32) {
			p.WriteGoAway(s, http2.ErrCodeInternal, nil)
			p.conn.Close()
		}, limit, none, code(aiohttp.HTTP2InternalError, true)},
		{"a frame that breaks the protocol", func(p *h2Peer, s uint32) { p.WriteRawFrame(http2.FrameHeaders, 0, 0, []byte("x")) }, limit, none, code(aiohttp.HTTP2ProtocolError, true)},
		{"a head that is no header block", func(p *h2Peer, s uint32) {
			p.WriteHeaders(http2.HeadersFrameParam{StreamID: s, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, EndHeaders: true})
		}, limit, none, code(0x9, true)},
		{"a head without a status", func(p *h2Peer, s uint32) {
			p.WriteHeaders(http2.HeadersFrameParam{StreamID: s, BlockFragment: []byte{0x0f, 0x0d, 0x01, '1'}, EndHeaders: true})
		}, limit, none, is(aiohttp.ErrClient)},
		{"a hang-up", func(p *h2Peer, s uint32) { p.conn.Close() }, limit, none, disconnected},
		{"a hang-up in the body", func(p *h2Peer, s uint32) {
			p.respond(s, false)
			p.conn.Close()
		}, limit, none, payload(disconnected)},
		{"a body shorter than announced", func(p *h2Peer, s uint32) {
			p.respond(s, false, "content-length", "10")
			p.WriteData(s, true, []byte("four"))
		}, limit, none, is(aiohttp.ErrClientPayload)},
		{"a body longer than announced", func(p *h2Peer, s uint32) {
			p.respond(s, false, "content-length", "2")
			p.WriteData(s, true, []byte("four"))
		}, limit, none, is(aiohttp.ErrClientPayload)},
		{"a window that never opens", func(p *h2Peer, s uint32) {}, hasty, big, is(aiohttp.ErrWriteTimeout)},
		{"silence in the body", func(p *h2Peer, s uint32) { p.respond(s, false) }, hasty, none, is(aiohttp.ErrReadIdleTimeout)},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			url, trust := h2Peers(t, tt.each)
			onLoop(t, func(ctx context.Context) error {
				s := newSession(trust)
				defer s.Connector().Close()
				resp, err := s.Post(ctx, url+"/x", tt.opt, aiohttp.WithData(tt.body))
				if err == nil {
					_, err = resp.Read(ctx)
				}
				var located interface{ Located() aiohttp.Where }
				if !tt.ok(err) || !errors.As(err, &located) || located.Located().URL != url+"/x" {
					t.Errorf("got %v (%T)", err, err)
				}
				for s.Stats().Connector.Streams > 0 {
					asyncio.Sleep(ctx, 0)
				}
				return nil
			})
		})
	}
}

// What a server has certainly not looked at is sent again, whatever the method; so is a
// request without side effects that met a connection at its end.
func TestRequestsThatAServerTurnedAwayAreSentAgain(t *testing.T) {
	cases := []struct {
		name   string
		method string
		each   func(p *h2Peer, stream uint32)
		dialed uint64
	}{
		{"refused once", "POST", func(p *h2Peer, s uint32) {
			if s == 1 {
				p.WriteRSTStream(s, http2.ErrCodeRefusedStream)
				return
			}
			p.respond(s, true)
		}, 1},
		{"a server about to restart", "POST", func(p *h2Peer, s uint32) {
			if p.n == 1 {
				p.WriteGoAway(0, http2.ErrCodeNo, nil)
				return
			}
			p.respond(s, true)
		}, 2},
		{"a connection lost while it was idle", "GET", func(p *h2Peer, s uint32) {
			if p.n == 1 && s > 1 {
				p.conn.Close()
				return
			}
			p.respond(s, true)
		}, 2},
		// RFC 9113 section 7: on another connection, of HTTP/1.1, which is kept for the second.
		{"told to use HTTP/1.1", "POST", func(p *h2Peer, s uint32) {
			p.WriteRSTStream(s, http2.ErrCodeHTTP11Required)
		}, 2},
		{"told to use HTTP/1.1 with a goodbye", "POST", func(p *h2Peer, s uint32) {
			p.WriteGoAway(0, http2.ErrCodeHTTP11Required, nil)
		}, 3},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			url, trust := h2Peers(t, tt.each)
			onLoop(t, func(ctx context.Context) error {
				s := newSession(trust)
				defer s.Connector().Close()
				for range 2 {
					resp, err := s.Request(ctx, tt.method, url, aiohttp.WithData("body"))
					if err != nil {
						return err
					}
					if err := resp.Close(); err != nil {
						return err
					}
				}
				if got := s.Stats().Connector; got.Dialed != tt.dialed {
					t.Errorf("got %+v, want %d connections", got, tt.dialed)
				}
				return nil
			})
		})
	}
}

// A server that no longer answers pings is given up, and what waits for it fails.
func TestDeadHTTP2ConnectionIsNoticed(t *testing.T) {
	url, trust := mutePeer(t)
	onLoop(t, func(ctx context.Context) error {
		s := newSession(trust, aiohttp.WithHTTP2Ping(50*time.Millisecond, 50*time.Millisecond))
		defer s.Connector().Close()
		_, err := s.Post(ctx, url)
		var e *aiohttp.ServerDisconnectedError
		if !errors.As(err, &e) {
			t.Errorf("got %v (%T), want a disconnect", err, err)
		}
		return nil
	})
}

// mutePeer is a server that takes everything and says nothing but hello.
func mutePeer(t *testing.T) (string, aiohttp.ConnectorOption) {
	block := make(chan struct{})
	t.Cleanup(func() { close(block) })
	return h2Peers(t, func(*h2Peer, uint32) { <-block })
}

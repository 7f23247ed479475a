package aiohttp_test

// Links in memory for the tests of WebSockets: two protocols face to face, or one protocol
// and a peer that speaks in frames. Everything runs in virtual time.

import (
	"context"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/wsproto"
)

// wsLink is one direction of a connection in memory, and the transport of the side that
// writes to it. What is written arrives in a later turn, unless the link is held.
type wsLink struct {
	loop    *asyncio.EventLoop
	owner   *aiohttp.WSProtocol // who writes
	deliver func(p []byte)      // called with what arrives at the other side
	ended   func()              // called when this side has ended
	buf     []byte
	high    int
	held    bool // the other side does not read
	full    bool
	eof     bool
	closed  bool
	aborted bool
	done    bool
	paused  bool    // the owner does not want to read
	reverse *wsLink // what the owner reads from
}

func (l *wsLink) Write(p []byte) {
	if l.closed || l.eof {
		return
	}
	l.buf = append(l.buf, p...)
	if !l.held {
		l.loop.CallSoon(l.flush)
	}
	if len(l.buf) > l.high && !l.full {
		l.full = true
		l.owner.PauseWriting()
	}
}

func (l *wsLink) flush() {
	if l.held && !l.aborted {
		return
	}
	p := l.buf
	l.buf = nil
	if len(p) > 0 && !l.aborted {
		l.deliver(append([]byte(nil), p...))
	}
	if l.full && !l.closed {
		l.full = false
		l.owner.ResumeWriting()
	}
	if (l.eof || l.closed) && !l.done {
		l.done = true
		l.ended()
	}
	if l.closed {
		l.owner.ConnectionLost(nil)
	}
}

// hold stops, or lets go on, what is written.
func (l *wsLink) hold(on bool) {
	l.held = on
	if !on {
		l.loop.CallSoon(l.flush)
	}
}

func (l *wsLink) WriteEOF()      { l.eof = true; l.loop.CallSoon(l.flush) }
func (l *wsLink) Close()         { l.closed = true; l.loop.CallSoon(l.flush) }
func (l *wsLink) Abort()         { l.aborted, l.closed = true, true; l.loop.CallSoon(l.flush) }
func (l *wsLink) PauseReading()  { l.paused = true; l.reverse.hold(true) }
func (l *wsLink) ResumeReading() { l.paused = false; l.reverse.hold(false) }

// end is one side of a pair.
type end struct {
	aiohttp.WebSocket
	proto *aiohttp.WSProtocol
	link  *wsLink
}

// wsPair opens a WebSocket in memory.
func wsPair(ctx context.Context, c, s aiohttp.WSConfig, d *wsproto.Deflate) (client, server *end) {
	loop := asyncio.RunningLoop(ctx)
	cp := aiohttp.NewWSProtocol(loop, c, aiohttp.WSHandshake{URL: "http://h/ws", Deflate: d})
	sp := aiohttp.NewWSProtocol(loop, s, aiohttp.WSHandshake{Server: true, Deflate: d})
	cl := &wsLink{loop: loop, owner: cp, high: 64 << 10, deliver: sp.DataReceived, ended: func() { sp.EOFReceived() }}
	sl := &wsLink{loop: loop, owner: sp, high: 64 << 10, deliver: cp.DataReceived, ended: func() { cp.EOFReceived() }}
	cl.reverse, sl.reverse = sl, cl
	cp.Start(cl, nil)
	sp.Start(sl, nil)
	return &end{cp.WebSocket(), cp, cl}, &end{sp.WebSocket(), sp, sl}
}

// framePeer is a server that speaks in frames, and remembers what it hears.
type framePeer struct {
	client *end
	loop   *asyncio.EventLoop
	dec    *wsproto.Decoder
	heard  []string // events
	ended  bool
	answer func(ev wsproto.Event) // may be nil
}

func newFramePeer(ctx context.Context, c aiohttp.WSConfig, d *wsproto.Deflate) *framePeer {
	loop := asyncio.RunningLoop(ctx)
	p := &framePeer{loop: loop, dec: wsproto.NewDecoder(wsproto.Rules{Server: true, Inflate: d != nil})}
	cp := aiohttp.NewWSProtocol(loop, c, aiohttp.WSHandshake{URL: "http://h/ws", Deflate: d})
	link := &wsLink{loop: loop, owner: cp, high: 64 << 10, deliver: p.take, ended: func() { p.ended = true }}
	link.reverse = &wsLink{loop: loop, owner: cp}
	cp.Start(link, nil)
	p.client = &end{cp.WebSocket(), cp, link}
	return p
}

func (p *framePeer) take(in []byte) {
	for {
		ev, n, err := p.dec.Next(in)
		in = in[n:]
		if err != nil {
			p.heard = append(p.heard, "error "+err.Error())
			return
		}
		if ev.Kind == wsproto.NeedMore {
			return
		}
		text := ev.Kind.String()
		if ev.Code != 0 {
			text += " " + aiohttp.WSCloseCode(ev.Code).String()
		}
		if len(ev.Data) > 0 && len(ev.Data) < 200 {
			text += " " + string(ev.Data)
		}
		p.heard = append(p.heard, text)
		if p.answer != nil {
			p.answer(ev)
		}
	}
}

// raw sends bytes.
func (p *framePeer) raw(b []byte) {
	p.loop.CallSoon(func() { p.client.proto.DataReceived(append([]byte(nil), b...)) })
}

// frame sends an unmasked frame.
func (p *framePeer) frame(op wsproto.Opcode, payload string) {
	p.raw(wsproto.AppendFrame(nil, op, false, []byte(payload), false, 0))
}

// closes sends a Close frame.
func (p *framePeer) closes(code int, reason string) {
	p.frame(wsproto.Close, string(wsproto.AppendClosePayload(nil, code, reason)))
}

// hangUp loses the connection.
func (p *framePeer) hangUp(err error) {
	p.loop.CallSoon(func() { p.client.proto.ConnectionLost(err) })
}

// virtual runs body in virtual time.
func virtual(t *testing.T, body func(ctx context.Context) error) {
	t.Helper()
	aiotest.Run(t, body)
}

// turns lets the loop run what is ready.
func turns(ctx context.Context) { asyncio.Sleep(ctx, time.Millisecond) }

func wantReceive(ctx context.Context, t *testing.T, ws aiohttp.WebSocket, typ aiohttp.WSMsgType, data string) {
	t.Helper()
	m, err := ws.Receive(ctx)
	if err != nil || m.Type != typ || string(m.Data) != data {
		t.Errorf("got %v %.50q and %v, want %v %.50q", m.Type, m.Data, err, typ, data)
	}
}

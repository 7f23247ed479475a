package aiohttp

// The sending side of a WebSocket. A frame is made as a whole and handed to the transport as
// a whole; a task that waits does so before or after, never in between. So a task may be
// cancelled while it sends, and any number of tasks may send at the same time.

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"unicode/utf8"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/wsproto"
)

const (
	wsKeepFrame   = 64 << 10  // the frame buffer that is kept
	wsWholeFrame  = 16 << 10  // from here on a server's payload is not copied behind its header
	wsCompressOff = 256 << 10 // from here on messages are compressed off the loop
)

// send sends one message. One of data and text is its content.
func (p *WSProtocol) send(ctx context.Context, op wsproto.Opcode, data []byte, text string) error {
	if ctx.Err() != nil {
		return asyncio.Sleep(ctx, 0) // fails at once, with the error of every suspension
	}
	if err := p.mayWrite(ctx); err != nil {
		return err
	}
	if p.deflater == nil || op.IsControl() {
		p.write(op, false, data, text)
	} else if err := p.sendCompressed(ctx, op, data, text); err != nil {
		return err
	}
	return p.drain(ctx)
}

// mayWrite waits until there is room and fails if nothing can be sent any more.
func (p *WSProtocol) mayWrite(ctx context.Context) error {
	if err := p.drain(ctx); err != nil {
		return err
	}
	if p.state != wsOpen && p.state != wsPeerClosed {
		return p.closedError()
	}
	return nil
}

// drain waits while too much is on its way.
func (p *WSProtocol) drain(ctx context.Context) error {
	waited := false
	for p.writePaused && p.state < wsLingering {
		if p.writable == nil {
			p.writable = asyncio.NewFuture[struct{}](ctx)
		}
		if _, err := p.writable.Await(ctx); err != nil {
			return err
		}
		waited = true
	}
	if waited && p.state >= wsLingering {
		return p.closedError()
	}
	return nil
}

// sendCompressed sends a message compressed, if that makes it smaller. A long one is
// compressed on a thread; messages that come meanwhile wait, because they build on it.
// Cancellation takes effect when the thread is done: it works on the caller's data.
func (p *WSProtocol) sendCompressed(ctx context.Context, op wsproto.Opcode, data []byte, text string) error {
	if data == nil {
		data = []byte(text)
	}
	if len(data) < wsCompressOff && !p.compressing.Locked() {
		small, ok := p.deflater.Deflate(data)
		p.writeDeflated(op, data, small, ok)
		return nil
	}
	return p.compressing.With(ctx, func() error {
		type result struct {
			small []byte
			ok    bool
		}
		r, err := asyncio.ToThread(context.WithoutCancel(ctx), func(context.Context) (result, error) {
			small, ok := p.deflater.Deflate(data)
			return result{small, ok}, nil
		})
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return asyncio.Sleep(ctx, 0)
		}
		if err := p.mayWrite(ctx); err != nil {
			return err
		}
		p.writeDeflated(op, data, r.small, r.ok)
		return nil
	})
}

func (p *WSProtocol) writeDeflated(op wsproto.Opcode, data, small []byte, ok bool) {
	if !ok {
		p.write(op, false, data, "")
		return
	}
	p.deflater.Commit(data)
	p.write(op, true, small, "")
}

// write hands one frame to the transport.
func (p *WSProtocol) write(op wsproto.Opcode, compressed bool, data []byte, text string) {
	if p.gone {
		return
	}
	masked, key := !p.handshake.Server, uint32(0)
	if masked {
		key = p.nextKey()
	}
	length := len(data) + len(text)
	frame := wsproto.AppendHead(p.frame[:0], op, compressed, length, masked, key)
	if !masked && len(data) >= wsWholeFrame {
		p.frame = frame
		p.link.Write(frame)
		p.link.Write(data)
		return
	}
	start := len(frame)
	frame = append(append(frame, data...), text...)
	if masked {
		wsproto.Mask(frame[start:], key, 0)
	}
	if p.frame = frame; cap(frame) > wsKeepFrame {
		p.frame = nil
	}
	p.link.Write(frame)
}

// writeClose sends a Close frame.
func (p *WSProtocol) writeClose(code WSCloseCode, reason string) {
	p.write(wsproto.Close, false, wsproto.AppendClosePayload(nil, int(code), reason), "")
}

// nextKey returns the key of the next frame. Keys must not be predictable for whoever
// chooses what is sent (RFC 6455 section 10.3), and come again when a run is replayed: a
// stream cipher, seeded by the loop.
func (p *WSProtocol) nextKey() uint32 {
	if p.keys == nil {
		var seed [32]byte
		for i := 0; i < len(seed); i += 8 {
			binary.LittleEndian.PutUint64(seed[i:], p.loop.Rand().Uint64())
		}
		p.keys = rand.NewChaCha8(seed)
	}
	return uint32(p.keys.Uint64())
}

// PauseWriting is called when the peer takes data more slowly than it is sent.
func (p *WSProtocol) PauseWriting() { p.writePaused = true }

// ResumeWriting is called when there is room again.
func (p *WSProtocol) ResumeWriting() {
	p.writePaused = false
	if p.pongOwed && p.state == wsOpen {
		p.pongOwed = false
		p.write(wsproto.Pong, false, p.pingOwed, "")
	}
	if !p.writePaused {
		p.wakeSenders()
	}
}

func (p *WSProtocol) wakeSenders() {
	if w := p.writable; w != nil {
		p.writable = nil
		w.SetResult(struct{}{})
	}
}

func (p *WSProtocol) closedError() error {
	e := &WSClosedError{URL: p.handshake.URL, Code: p.code, Reason: p.reason, Err: p.err}
	if lost, ok := p.err.(*WSClosedError); ok {
		e.Err = lost.Err
	}
	return e
}

// close carries out the closing handshake.
func (p *WSProtocol) close(ctx context.Context, code WSCloseCode, reason string) error {
	if code == 0 {
		code = WSCloseOK
	}
	if !wsproto.ValidCloseCode(int(code)) || !utf8.ValidString(reason) {
		return ErrWSCloseCode
	}
	p.BeginClose(code, reason)
	if p.state >= wsLingering {
		return p.closeFailure()
	}
	if err := p.ended.Wait(ctx); err != nil {
		p.abort(err, WSMsgClosed)
		return err
	}
	return p.closeFailure()
}

// closeFailure is what Close returns: an error if the peer did not answer.
func (p *WSProtocol) closeFailure() error {
	if late, ok := p.err.(*WSTimeoutError); ok && late.What == "close" {
		return late
	}
	return nil
}

// BeginClose sends our Close without waiting for the answer, which is given the close
// timeout. Messages that were not received are thrown away. After the first Close it does
// nothing.
func (p *WSProtocol) BeginClose(code WSCloseCode, reason string) {
	switch p.state {
	case wsPeerClosed:
		p.writeClose(code, reason)
		p.finish()
	case wsOpen:
		p.enter(wsClosing)
		p.stopHeartbeat()
		p.queue, p.first, p.queued = nil, 0, 0
		p.writeClose(code, reason)
		p.watch(p.config.CloseTimeout, func() {
			p.abort(&WSTimeoutError{URL: p.handshake.URL, What: "close", Limit: p.config.CloseTimeout}, WSMsgClosed)
		})
		p.arrived.Set()
		p.resume() // the answer may have come already
	}
}

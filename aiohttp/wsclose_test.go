package aiohttp_test

// How a WebSocket ends: properly, by silence, by a broken protocol, by a broken connection.

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/wsproto"
)

// C134: both sides know the code of whoever began.
func TestACloseIsAnsweredWithItsCode(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		client, server := wsPair(ctx, aiohttp.WSConfig{}, aiohttp.WSConfig{}, nil)
		server.SendString(ctx, "before")
		if err := server.Close(ctx, 4001, "enough"); err != nil {
			t.Errorf("Close: got %v", err)
		}
		wantReceive(ctx, t, client.WebSocket, aiohttp.WSMsgText, "before")
		m, err := client.Receive(ctx)
		if m.Type != aiohttp.WSMsgClose || m.Code != 4001 || m.Text() != "enough" || err != nil {
			t.Errorf("got %v and %v", m, err)
		}
		for name, ws := range map[string]*end{"client": client, "server": server} {
			if ws.CloseCode() != 4001 || !ws.Closed() || ws.Err() != nil {
				t.Errorf("%s: got %v, closed %t, %v", name, ws.CloseCode(), ws.Closed(), ws.Err())
			}
		}
		if client.CloseReason() != "enough" {
			t.Errorf("got reason %q", client.CloseReason())
		}
		err = client.SendString(ctx, "too late")
		var closed *aiohttp.WSClosedError
		if !errors.As(err, &closed) || closed.Code != 4001 || !errors.Is(err, aiohttp.ErrClientConnection) || !strings.Contains(err.Error(), "4001 enough") {
			t.Errorf("send: got %v", err)
		}
		if err := client.Close(ctx, 0, ""); err != nil {
			t.Errorf("second Close: got %v", err)
		}
		return nil
	})
}

// C134: whoever sends while the other side closes is told by an error.
func TestSendingMeetsAClose(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		client, server := wsPair(ctx, aiohttp.WSConfig{}, aiohttp.WSConfig{}, nil)
		sending := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			for n := 0; ; n++ {
				if err := client.SendString(ctx, "more"); err != nil {
					return n, err
				}
				asyncio.Sleep(ctx, 0)
			}
		})
		if _, err := server.Receive(ctx); err != nil {
			return err
		}
		if err := server.Close(ctx, 0, ""); err != nil || server.CloseCode() != 1000 {
			t.Errorf("got %v and %v", server.CloseCode(), err)
		}
		if n, err := sending.Await(ctx); n == 0 || !errors.Is(err, aiohttp.ErrWSClosed) || client.CloseCode() != 1000 {
			t.Errorf("got %d messages, %v and %v", n, client.CloseCode(), err)
		}
		return nil
	})
}

// C135
func TestAPeerThatDoesNotAnswerACloseIsGivenUp(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		loop := asyncio.RunningLoop(ctx)
		p := newFramePeer(ctx, aiohttp.WSConfig{}, nil)
		start := loop.Time()
		err := p.client.Close(ctx, 0, "")
		var late *aiohttp.WSTimeoutError
		if !errors.As(err, &late) || late.What != "close" || !errors.Is(p.client.Err(), context.DeadlineExceeded) {
			t.Errorf("got %v and %v", err, p.client.Err())
		}
		if took := loop.Time() - start; took != 10*time.Second {
			t.Errorf("took %v, want 10s", took)
		}
		turns(ctx)
		if p.client.CloseCode() != aiohttp.WSCloseAbnormal || !p.client.link.aborted || !p.ended {
			t.Errorf("got %v, aborted %t", p.client.CloseCode(), p.client.link.aborted)
		}
		return nil
	})
}

// A Close that is cancelled cuts the connection.
func TestACancelledCloseCutsTheConnection(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		p := newFramePeer(ctx, aiohttp.WSConfig{}, nil)
		short, cancel := asyncio.WithTimeout(ctx, time.Second)
		defer cancel()
		if err := p.client.Close(short, 0, ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if !p.client.link.aborted || p.client.CloseCode() != aiohttp.WSCloseAbnormal {
			t.Errorf("got %v, aborted %t", p.client.CloseCode(), p.client.link.aborted)
		}
		return nil
	})
}

// C136, and a task that receives meanwhile.
func TestMessagesAreThrownAwayWhileClosing(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		p := newFramePeer(ctx, aiohttp.WSConfig{}, nil)
		p.frame(wsproto.Text, "not received")
		turns(ctx)
		p.answer = func(ev wsproto.Event) {
			for range 5 {
				p.frame(wsproto.Text, "late")
			}
			p.frame(wsproto.Ping, "late")
			p.closes(1000, "")
		}
		if err := p.client.Close(ctx, 1001, "bye"); err != nil || p.client.CloseCode() != 1000 {
			t.Errorf("got %v and %v", p.client.CloseCode(), err)
		}
		if want := []string{"EventClose 1001 (going away) bye"}; !slices.Equal(p.heard, want) {
			t.Errorf("heard %q want %q", p.heard, want)
		}
		wantReceive(ctx, t, p.client.WebSocket, aiohttp.WSMsgClosed, "")
		return nil
	})
}

func TestAReceiverLearnsOfAClose(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		client, server := wsPair(ctx, aiohttp.WSConfig{}, aiohttp.WSConfig{}, nil)
		receive := asyncio.CreateTask(ctx, client.Receive)
		turns(ctx)
		if err := client.Close(ctx, 0, ""); err != nil {
			return err
		}
		if m, err := receive.Await(ctx); m.Type != aiohttp.WSMsgClosing || err != nil {
			t.Errorf("got %v and %v, want CLOSING", m.Type, err)
		}
		wantReceive(ctx, t, server.WebSocket, aiohttp.WSMsgClose, "")
		return nil
	})
}

// C138
func TestALostConnectionIsAClosedMessage(t *testing.T) {
	for name, lose := range map[string]func(p *framePeer){
		"reset": func(p *framePeer) { p.hangUp(io.ErrUnexpectedEOF) },
		"end":   func(p *framePeer) { p.loop.CallSoon(func() { p.client.proto.EOFReceived() }) },
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(ctx context.Context) error {
				p := newFramePeer(ctx, aiohttp.WSConfig{}, nil)
				p.frame(wsproto.Text, "last words")
				lose(p)
				wantReceive(ctx, t, p.client.WebSocket, aiohttp.WSMsgText, "last words")
				wantReceive(ctx, t, p.client.WebSocket, aiohttp.WSMsgClosed, "")
				if p.client.CloseCode() != 1006 || !errors.Is(p.client.Err(), aiohttp.ErrWSClosed) {
					t.Errorf("got %v and %v", p.client.CloseCode(), p.client.Err())
				}
				if _, err := p.client.ReceiveString(ctx); !errors.Is(err, aiohttp.ErrWSClosed) || !strings.Contains(err.Error(), "http://h/ws") {
					t.Errorf("got %v", err)
				}
				return nil
			})
		})
	}
}

// §1B.7: a loop that overlooks the end does not spin for ever.
func TestReceivingAfterTheEndFailsSomeTime(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		client, _ := wsPair(ctx, aiohttp.WSConfig{}, aiohttp.WSConfig{}, nil)
		if err := client.Close(ctx, 0, ""); err != nil {
			return err
		}
		for range 4 {
			wantReceive(ctx, t, client.WebSocket, aiohttp.WSMsgClosed, "")
		}
		if _, err := client.Receive(ctx); !errors.Is(err, aiohttp.ErrWSClosed) {
			t.Errorf("the fifth: got %v", err)
		}
		return nil
	})
}

// C143, C145, C147, C148, CVE-2026-54274, CVE-2026-59881: the peer is told, the receiver too.
func TestABrokenProtocolEndsTheWebSocket(t *testing.T) {
	for name, row := range map[string]struct {
		config aiohttp.WSConfig
		in     string
		code   aiohttp.WSCloseCode
		text   string
	}{
		"garbage":        {aiohttp.WSConfig{}, "garbage", 1002, "reserved bits"},
		"compressed":     {aiohttp.WSConfig{}, "\xc1\x01x", 1002, "reserved bits"},
		"masked":         {aiohttp.WSConfig{}, "\x81\x81keysx", 1002, "masked"},
		"not UTF-8":      {aiohttp.WSConfig{}, "\x81\x04\xf4\x90\x80\x80", 1007, "UTF-8"},
		"too big":        {aiohttp.WSConfig{MaxMsgSize: 256}, "\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x00", 1009, "limit is 256"},
		"default limit":  {aiohttp.WSConfig{}, "\x82\x7f\x00\x00\x00\x00\x00\x40\x00\x01", 1009, "limit is 4194304"},
		"2^63 unlimited": {aiohttp.WSConfig{MaxMsgSize: -1}, "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", 1009, ""},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(ctx context.Context) error {
				p := newFramePeer(ctx, row.config, nil)
				p.frame(wsproto.Text, "before")
				p.raw([]byte(row.in))
				wantReceive(ctx, t, p.client.WebSocket, aiohttp.WSMsgText, "before")
				m, err := p.client.Receive(ctx)
				var broken *aiohttp.WSProtocolError
				if m.Type != aiohttp.WSMsgError || err != nil || !errors.As(m.Err, &broken) || broken.Code != row.code || !strings.Contains(m.Err.Error(), row.text) {
					t.Errorf("got %v %v and %v", m.Type, m.Err, err)
				}
				if p.client.CloseCode() != row.code || !p.client.Closed() || !errors.Is(p.client.Err(), aiohttp.ErrClient) {
					t.Errorf("got %v and %v", p.client.CloseCode(), p.client.Err())
				}
				turns(ctx)
				if len(p.heard) != 1 || !strings.HasPrefix(p.heard[0], "EventClose "+row.code.String()) || !p.ended {
					t.Errorf("the peer heard %q, ended %t", p.heard, p.ended)
				}
				p.raw([]byte("what still comes is thrown away"))
				wantReceive(ctx, t, p.client.WebSocket, aiohttp.WSMsgClosed, "")
				asyncio.Sleep(ctx, 20*time.Second)
				if !p.client.link.aborted {
					t.Error("a peer that does not hang up is not cut off")
				}
				return nil
			})
		})
	}
}

// autoclose=False
func TestACloseMayBeAnsweredByHand(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		p := newFramePeer(ctx, aiohttp.WSConfig{ManualClose: true}, nil)
		p.closes(1001, "moving")
		m, err := p.client.Receive(ctx)
		if m.Type != aiohttp.WSMsgClose || m.Code != 1001 || err != nil || p.client.Closed() {
			t.Errorf("got %v and %v, closed %t", m, err, p.client.Closed())
		}
		if err := p.client.SendString(ctx, "one more thing"); err != nil {
			t.Errorf("send: got %v", err)
		}
		if err := p.client.Close(ctx, 0, "fine"); err != nil {
			t.Errorf("close: got %v", err)
		}
		turns(ctx)
		if want := []string{"EventText one more thing", "EventClose 1000 (ok) fine"}; !slices.Equal(p.heard, want) {
			t.Errorf("heard %q want %q", p.heard, want)
		}
		if p.client.CloseCode() != 1001 || !p.client.Closed() {
			t.Errorf("got %v", p.client.CloseCode())
		}
		return nil
	})
}

// A peer that answers a ping, or says anything else, is alive; pings go out in silence only.
func TestHeartbeat(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		p := newFramePeer(ctx, aiohttp.WSConfig{Heartbeat: 10 * time.Second}, nil)
		p.answer = func(ev wsproto.Event) {
			if ev.Kind == wsproto.EventPing {
				p.frame(wsproto.Pong, string(ev.Data))
			}
		}
		asyncio.Sleep(ctx, 35*time.Second)
		if n := len(p.heard); n != 3 && n != 2 {
			t.Errorf("35s of silence: got %q", p.heard)
		}
		p.heard = nil
		for range 10 {
			p.frame(wsproto.Text, "alive")
			wantReceive(ctx, t, p.client.WebSocket, aiohttp.WSMsgText, "alive")
			asyncio.Sleep(ctx, 6*time.Second)
		}
		if len(p.heard) > 1 {
			t.Errorf("traffic every 6s: got %q", p.heard)
		}
		p.answer = nil
		start := asyncio.RunningLoop(ctx).Time()
		m, err := p.client.Receive(ctx)
		var late *aiohttp.WSTimeoutError
		if m.Type != aiohttp.WSMsgError || !errors.As(m.Err, &late) || late.What != "heartbeat" || err != nil {
			t.Errorf("got %v %v and %v", m.Type, m.Err, err)
		}
		if took := asyncio.RunningLoop(ctx).Time() - start; took > 15*time.Second {
			t.Errorf("noticed after %v", took)
		}
		if p.client.CloseCode() != 1006 || !p.client.link.aborted {
			t.Errorf("got %v", p.client.CloseCode())
		}
		return nil
	})
}

// Somebody who does not receive does not blame the peer for silence.
func TestHeartbeatDoesNotCountOurOwnPause(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		client, server := wsPair(ctx, aiohttp.WSConfig{Heartbeat: 10 * time.Second}, aiohttp.WSConfig{}, nil)
		sending := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			for range 20 {
				if err := server.SendBytes(ctx, make([]byte, 50<<10)); err != nil {
					return struct{}{}, err
				}
			}
			return struct{}{}, nil
		})
		asyncio.Sleep(ctx, time.Minute)
		for range 20 {
			if _, err := client.ReceiveBytes(ctx); err != nil {
				return err
			}
		}
		if _, err := sending.Await(ctx); err != nil {
			return err
		}
		return client.Close(ctx, 0, "")
	})
}

// Whatever waits is woken by the end of the connection.
func TestTheEndWakesSenders(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		p := newFramePeer(ctx, aiohttp.WSConfig{}, nil)
		p.client.link.hold(true)
		sending := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, p.client.SendBytes(ctx, make([]byte, 1<<20))
		})
		turns(ctx)
		p.hangUp(io.ErrUnexpectedEOF)
		if _, err := sending.Await(ctx); !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, aiohttp.ErrWSClosed) {
			t.Errorf("got %v", err)
		}
		return nil
	})
}

// A loop that overlooks WSMsgClosing is stopped by an error before it keeps the peer's answer, and
// everybody else, from being heard.
func TestReceivingWhileClosingDoesNotGoOnForEver(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		client, server := wsPair(ctx, aiohttp.WSConfig{}, aiohttp.WSConfig{ManualClose: true}, nil)
		closing := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, client.Close(ctx, 0, "") })
		asyncio.Sleep(ctx, time.Second)
		n := 0
		for ; n < 100; n++ {
			m, err := client.Receive(ctx)
			if err != nil {
				if !errors.Is(err, aiohttp.ErrWSClosed) {
					t.Errorf("got %v", err)
				}
				break
			}
			if m.Type != aiohttp.WSMsgClosing {
				t.Errorf("got %v, want CLOSING", m.Type)
			}
		}
		if n != 4 {
			t.Errorf("got an error after %d messages, want 4", n)
		}
		err := server.Close(ctx, 0, "")
		_, late := closing.Await(ctx)
		return errors.Join(err, late)
	})
}

// Without a limit for the peer's answer a connection is still given up when the WebSocket is over
// and the peer does not see to it: whoever breaks the protocol could otherwise keep it for ever.
func TestAWebSocketThatIsOverDoesNotLingerForEver(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		for name, in := range map[string]string{"broken": "\xff\xff", "closed": "\x88\x00"} {
			p := newFramePeer(ctx, aiohttp.WSConfig{CloseTimeout: -1}, nil)
			p.client.link.hold(true) // the peer does not read either
			p.client.proto.DataReceived([]byte(in))
			asyncio.Sleep(ctx, time.Minute)
			if !p.client.link.aborted {
				t.Errorf("%s: the connection is still there", name)
			}
		}
		return nil
	})
}

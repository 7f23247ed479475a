package aiohttp_test

// What a WebSocket does with messages: both sides of it are the same code, so most of this is
// tested on the client's.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/wsproto"
)

func TestMessagesArriveAsTheyWereSent(t *testing.T) {
	for name, d := range map[string]*wsproto.Deflate{
		"plain": nil, "compressed": {}, "no takeover": {ClientNoTakeover: true, ServerNoTakeover: true}, "small window": {ClientBits: 9, ServerBits: 9},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(ctx context.Context) error {
				client, server := wsPair(ctx, aiohttp.WSConfig{}, aiohttp.WSConfig{}, d)
				for from, to := client, server; from != nil; from, to = to, from {
					long := strings.Repeat("a long message, that repeats itself. ", 3000)
					for _, s := range []string{"hello", "", "größer", long, long} {
						if err := from.SendString(ctx, s); err != nil {
							return err
						}
						wantReceive(ctx, t, to.WebSocket, aiohttp.WSMsgText, s)
					}
					if err := from.SendBytes(ctx, []byte("\x00\xff")); err != nil {
						return err
					}
					if b, err := to.ReceiveBytes(ctx); string(b) != "\x00\xff" || err != nil {
						t.Errorf("got %q and %v", b, err)
					}
					if err := from.SendJSON(ctx, map[string]int{"n": 7}); err != nil {
						return err
					}
					var v struct{ N int }
					if err := to.ReceiveJSON(ctx, &v); v.N != 7 || err != nil {
						t.Errorf("got %v and %v", v, err)
					}
					if from == server {
						break
					}
				}
				return client.Close(ctx, 0, "")
			})
		})
	}
}

// A message that is compressed on a thread neither overtakes nor is overtaken.
func TestLongMessagesKeepTheirPlaceWhileTheyAreCompressed(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		client, server := wsPair(ctx, aiohttp.WSConfig{}, aiohttp.WSConfig{}, &wsproto.Deflate{})
		var want []string
		for i := range 6 {
			s := fmt.Sprintf("message %d, short, but long enough to be compressed", i)
			if i%2 == 0 {
				s = strings.Repeat(s, 8000)
			}
			want = append(want, s)
			asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
				return struct{}{}, client.SendString(ctx, s)
			})
		}
		var got []string
		for range want {
			s, err := server.ReceiveString(ctx)
			if err != nil {
				return err
			}
			got = append(got, s)
		}
		slices.Sort(got) // the order of tasks is theirs; what counts is that everything decompresses
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Error("messages were lost or mixed up")
		}
		return client.Close(ctx, 0, "")
	})
}

// C142
func TestAMessageOfAnotherTypeLeavesTheConnection(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		p := newFramePeer(ctx, aiohttp.WSConfig{}, nil)
		p.frame(wsproto.Binary, "b")
		p.frame(wsproto.Text, "t")
		p.frame(wsproto.Text, "{")
		p.frame(wsproto.Text, "fine")
		var wrong *aiohttp.WSMessageTypeError
		if _, err := p.client.ReceiveString(ctx); !errors.As(err, &wrong) || wrong.Got != aiohttp.WSMsgBinary || wrong.Want != aiohttp.WSMsgText {
			t.Errorf("text: got %v", err)
		}
		if _, err := p.client.ReceiveBytes(ctx); !errors.As(err, &wrong) || wrong.Got != aiohttp.WSMsgText {
			t.Errorf("binary: got %v", err)
		}
		var v any
		if err := p.client.ReceiveJSON(ctx, &v); err == nil {
			t.Error("JSON: got no error")
		}
		if s, err := p.client.ReceiveString(ctx); s != "fine" || err != nil {
			t.Errorf("got %q and %v", s, err)
		}
		return nil
	})
}

// C139: neither a timeout nor a cancellation costs the connection, or a message.
func TestAnInterruptedReceiveLosesNothing(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		p := newFramePeer(ctx, aiohttp.WSConfig{ReceiveTimeout: time.Minute}, nil)
		_, err := p.client.Receive(ctx)
		var late *aiohttp.WSTimeoutError
		if !errors.As(err, &late) || late.What != "receive" || !late.Timeout() || !errors.Is(err, aiohttp.ErrServerTimeout) {
			t.Errorf("got %v, want a timeout of the receive", err)
		}
		short, cancel := asyncio.WithTimeout(ctx, time.Second)
		if _, err := p.client.Receive(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline of the context", err)
		}
		cancel()
		receive := asyncio.CreateTask(ctx, p.client.Receive)
		turns(ctx)
		p.frame(wsproto.Text, "kept")
		asyncio.RunningLoop(ctx).CallSoon(func() { receive.Cancel(nil) }) // right behind the message
		m, err := receive.Await(ctx)
		if err != nil {
			m, err = p.client.Receive(ctx)
		}
		if m.Text() != "kept" || err != nil {
			t.Errorf("got %q and %v", m.Text(), err)
		}
		if p.client.Closed() || p.client.CloseCode() != 0 || p.client.Err() != nil {
			t.Errorf("got %v and %v, want an open WebSocket", p.client.CloseCode(), p.client.Err())
		}
		return nil
	})
}

func TestASecondReceiverIsRefused(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		p := newFramePeer(ctx, aiohttp.WSConfig{}, nil)
		first := asyncio.CreateTask(ctx, p.client.Receive)
		turns(ctx)
		if _, err := p.client.Receive(ctx); !errors.Is(err, aiohttp.ErrWSConcurrentReceive) {
			t.Errorf("got %v", err)
		}
		p.frame(wsproto.Text, "x")
		m, err := first.Await(ctx)
		if m.Text() != "x" || err != nil {
			t.Errorf("the first got %q and %v", m.Text(), err)
		}
		return nil
	})
}

// C140
func TestPingsAreAnsweredUnlessTheyAreReceived(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		p := newFramePeer(ctx, aiohttp.WSConfig{}, nil)
		p.frame(wsproto.Ping, "data")
		p.frame(wsproto.Pong, "unasked")
		p.frame(wsproto.Text, "message")
		wantReceive(ctx, t, p.client.WebSocket, aiohttp.WSMsgText, "message")
		turns(ctx)
		if want := []string{"EventPong data"}; !slices.Equal(p.heard, want) {
			t.Errorf("got %q want %q", p.heard, want)
		}
		m := newFramePeer(ctx, aiohttp.WSConfig{ManualPing: true}, nil)
		m.frame(wsproto.Ping, "data")
		m.frame(wsproto.Pong, "answer")
		wantReceive(ctx, t, m.client.WebSocket, aiohttp.WSMsgPing, "data")
		wantReceive(ctx, t, m.client.WebSocket, aiohttp.WSMsgPong, "answer")
		if err := errors.Join(m.client.Pong(ctx, []byte("data")), m.client.Ping(ctx, []byte("mine"))); err != nil {
			return err
		}
		turns(ctx)
		if want := []string{"EventPong data", "EventPing mine"}; !slices.Equal(m.heard, want) {
			t.Errorf("got %q want %q", m.heard, want)
		}
		return nil
	})
}

// A peer that sends pings and does not read gets one pong for all of them.
func TestPongsDoNotPileUp(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		p := newFramePeer(ctx, aiohttp.WSConfig{}, nil)
		p.client.link.hold(true)
		sending := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, p.client.SendBytes(ctx, make([]byte, 100<<10))
		})
		turns(ctx)
		before := len(p.client.link.buf)
		for i := range 1000 {
			p.frame(wsproto.Ping, fmt.Sprint(i))
		}
		turns(ctx)
		if got := len(p.client.link.buf); got != before {
			t.Errorf("got %d bytes more to send", got-before)
		}
		p.client.link.hold(false)
		if _, err := sending.Await(ctx); err != nil {
			return err
		}
		turns(ctx)
		if want := []string{"EventBinary", "EventPong 999"}; !slices.Equal(p.heard, want) {
			t.Errorf("got %q want %q", p.heard, want)
		}
		return nil
	})
}

// Senders wait while the peer does not read. One that is cancelled while it waits has sent
// its whole frame, or nothing of it.
func TestSendersWaitAndMayBeCancelled(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		p := newFramePeer(ctx, aiohttp.WSConfig{}, nil)
		p.client.link.hold(true)
		var tasks []*asyncio.Task[struct{}]
		for i := range 10 {
			tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
				return struct{}{}, p.client.SendString(ctx, fmt.Sprintf("%d %s", i, strings.Repeat("x", 40<<10)))
			}))
		}
		turns(ctx)
		if got := len(p.client.link.buf); got < 64<<10 || got > 128<<10 {
			t.Errorf("got %d bytes on their way, want a little more than the limit", got)
		}
		for i, task := range tasks {
			if waits := i > 0; task.Done() == waits {
				t.Errorf("sender %d: waits %t, want %t", i, !task.Done(), waits)
			}
		}
		tasks[1].Cancel(nil) // its message is on its way
		tasks[5].Cancel(nil) // its message is not
		turns(ctx)
		p.client.link.hold(false)
		turns(ctx)
		for i, task := range tasks {
			if _, err := task.Result(); (err != nil) != (i == 1 || i == 5) {
				t.Errorf("sender %d: got %v", i, err)
			}
		}
		if want := slices.Repeat([]string{"EventText"}, 9); !slices.Equal(p.heard, want) {
			t.Errorf("got %.200q, want nine whole messages", p.heard)
		}
		return nil
	})
}

// C139's other side: a sender whose context has ended sends nothing.
func TestACancelledSenderSendsNothing(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		p := newFramePeer(ctx, aiohttp.WSConfig{}, nil)
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if err := p.client.SendString(gone, "x"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if _, err := p.client.Receive(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		turns(ctx)
		if len(p.heard) > 0 {
			t.Errorf("got %q", p.heard)
		}
		return nil
	})
}

// C149: what nobody receives is not read without end, be it compressed or not.
func TestReadingPausesWhileNobodyReceives(t *testing.T) {
	for name, d := range map[string]*wsproto.Deflate{"plain": nil, "compressed": {}} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(ctx context.Context) error {
				client, server := wsPair(ctx, aiohttp.WSConfig{}, aiohttp.WSConfig{}, d)
				message := strings.Repeat("0123456789", 5000)
				const count = 100
				sender := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
					for range count {
						if err := server.SendString(ctx, message); err != nil {
							return struct{}{}, err
						}
					}
					return struct{}{}, server.Close(ctx, 0, "")
				})
				turns(ctx)
				if !client.link.paused {
					t.Error("reading was not paused")
				}
				n := 0
				for m, err := range client.All(ctx) {
					if err != nil || m.Text() != message {
						t.Fatalf("message %d: got %d bytes and %v", n, len(m.Data), err)
					}
					n++
				}
				if n != count {
					t.Errorf("got %d messages, want %d", n, count)
				}
				_, err := sender.Await(ctx)
				return err
			})
		})
	}
}

// A flood of small messages that compress well is decoded as far as there is room for it.
func TestOneReadCannotInflateWithoutEnd(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		p := newFramePeer(ctx, aiohttp.WSConfig{}, &wsproto.Deflate{})
		z := wsproto.NewDeflater(15, false)
		small, _ := z.Deflate(make([]byte, 1<<20))
		frame := wsproto.AppendFrame(nil, wsproto.Binary, true, small, false, 0)
		p.raw([]byte(strings.Repeat(string(frame), 50)))
		turns(ctx)
		if !p.client.link.paused {
			t.Error("reading was not paused")
		}
		for range 50 {
			if b, err := p.client.ReceiveBytes(ctx); len(b) != 1<<20 || err != nil {
				t.Fatalf("got %d bytes and %v", len(b), err)
			}
		}
		if p.client.link.paused {
			t.Error("reading did not go on")
		}
		return nil
	})
}

func TestWhatCannotBeSentIsRefused(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		p := newFramePeer(ctx, aiohttp.WSConfig{}, nil)
		ws := p.client.WebSocket
		var wrong *aiohttp.WSMessageTypeError
		if err := ws.SendString(ctx, "\xff"); !errors.Is(err, aiohttp.ErrWSText) {
			t.Errorf("text: got %v", err)
		}
		if err := ws.SendFrame(ctx, aiohttp.WSMsgText, []byte("\xff")); !errors.Is(err, aiohttp.ErrWSText) {
			t.Errorf("text frame: got %v", err)
		}
		if err := ws.Ping(ctx, make([]byte, 126)); !errors.Is(err, aiohttp.ErrWSControlTooLong) {
			t.Errorf("ping: got %v", err)
		}
		if err := ws.SendFrame(ctx, aiohttp.WSMsgClosed, nil); !errors.As(err, &wrong) {
			t.Errorf("closed: got %v", err)
		}
		if err := ws.SendJSON(ctx, func() {}); err == nil {
			t.Error("JSON: got no error")
		}
		for _, code := range []aiohttp.WSCloseCode{1, 1005, 1006, 1015, 2000, 5000} {
			if err := ws.Close(ctx, code, ""); !errors.Is(err, aiohttp.ErrWSCloseCode) {
				t.Errorf("close %d: got %v", code, err)
			}
		}
		turns(ctx)
		if len(p.heard) > 0 || ws.Closed() {
			t.Errorf("something was sent: %q", p.heard)
		}
		return nil
	})
}

func TestAnUnopenedWebSocketSaysSo(t *testing.T) {
	virtual(t, func(ctx context.Context) error {
		var ws aiohttp.WebSocket
		_, receive := ws.Receive(ctx)
		for _, err := range []error{receive, ws.SendString(ctx, "x"), ws.SendBytes(ctx, nil), ws.Ping(ctx, nil), ws.Close(ctx, 0, "")} {
			if !errors.Is(err, aiohttp.ErrWSNotConnected) {
				t.Errorf("got %v", err)
			}
		}
		if ws.Closed() || ws.CloseCode() != 0 || ws.Err() != nil || ws.Protocol() != "" || ws.Compress() || ws.GetExtraInfo("peername") != nil {
			t.Error("the zero WebSocket knows something")
		}
		return nil
	})
}

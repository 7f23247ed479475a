package aiohttp

// A connection of HTTP/2: a ClientConn of net/http in the place of a connection of the loop.
//
// It is dialled and encrypted on the loop and then leaves it, because net/http's
// implementation reads and writes on goroutines. Each request on it is an exchange. How many
// it carries is for the pool to plan; the connection reports what the server allows, and its
// end, whenever net/http says that something has changed.

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/aio-go/aio/asyncio"
)

// maxHead bounds the head of a response, all fields together: as many as HTTP/1 allows, each
// as long as it may be.
const maxHead = 128 * 8190

// initialRoom is how many requests a connection takes before the server has said how many it
// allows; net/http assumes the same.
const initialRoom = 100

type h2Conn struct {
	owner  *poolConnector
	slot   *slot
	client *http.ClientConn
	served uint64       // requests begun
	room   atomic.Int64 // what the server allows, as last reported
	dead   atomic.Bool  // net/http has said so
	closed bool
	unbind func() bool // from the loop's end
}

// beginHTTP2 takes a new connection off the loop and gives it its first request.
func (p *poolConnector) beginHTTP2(ctx context.Context, r *ClientRequest, s *slot, w *connWire) (transport, error) {
	h := &h2Conn{owner: p, slot: s}
	h.room.Store(initialRoom)
	conn, err := w.conn.Detach()
	if err == nil {
		h.client, err = p.greet(ctx, conn)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, err
	case err != nil:
		return nil, &ClientConnectorError{Where: r.where(PhaseDial), Host: r.loc.host, Port: r.loc.port, TLS: r.loc.tls, Err: err}
	case p.plan.closed:
		aside(h.hangUp)
		return nil, p.closedError(r)
	}
	h.unbind = context.AfterFunc(p.loop.Context(), h.hangUp)
	p.plan.dialedShared(s, h, initialRoom, p.loop.Time())
	h.client.SetStateHook(h.changed)
	return h.stream(), nil
}

// greet has net/http take over a connection. It says hello, which may block, if not for long.
func (p *poolConnector) greet(ctx context.Context, conn net.Conn) (*http.ClientConn, error) {
	speaker := p.speaker()
	client, err := asyncio.ToThread(ctx, func(ctx context.Context) (*http.ClientConn, error) {
		return speaker.NewClientConn(context.WithValue(context.WithoutCancel(ctx), dialedConn{}, conn), "http", "origin:80")
	})
	if err != nil {
		aside(func() { _ = conn.Close() }) // which ends a client that came about too late
	}
	return client, err
}

// dialedConn is the key under which a context carries a connection to the transport that is
// to use it.
type dialedConn struct{}

// speaker returns the transport that speaks HTTP/2 for this connector. It never dials: it is
// told that connections are not encrypted, since they arrive encrypted, and that the server
// knows what comes, since that was agreed on.
func (p *poolConnector) speaker() *http.Transport {
	if p.http2 != nil {
		return p.http2
	}
	c := &p.config.http2
	p.http2 = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return ctx.Value(dialedConn{}).(net.Conn), nil
		},
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHead,
		ExpectContinueTimeout:  consentWait,
		Protocols:              new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: max(c.pingAfter, 0),
			PingTimeout:     c.pingTimeout,
		},
	}
	p.http2.Protocols.SetUnencryptedHTTP2(true)
	return p.http2
}

// changed is called by net/http, on its goroutines, when a request has ended or the
// connection has.
func (h *h2Conn) changed(c *http.ClientConn) {
	if c.Err() != nil {
		if !h.dead.Swap(true) {
			_ = h.owner.loop.CallSoonThreadsafe(h.lost)
		}
		return
	}
	if h.measure() {
		_ = h.owner.loop.CallSoonThreadsafe(func() { h.owner.plan.setRoom(h.slot, int(h.room.Load()), h.owner.loop.Time()) })
	}
}

// measure asks how many requests the server allows and reports whether that has changed. It
// cannot tell while the connection is full or about to close: then requests will. It asks
// again when a request began or ended between the two questions that net/http answers.
func (h *h2Conn) measure() bool {
	for range 8 {
		before := h.client.InFlight()
		free := h.client.Available()
		if free == 0 {
			return false
		}
		if h.client.InFlight() == before {
			room := int64(free + before)
			return h.room.Swap(room) != room
		}
	}
	return false
}

// lost gives the slot of a connection back that has ended.
func (h *h2Conn) lost() {
	h.abandon()
	h.owner.discard(h.slot)
}

// take implements reusable.
func (h *h2Conn) take() (transport, bool) {
	switch {
	case h.closed || h.dead.Load():
		h.lost()
		return nil, false
	case h.slot.streams == 1 && h.client.Available() == 0 && h.client.InFlight() == 0:
		// It was idle, and yet takes nothing: the server is about to close it.
		h.owner.plan.retire(h.slot, h.owner.loop.Time())
		h.owner.release(h.slot)
		return nil, false
	}
	return h.stream(), true
}

func (h *h2Conn) stream() transport {
	h.served++
	return newExchange(h, h.owner.loop)
}

// rest implements reusable: net/http watches the connection.
func (h *h2Conn) rest() {}

// abandon implements pooled.
func (h *h2Conn) abandon() {
	if h.closed {
		return
	}
	h.closed = true
	h.unbind()
	aside(h.hangUp)
}

// hangUp closes the connection, which may take as long as saying goodbye does.
func (h *h2Conn) hangUp() { _ = h.client.Close() }

// RoundTrip implements carrier.
func (h *h2Conn) RoundTrip(req *http.Request) (*http.Response, error) { return h.client.RoundTrip(req) }

// finished implements carrier.
func (h *h2Conn) finished() {
	if h.dead.Load() {
		h.lost()
		return
	}
	h.measure()
	h.slot.room = int(h.room.Load()) // also when a goroutine has measured and its message is on the way
	h.owner.release(h.slot)
}

// resend implements carrier.
func (h *h2Conn) resend(err error) resend {
	switch {
	case h.closed && !h.dead.Load():
		return resendNone // we closed it
	case untouched(err):
		if _, _, coded := errorCode(err); !coded {
			h.owner.plan.retire(h.slot, h.owner.loop.Time())
		}
		return resendAny
	case h.served > 1 && (isDrop(err) || strings.Contains(err.Error(), textPingLost)):
		return resendIdempotent
	}
	return resendNone
}

// failure implements carrier.
func (h *h2Conn) failure(r *ClientRequest, p Phase, err error) error {
	w := r.where(p)
	if code, connection, ok := errorCode(err); ok {
		return &HTTP2Error{Where: w, Code: code, Connection: connection, Err: err}
	}
	text := err.Error()
	switch {
	case h.closed && !h.dead.Load(), strings.Contains(text, textForceClosed):
		return &ClientConnectionError{Where: w, Err: ErrResponseClosed}
	case strings.Contains(text, textHugeHead):
		return r.headRefused(err)
	case strings.Contains(text, textPingLost), untouched(err):
		return &ServerDisconnectedError{Where: w, Err: err}
	}
	return r.ioError(p, err)
}

// headRefused is the error of a head that is not acceptable.
func (r *ClientRequest) headRefused(err error) error {
	return &ClientResponseError{
		Where: r.where(PhaseHeader), RequestInfo: r.info(), Status: http.StatusBadRequest, Message: err.Error(), Err: err,
	}
}

package aiohttp

// A WebSocket after its handshake, for both sides, as a state machine of callbacks.
//
// Bytes come in, messages go into a queue; frames go out whole, so that nothing ever
// stands half written between two tasks. Pings are answered and the closing handshake is
// carried out here, whether anybody receives or not, and an idle WebSocket costs no
// coroutine. What tasks see of it is in websocket.go.
//
//	open ──we close──▶ closing ──peer's Close──▶ closed
//	 │ └──peer closes, we do not answer by ourselves──▶ peerClosed ──we close──▶ closed
//	 ├──peer closes, answered; connection lost; silence──▶ closed
//	 └──peer breaks the protocol──▶ lingering ──peer's end──▶ closed

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/wsproto"
)

// WSTransport is the connection below a WebSocket. No method blocks. *asyncio.Transport is
// one.
type WSTransport interface {
	Write(p []byte) // does not keep p
	WriteEOF()      // closes our side once everything is written
	Close()         // closes once everything is written
	Abort()         // closes at once
	PauseReading()  // idempotent
	ResumeReading() // idempotent
}

// WSConfig is what can be said about a WebSocket on either side. The zero value is what
// most want.
type WSConfig struct {
	CloseTimeout   time.Duration // for the peer's answer when we close; 0: 10 s, < 0: none
	ReceiveTimeout time.Duration // of one receive; 0: none
	Heartbeat      time.Duration // silence after which a ping is sent; half as long it may stay unanswered; 0: none
	MaxMsgSize     int64         // bytes of a received message, decompressed; 0: 4 MiB, < 0: none
	WriterLimit    int           // bytes not yet taken by the socket above which senders wait; 0: 64 KiB
	ManualClose    bool          // the peer's Close is not answered by itself
	ManualPing     bool          // pings are not answered but received
}

const (
	defaultWSCloseTimeout = 10 * time.Second
	defaultWSMaxMsgSize   = 4 << 20
	wsQueueLimit          = 256 << 10 // bytes of messages nobody has received, above which reading pauses
	wsMessageCost         = 64        // that a message counts beyond its data
)

func (c WSConfig) withDefaults() WSConfig {
	if c.CloseTimeout == 0 {
		c.CloseTimeout = defaultWSCloseTimeout
	}
	if c.MaxMsgSize == 0 {
		c.MaxMsgSize = defaultWSMaxMsgSize
	}
	if c.WriterLimit == 0 {
		c.WriterLimit = asyncio.DefaultHighWater
	}
	return c
}

// WSHandshake is what the opening handshake has decided.
type WSHandshake struct {
	Server   bool             // we are the server
	URL      string           // for error texts; "" on a server
	Protocol string           // the subprotocol, "" for none
	Deflate  *wsproto.Deflate // agreed compression, nil for none
}

// wsState is where a WebSocket is in its life.
type wsState uint8

const (
	wsOpen       wsState = iota
	wsClosing            // our Close is sent
	wsPeerClosed         // the peer's Close is there, ours is owed
	wsLingering          // failed; input is thrown away until the peer has seen why
	wsClosed             // nothing more
)

// String names the state.
func (s wsState) String() string {
	return [...]string{"open", "closing", "peer closed", "lingering", "closed"}[s]
}

// WSProtocol runs a WebSocket over a connection whose handshake is done. It is made for
// those who write servers: feed it what arrives, and hand its WebSocket to the
// application. It is an asyncio.FlowProtocol.
type WSProtocol struct {
	loop      *asyncio.EventLoop
	config    WSConfig
	handshake WSHandshake
	link      WSTransport
	onEnd     func()
	decoder   *wsproto.Decoder
	deflater  *wsproto.Deflater
	state     wsState

	// Receiving.
	queue     []WSMessage
	first     int // of the queue that was not received
	queued    int // bytes in the queue
	final     *WSMessage
	pending   []byte // input that was not decoded because the queue is full
	arrived   asyncio.Event
	receiving bool
	paused    bool // reading from the link
	late      int  // receives after the end

	// Sending.
	keys        *rand.ChaCha8
	frame       []byte
	writable    *asyncio.Future[struct{}] // of the tasks that wait, nil if none does
	writePaused bool
	compressing asyncio.Lock // while a message is compressed off the loop
	pingOwed    []byte       // the last ping that could not be answered at once
	pongOwed    bool

	// The end.
	code   WSCloseCode
	reason string
	err    error
	ended  asyncio.Event
	gone   bool // the link is
	guard  *asyncio.TimerHandle

	// The heartbeat.
	beat     *asyncio.TimerHandle
	lastData time.Duration
	heard    bool // something since the last ping
	pinged   bool // a ping is unanswered
}

// NewWSProtocol makes the protocol of an open WebSocket. Start has to be called before
// anything else.
func NewWSProtocol(l *asyncio.EventLoop, c WSConfig, h WSHandshake) *WSProtocol {
	p := &WSProtocol{loop: l, config: c.withDefaults(), handshake: h}
	p.decoder = wsproto.NewDecoder(h.Deflate.Rules(h.Server, max(0, p.config.MaxMsgSize)))
	p.deflater = h.Deflate.Deflater(h.Server)
	return p
}

// Start begins on a link. onEnd, if not nil, is called once, when the connection is over.
func (p *WSProtocol) Start(link WSTransport, onEnd func()) {
	p.link, p.onEnd = link, onEnd
	p.lastData = p.loop.Time()
	if p.config.Heartbeat > 0 {
		p.beat = p.loop.CallLater(p.config.Heartbeat, p.heartbeat)
	}
}

// WebSocket returns what tasks send and receive with.
func (p *WSProtocol) WebSocket() WebSocket { return WebSocket{p} }

// ConnectionMade implements asyncio.Protocol. It does nothing.
func (p *WSProtocol) ConnectionMade(*asyncio.Transport) {}

// DataReceived takes what has arrived. b is changed, but not kept.
func (p *WSProtocol) DataReceived(b []byte) {
	if p.state >= wsLingering {
		return
	}
	p.heard = true
	if p.config.Heartbeat > 0 {
		p.lastData = p.loop.Time()
	}
	if len(p.pending) > 0 || p.full() {
		p.pending = append(p.pending, b...)
	} else if rest := p.decode(b); len(rest) > 0 {
		p.pending = append(p.pending, rest...)
	}
	p.regulate()
}

// full reports whether enough is queued. The messages are counted, not the input: much can
// come out of few compressed bytes.
func (p *WSProtocol) full() bool { return p.queued > wsQueueLimit }

// decode takes messages out of the input until there is enough, and returns the rest.
func (p *WSProtocol) decode(in []byte) []byte {
	for p.state < wsLingering && !p.full() {
		ev, n, err := p.decoder.Next(in)
		in = in[n:]
		if err != nil {
			p.fail(err)
			return nil
		}
		switch ev.Kind {
		case wsproto.NeedMore:
			return nil
		case wsproto.EventText:
			p.deliver(WSMsgText, ev)
		case wsproto.EventBinary:
			p.deliver(WSMsgBinary, ev)
		case wsproto.EventPing:
			p.takePing(ev)
		case wsproto.EventPong:
			if p.config.ManualPing {
				p.deliver(WSMsgPong, ev)
			}
		case wsproto.EventClose:
			p.peerCloses(ev)
		}
	}
	if p.state >= wsLingering {
		return nil
	}
	return in
}

// resume goes on with input that had to wait.
func (p *WSProtocol) resume() {
	if len(p.pending) > 0 && !p.full() {
		rest := p.decode(p.pending)
		p.pending = append([]byte(nil), rest...)
	}
	p.regulate()
}

// regulate stops reading while enough is queued.
func (p *WSProtocol) regulate() {
	want := p.state < wsLingering && (p.full() || len(p.pending) > 0)
	if want == p.paused || p.gone {
		return
	}
	p.paused = want
	if want {
		p.link.PauseReading()
		return
	}
	p.lastData = p.loop.Time() // that nothing was heard was our doing
	p.link.ResumeReading()
}

// deliver queues a message. What comes while we close is thrown away.
func (p *WSProtocol) deliver(t WSMsgType, ev wsproto.Event) {
	if p.state != wsOpen {
		return
	}
	data := ev.Data
	if !ev.Owned {
		data = append(make([]byte, 0, len(data)), data...)
	}
	if p.first > len(p.queue)/2 && len(p.queue) == cap(p.queue) {
		n := copy(p.queue, p.queue[p.first:])
		clear(p.queue[n:])
		p.queue, p.first = p.queue[:n], 0
	}
	p.queue = append(p.queue, WSMessage{Type: t, Data: data})
	p.queued += len(data) + wsMessageCost
	p.arrived.Set()
}

// next takes the next message out of the queue.
func (p *WSProtocol) next() (WSMessage, bool) {
	if p.first == len(p.queue) {
		return WSMessage{}, false
	}
	m := p.queue[p.first]
	p.queue[p.first] = WSMessage{}
	p.first++
	p.queued -= len(m.Data) + wsMessageCost
	if p.first == len(p.queue) {
		p.queue, p.first = p.queue[:0], 0
	}
	if p.paused && p.queued <= wsQueueLimit/2 {
		p.resume()
	}
	return m, true
}

func (p *WSProtocol) takePing(ev wsproto.Event) {
	switch {
	case p.config.ManualPing:
		p.deliver(WSMsgPing, ev)
	case p.state == wsClosing: // nothing may follow our Close
	case p.writePaused: // the peer does not read: it will get one pong for all its pings
		p.pingOwed, p.pongOwed = append(p.pingOwed[:0], ev.Data...), true
	default:
		p.write(wsproto.Pong, false, ev.Data, "")
	}
}

// peerCloses takes the peer's Close.
func (p *WSProtocol) peerCloses(ev wsproto.Event) {
	p.code, p.reason = WSCloseCode(ev.Code), string(ev.Data)
	if p.state == wsClosing {
		p.finish()
		return
	}
	p.final = &WSMessage{Type: WSMsgClose, Code: p.code, Data: []byte(p.reason)}
	if p.config.ManualClose {
		p.enter(wsPeerClosed)
		p.stopHeartbeat()
		p.arrived.Set()
		return
	}
	p.writeClose(p.code, "")
	p.finish()
}

// finish ends a WebSocket on which both sides have sent their Close.
func (p *WSProtocol) finish() {
	p.end()
	if !p.gone {
		p.watch(p.patience(), p.link.Abort) // should the peer not take the rest
		p.link.Close()
	}
}

// fail ends a WebSocket whose peer broke the protocol. It is told why: our side is closed
// behind the Close, and what it still sends is thrown away, lest a reset overtakes it.
func (p *WSProtocol) fail(err error) {
	code := WSCloseProtocolError
	var wrong *wsproto.Error
	if errors.As(err, &wrong) {
		code = WSCloseCode(wrong.Code)
	}
	p.code, p.err = code, &WSProtocolError{URL: p.handshake.URL, Code: code, Detail: err.Error()}
	p.final = &WSMessage{Type: WSMsgError, Err: p.err}
	if p.state == wsOpen {
		p.writeClose(code, err.Error())
	}
	p.end()
	if p.gone {
		return
	}
	p.enter(wsLingering)
	p.watch(p.patience(), p.link.Abort)
	p.link.WriteEOF()
	p.regulate()
}

// lose ends a WebSocket whose connection is, or shall be, no more. What becomes of the link
// is the caller's business.
func (p *WSProtocol) lose(err error, final WSMsgType) {
	switch p.state {
	case wsLingering, wsClosed:
		return
	case wsOpen:
		p.final = &WSMessage{Type: final}
		if final == WSMsgError {
			p.final.Err = err
		}
	}
	if p.state != wsPeerClosed { // it had a proper end, as far as the peer is concerned
		p.code, p.err = WSCloseAbnormal, err
	}
	p.end()
}

// abort is lose for a reason of our own.
func (p *WSProtocol) abort(err error, final WSMsgType) {
	p.lose(err, final)
	if !p.gone {
		p.link.Abort()
	}
}

func (p *WSProtocol) lost(err error) *WSClosedError {
	return &WSClosedError{URL: p.handshake.URL, Code: WSCloseAbnormal, Err: err}
}

// end wakes everybody.
func (p *WSProtocol) end() {
	p.enter(wsClosed)
	p.pending = nil
	p.stopHeartbeat()
	p.stopWatch()
	p.ended.Set()
	p.arrived.Set()
	p.wakeSenders()
}

// EOFReceived takes note that the peer sends no more. Without a Close before it that is the
// end.
func (p *WSProtocol) EOFReceived() (keepOpen bool) {
	if p.state < wsLingering {
		p.lose(p.lost(errWSLost), WSMsgClosed)
		p.watch(p.patience(), p.link.Abort)
	}
	p.link.Close()
	return false
}

// ConnectionLost takes note that the connection is over.
func (p *WSProtocol) ConnectionLost(err error) {
	if p.gone {
		return
	}
	p.gone = true
	if err == nil {
		err = errWSLost
	}
	p.lose(p.lost(err), WSMsgClosed)
	p.enter(wsClosed)
	p.stopWatch()
	if p.onEnd != nil {
		p.onEnd()
	}
}

// Drop gives the connection up at once, for a reason that is not the peer's.
func (p *WSProtocol) Drop(reason error) { p.abort(p.lost(reason), WSMsgClosed) }

// patience is how long a connection may last whose WebSocket is over: the close timeout, and the default where the
// peer's answer may take for ever, since nobody waits for anything any more.
func (p *WSProtocol) patience() time.Duration {
	if d := p.config.CloseTimeout; d > 0 {
		return d
	}
	return defaultWSCloseTimeout
}

// watch has f called if the connection is not over within d, unless that is negative.
func (p *WSProtocol) watch(d time.Duration, f func()) {
	p.stopWatch()
	if d > 0 && !p.gone {
		p.guard = p.loop.CallLater(d, f)
	}
}

func (p *WSProtocol) stopWatch() {
	if p.guard != nil {
		p.guard.Cancel()
		p.guard = nil
	}
}

// heartbeat looks after a peer that may have fallen silent. It is one timer that finds out
// when it fires; data that arrives does not touch it.
func (p *WSProtocol) heartbeat() {
	p.beat = nil
	if p.state != wsOpen {
		return
	}
	interval := p.config.Heartbeat
	idle := p.loop.Time() - p.lastData
	switch {
	case p.pinged && !p.heard && !p.paused:
		p.abort(&WSTimeoutError{URL: p.handshake.URL, What: "heartbeat", Limit: interval / 2}, WSMsgError)
		return
	case p.paused: // the peer is kept waiting by us
		idle = 0
	}
	p.pinged = false
	if idle < interval {
		p.beat = p.loop.CallLater(interval-idle, p.heartbeat)
		return
	}
	p.pinged, p.heard = true, false
	p.write(wsproto.Ping, false, nil, "")
	if p.state == wsOpen {
		p.beat = p.loop.CallLater(interval/2, p.heartbeat)
	}
}

func (p *WSProtocol) stopHeartbeat() {
	if p.beat != nil {
		p.beat.Cancel()
		p.beat = nil
	}
}

// enter is the only place where the state changes.
func (p *WSProtocol) enter(s wsState) { p.state = s }

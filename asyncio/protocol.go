package asyncio

// Protocols, which a transport calls. A server (server.go) makes one for every connection; a
// client brings its own.

import "context"

// A Protocol is called by a [Transport]. Calls come on the loop, outside any task, one at a
// time: ConnectionMade first and ConnectionLost last, each exactly once. A protocol that
// panics loses its connection; the loop's exception handler is told. Embed [BaseProtocol] to
// write only the methods that matter. CPython: asyncio.Protocol.
type Protocol interface {
	// ConnectionMade is called when the connection is there.
	ConnectionMade(t *Transport)
	// DataReceived is called with what has arrived. p is valid during the call only.
	DataReceived(p []byte)
	// EOFReceived is called when the peer has ended its side. The transport then closes,
	// unless keepOpen is true, in which case the protocol can go on sending.
	EOFReceived() (keepOpen bool)
	// ConnectionLost is called when the connection is over: with nil after Close, Abort or
	// the peer's end, otherwise with what went wrong.
	ConnectionLost(err error)
}

// A FlowProtocol is a [Protocol] that can stop sending for a while.
type FlowProtocol interface {
	Protocol
	// PauseWriting is called, from inside Write too, when the write buffer has grown above
	// the high water mark.
	PauseWriting()
	// ResumeWriting is called when it has shrunk to the low water mark.
	ResumeWriting()
}

// BaseProtocol is a [Protocol] that does nothing, to be embedded.
type BaseProtocol struct{}

// ConnectionMade does nothing.
func (BaseProtocol) ConnectionMade(*Transport) {}

// DataReceived does nothing.
func (BaseProtocol) DataReceived([]byte) {}

// EOFReceived lets the transport close.
func (BaseProtocol) EOFReceived() (keepOpen bool) { return false }

// ConnectionLost does nothing.
func (BaseProtocol) ConnectionLost(error) {}

// CreateConnection connects to address like [Dial] and makes p the protocol of the
// connection. ConnectionMade is called in the next turn. CPython: loop.create_connection.
func CreateConnection(ctx context.Context, p Protocol, network, address string) (*Transport, error) {
	c, err := Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return NewTransport(c, p), nil
}

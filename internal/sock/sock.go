// Package sock holds non-blocking sockets and the poller that tells when they
// are ready. It is the ground the event loop stands on and knows nothing of
// tasks: operations try once and answer ErrWouldBlock, readiness arrives
// through a callback, and nothing here ever suspends anybody.
//
// Everything belongs to one goroutine at a time, the one that drives the
// loop; only Poller.Wake may be called from others. Two implementations stand
// behind the interfaces of this file: the native one (epoll, kqueue) makes the
// system call itself and keeps what the kernel said about readiness, so that
// it need not ask twice; the fallback one runs on package net with a goroutine
// per blocked operation and works wherever Go does.
package sock

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// ErrWouldBlock is what an operation answers that cannot make progress now.
// The socket's notify function is called when that changes.
var ErrWouldBlock = errors.New("sock: operation would block")

// ErrUnsupported is what an operation answers that this platform or this kind
// of socket does not have.
var ErrUnsupported error = unsupported{}

type unsupported struct{}

func (unsupported) Error() string        { return "not supported here" }
func (unsupported) Is(target error) bool { return target == errors.ErrUnsupported }

// Ready is a set of the things a socket is ready for.
type Ready uint8

const (
	// Readable: TryRead or TryAccept will make progress.
	Readable Ready = 1 << iota
	// Writable: TryWrite will make progress, or a connect has ended.
	Writable
	// PeerClosed: the peer has ended its side; what it sent before can still
	// be read, then comes io.EOF.
	PeerClosed
	// Broken: the connection is gone in both directions or has an error, which
	// the next operation reports.
	Broken
)

// Kind selects an implementation of Poller.
type Kind int

const (
	// KindDefault is KindNative where there is one, unless the build tag
	// aio_fallback asks for KindFallback.
	KindDefault Kind = iota
	// KindNative is the kernel's event queue: epoll or kqueue.
	KindNative
	// KindFallback is package net with a goroutine per blocked operation.
	KindFallback
)

// String names the kind as it appears in test names and logs.
func (k Kind) String() string {
	switch k {
	case KindNative:
		return "native"
	case KindFallback:
		return "fallback"
	}
	return "default"
}

// batch bounds how many sockets one Wait reports, so that thousands of ready
// descriptors cannot keep timers and callbacks waiting; the next Wait goes on.
const batch = 512

// New makes a poller. KindNative is ErrUnsupported where there is none.
func New(kind Kind) (Poller, error) {
	if kind == KindDefault {
		kind = defaultKind
	}
	if kind == KindNative {
		return newNative()
	}
	return newFallback(), nil
}

// Poller waits for readiness and makes the sockets it watches.
type Poller interface {
	Network
	Files
	Watches

	// Wait reports readiness by calling the notify functions of sockets in
	// the order in which the system named them. A negative timeout waits until
	// something happens, zero only looks. It may return early with nothing
	// reported; it always returns after a Wake, and whoever calls Wait must
	// then look at what the waker left for it.
	Wait(timeout time.Duration) error
	// Wake makes the current or the next Wait return. It may be called from
	// any goroutine and is cheap when a wake-up is pending already.
	Wake()
	// Active is the number of open sockets.
	Active() int
	// Close closes the poller and every socket still open, without notifying.
	Close() error
}

// Network makes sockets: the seam at which a simulated network replaces the
// kernel's. Addresses of streams are *net.TCPAddr or *net.UnixAddr, their
// networks "tcp", "tcp4", "tcp6" or "unix".
type Network interface {
	// Dial starts a connection. The stream becomes Writable when the attempt
	// has ended; ConnectResult then tells how. opts is not kept.
	Dial(network string, remote net.Addr, opts *DialOptions) (Stream, error)
	// Listen binds and listens. A TCPAddr without an IP on network "tcp"
	// accepts both families where the system can.
	Listen(network string, local net.Addr, opts ListenOptions) (Listener, error)
	// OpenPacket opens a socket for datagrams on network "udp", "udp4", "udp6"
	// or "unixgram", bound to local and connected to remote: *net.UDPAddr or
	// *net.UnixAddr, nil for not. A UDPAddr without an IP to be bound to is
	// every address, of both families on network "udp" where the system can.
	OpenPacket(network string, local, remote net.Addr, opts PacketOptions) (Packet, error)
}

// ControlFunc sees a socket after its creation and before it is bound or
// connected, as net.Dialer.Control does.
type ControlFunc func(network, address string, c syscall.RawConn) error

// DialOptions refine Network.Dial; the zero value is usable.
type DialOptions struct {
	Local     net.Addr            // nil: the system chooses
	KeepAlive net.KeepAliveConfig // Enable false: no keep-alive probes
	Control   ControlFunc
}

// ListenOptions refine Network.Listen; the zero value is usable.
type ListenOptions struct {
	Backlog        int                 // 0: 4096, which the system may lower
	ReusePort      bool                // SO_REUSEPORT
	NoReuseAddress bool                // no SO_REUSEADDR
	KeepFile       bool                // Close leaves the file of a Unix socket where it is
	KeepAlive      net.KeepAliveConfig // for accepted connections
	Control        ControlFunc
}

// Stream is a connected byte stream, or one whose connecting is under way.
type Stream interface {
	// TryRead reads what is there: ErrWouldBlock if nothing is, io.EOF at the
	// end, net.ErrClosed after Close.
	TryRead(p []byte) (int, error)
	// TryWrite writes as much as fits, possibly less than p without error.
	TryWrite(p []byte) (int, error)
	// TryWritev is TryWrite over several buffers in one system call.
	TryWritev(bufs [][]byte) (int, error)

	// SetNotify sets the function that Wait calls with what has newly become
	// ready. It is never called after Close. Readiness that was known before
	// is not reported again: Ready tells it.
	SetNotify(f func(Ready))
	// Ready is the last known readiness; asking costs no system call.
	Ready() Ready
	// ConnectResult tells how connecting ended: nil, an error, or
	// ErrWouldBlock while it is under way.
	ConnectResult() error

	CloseWrite() error
	Close() error
	// Abort closes at once and throws unsent data away: a reset, on TCP.
	Abort() error

	LocalAddr() net.Addr
	RemoteAddr() net.Addr
	// SetNoDelay switches Nagle's algorithm off (true, the default on TCP).
	SetNoDelay(noDelay bool) error
	SetKeepAlive(config net.KeepAliveConfig) error
	// SyscallConn gives access to the descriptor; only Control is useful.
	SyscallConn() (syscall.RawConn, error)
}

// Listener accepts connections.
type Listener interface {
	// TryAccept takes a connection, or answers ErrWouldBlock. After an error
	// such as EMFILE the listener stays usable and the caller should try again
	// later; it is not notified for a connection that was already waiting.
	TryAccept() (Stream, error)
	SetNotify(f func(Ready))
	Ready() Ready
	Addr() net.Addr
	Close() error
	SyscallConn() (syscall.RawConn, error)
}

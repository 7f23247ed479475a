package sock

import (
	"context"
	"net"
	"syscall"
)

// fallbackListener is a net.Listener with a goroutine that is one connection
// ahead of the caller.
type fallbackListener struct {
	fallbackHandle
	listener  net.Listener
	file      *boundFile // goes with the socket
	next      net.Conn
	err       error
	accepting bool
}

// Listen implements Network.
func (p *fallbackPoller) Listen(network string, local net.Addr, opts ListenOptions) (Listener, error) {
	config := net.ListenConfig{KeepAliveConfig: opts.KeepAlive, KeepAlive: -1, Control: opts.Control}
	config.SetMultipathTCP(false)
	if opts.NoReuseAddress {
		config.Control = noReuseAddress(config.Control)
	}
	if opts.ReusePort {
		config.Control = reusePort(config.Control)
	}
	listener, err := config.Listen(context.Background(), network, local.String())
	if err != nil {
		return nil, cause(err)
	}
	if u, ok := listener.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	l := &fallbackListener{
		fallbackHandle: fallbackHandle{poller: p},
		listener:       listener,
	}
	if !opts.KeepFile {
		l.file = fileOf(local)
	}
	if err := p.register(l); err != nil {
		listener.Close()
		return nil, err
	}
	return l, nil
}

// SetNotify implements Listener.
func (l *fallbackListener) SetNotify(f func(Ready)) {
	l.notify = f
	if f != nil {
		l.accept()
	}
}

// TryAccept implements Listener.
func (l *fallbackListener) TryAccept() (Stream, error) {
	if l.closed {
		return nil, net.ErrClosed
	}
	conn, err := l.next, l.err
	l.next, l.err = nil, nil
	if err != nil {
		// Not accepting again until asked: the error may need time to pass.
		l.ready &^= Broken | Readable
		return nil, err
	}
	l.ready &^= Readable
	l.accept()
	if conn == nil {
		return nil, ErrWouldBlock
	}
	s := &fallbackStream{
		fallbackHandle: fallbackHandle{poller: l.poller, ready: Writable},
		conn:           conn,
		remote:         conn.RemoteAddr(),
	}
	if err := l.poller.register(s); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

func (l *fallbackListener) accept() {
	if l.closed || l.accepting || l.next != nil || l.err != nil {
		return
	}
	l.accepting = true
	go func() {
		conn, err := l.listener.Accept()
		l.poller.post(func() { l.accepted(conn, err) })
	}()
}

func (l *fallbackListener) accepted(conn net.Conn, err error) {
	l.accepting = false
	if l.closed {
		if conn != nil {
			conn.Close()
		}
		return
	}
	if err != nil {
		l.err = cause(err)
	}
	l.next = conn
	l.deliver(Readable)
}

// Addr implements Listener.
func (l *fallbackListener) Addr() net.Addr { return l.listener.Addr() }

// Close implements Listener.
func (l *fallbackListener) Close() error {
	if !l.close(l) {
		return net.ErrClosed
	}
	if l.next != nil {
		l.next.Close()
	}
	err := cause(l.listener.Close())
	l.file.remove()
	return err
}

// SyscallConn implements Listener.
func (l *fallbackListener) SyscallConn() (syscall.RawConn, error) {
	if l.closed {
		return nil, net.ErrClosed
	}
	if c, ok := l.listener.(syscall.Conn); ok {
		return c.SyscallConn()
	}
	return nil, ErrUnsupported
}

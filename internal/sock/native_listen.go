//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// nativeListener is a listening socket on the native poller. What accepted
// connections need set, it has set on itself: they inherit it, which saves a
// system call for each.
type nativeListener struct {
	handle
	family family
	addr   net.Addr
}

// Listen implements Network.
func (p *nativePoller) Listen(network string, local net.Addr, opts ListenOptions) (Listener, error) {
	fam, err := familyFor(network, local)
	if err != nil {
		return nil, err
	}
	l, err := p.listen(fam, network, local, opts)
	if wildcard(network, local) && (errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL)) {
		l, err = p.listen(familyInet4, network, local, opts) // a system without IPv6
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

func wildcard(network string, addr net.Addr) bool {
	a, ok := addr.(*net.TCPAddr)
	return ok && network == "tcp" && len(a.IP) == 0
}

func (p *nativePoller) listen(fam family, network string, local net.Addr, opts ListenOptions) (*nativeListener, error) {
	sa, err := fam.sockaddr(local)
	if err != nil {
		return nil, err
	}
	fd, err := newSocket(fam, unix.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	if err := prepareListen(fd, fam, network, local, opts); err != nil {
		closeFD(fd)
		return nil, err
	}
	if err := unix.Bind(fd, sa); err != nil {
		closeFD(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	l := &nativeListener{family: fam, addr: fam.nameOf(fd)}
	if !opts.KeepFile {
		l.file = fileOf(local)
	}
	if err := unix.Listen(fd, or(opts.Backlog, 4096)); err != nil {
		closeFD(fd)
		l.file.remove()
		return nil, os.NewSyscallError("listen", err)
	}
	if err := p.register(&l.handle, fd); err != nil {
		l.file.remove()
		return nil, err
	}
	return l, nil
}

func prepareListen(fd int, fam family, network string, local net.Addr, opts ListenOptions) error {
	if fam != familyUnix {
		if err := setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, btoi(!opts.NoReuseAddress)); err != nil {
			return err
		}
		if err := setInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return err
		}
		if opts.KeepAlive.Enable {
			if err := setKeepAlive(fd, opts.KeepAlive); err != nil {
				return err
			}
		}
	}
	if fam == familyInet6 {
		// Both families only for the wildcard address.
		if err := setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, btoi(!wildcard(network, local))); err != nil {
			return err
		}
	}
	if opts.ReusePort {
		if err := setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return err
		}
	}
	return control(opts.Control, fd, fam, network, local)
}

// TryAccept implements Listener. One that answers ErrWouldBlock has looked,
// because the kernel tells of new connections but not of how many.
func (l *nativeListener) TryAccept() (Stream, error) {
	for {
		if l.closed {
			return nil, net.ErrClosed
		}
		if l.ready == 0 {
			return nil, ErrWouldBlock
		}
		fd, peer, err := acceptFD(l.fd)
		switch err {
		case nil:
		case unix.EAGAIN:
			l.ready &^= Readable
			return nil, ErrWouldBlock
		case unix.EINTR, unix.ECONNABORTED:
			continue // the peer gave up while it waited in the queue
		default:
			return nil, os.NewSyscallError("accept", err)
		}
		s := newNativeStream(l.family)
		s.peer = peer
		if err := l.poller.register(&s.handle, fd); err != nil {
			return nil, err
		}
		// There is room in a fresh socket. Whether there is data the kernel
		// says with the next batch of events.
		s.ready = Writable
		return s, nil
	}
}

// Addr implements Listener.
func (l *nativeListener) Addr() net.Addr { return l.addr }

// Close implements Listener. The file of a Unix socket is removed, unless
// somebody has put another one in its place.
func (l *nativeListener) Close() error { return l.close() }

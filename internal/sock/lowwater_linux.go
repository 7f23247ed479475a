package sock

import (
	"net"

	"golang.org/x/sys/unix"
)

var _ LowWater = (*nativeStream)(nil)

// SetReadLowWater implements LowWater by SO_RCVLOWAT, of which epoll takes notice on TCP
// sockets. The kernel makes room for n bytes, and speaks up before that if the peer could not
// send any more. Reads that do not block take what there is. See tcp(7), socket(7).
func (s *nativeStream) SetReadLowWater(n int) error {
	switch {
	case s.closed:
		return net.ErrClosed
	case s.family != familyInet4 && s.family != familyInet6:
		return ErrUnsupported
	}
	if err := setInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT, n); err != nil || n > 1 || s.ready&Readable != 0 {
		return err
	}
	// Older kernels do not report what was there before the mark went down.
	if queued, err := unix.IoctlGetInt(s.fd, unix.SIOCINQ); err == nil && queued > 0 {
		s.ready |= Readable
	}
	return nil
}

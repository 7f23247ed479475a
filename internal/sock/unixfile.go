package sock

import (
	"net"
	"os"
)

// A Unix socket leaves a file behind. It is removed with its listener, but
// only if it is still the one that the listener made: a successor may have
// bound the same path meanwhile.

// socketFile identifies the file of a socket just bound; nil if it has none.
func socketFile(addr net.Addr) os.FileInfo {
	a, ok := addr.(*net.UnixAddr)
	if !ok || a.Name == "" || a.Name[0] == '@' || a.Name[0] == 0 {
		return nil
	}
	info, err := os.Lstat(a.Name)
	if err != nil {
		return nil
	}
	return info
}

// removeSocketFile removes the file of addr if it is still the one bound. That
// it is gone already is no error.
func removeSocketFile(addr net.Addr, bound os.FileInfo) {
	if bound == nil {
		return
	}
	name := addr.(*net.UnixAddr).Name
	if now, err := os.Lstat(name); err == nil && os.SameFile(now, bound) {
		_ = os.Remove(name)
	}
}

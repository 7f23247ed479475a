package sock

import (
	"net"
	"os"
)

// A Unix socket leaves a file behind. It is removed with its socket, but
// only if it is still the one that the socket made: a successor may have
// bound the same path meanwhile.

// boundFile is the file of a Unix socket, as bound; nil if it has none.
type boundFile struct {
	path string
	info os.FileInfo
}

// fileOf identifies the file of a socket just bound to addr.
func fileOf(addr net.Addr) *boundFile {
	a, ok := addr.(*net.UnixAddr)
	if !ok || a.Name == "" || a.Name[0] == '@' || a.Name[0] == 0 {
		return nil
	}
	info, err := os.Lstat(a.Name)
	if err != nil {
		return nil
	}
	return &boundFile{a.Name, info}
}

// remove removes the file if it is still the one bound. That it is gone
// already is no error.
func (f *boundFile) remove() {
	if f == nil {
		return
	}
	if now, err := os.Lstat(f.path); err == nil && os.SameFile(now, f.info) {
		_ = os.Remove(f.path)
	}
}

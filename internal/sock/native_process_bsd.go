//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import "os"

// WatchProcess implements Files: processes are no descriptors here.
func (*nativePoller) WatchProcess(*os.Process, func()) (stop func(), err error) {
	return nil, ErrUnsupported
}

//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package sock

// There is no native poller for this system; the fallback is the default.
const defaultKind = KindFallback

func newNative() (Poller, error) { return nil, ErrUnsupported }

//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package sock

// canPoll tells that readyNow does not know: the descriptor's own RawConn has
// to wait first.
const canPoll = false

func readyNow(uintptr, Ready) (bool, error) { return false, nil }

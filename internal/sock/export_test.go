//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

// NewPipeParked is the native poller blocking a thread, as on kqueue systems.
func NewPipeParked() (Poller, error) { return newNativeWith(newPipeParker) }

// Batch is the most sockets one Wait reports.
const Batch = batch

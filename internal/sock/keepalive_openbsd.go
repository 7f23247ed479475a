package sock

// OpenBSD has keep-alive probes but no options to tune them per socket.
const (
	optKeepIdle     = 0
	optKeepInterval = 0
	optKeepCount    = 0
)

package asyncio

// Network is where a loop gets its connections from.
type Network interface{}

type netState struct{}

func (l *EventLoop) closeNetwork() error { return nil }

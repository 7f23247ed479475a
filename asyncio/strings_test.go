package asyncio_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestEverythingDescribesItself(t *testing.T) {
	r := asyncio.NewRunner(asyncio.WithoutSignals())
	tests := []struct{ got, want string }{{fmt.Sprint(r), "Runner(no loop yet)"}}
	say := func(v any, want string) { tests = append(tests, struct{ got, want string }{fmt.Sprint(v), want}) }

	l := r.Loop()
	say(l, "EventLoop(at rest, 0 tasks)")
	say(r, "Runner(EventLoop(at rest, 0 tasks))")
	handle := l.CallSoon(func() {})
	say(handle, "Handle(scheduled)")
	timer := l.CallAt(5*time.Second, func() {})
	say(timer, "TimerHandle(scheduled) at 5s")
	timer.Cancel()
	say(timer, "TimerHandle(cancelled) at 5s")
	_, err := asyncio.RunWith(r, context.Background(), func(ctx context.Context) (none, error) {
		say(l, "EventLoop(running, 1 tasks)")
		say(ctx, "asyncio.Context(Task-1)")
		say(handle, "Handle(run)")
		return none{}, nil
	})
	wantErr(t, err, nil)
	wantErr(t, r.Close(), nil)
	say(l, "EventLoop(closed, 0 tasks)")
	say(r, "Runner(closed)")
	say(asyncio.RunCoroutineThreadsafe(l, after(0, 1, nil)), "ThreadFuture(asyncio: event loop is closed)")

	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

package main

import (
	"testing"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/examples/internal/stdout"
)

const want = `Waiting 1
Waiting 2
Waiting 3
Done 1
Done 2
Done 3
Res 1
Res 2
Res 3
`

func TestOutput(t *testing.T) {
	got := stdout.Of(t, func() {
		if err := program(asyncio.WithClock(new(aiotest.Clock))); err != nil {
			t.Error(err)
		}
	})
	if got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

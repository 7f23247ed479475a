package main

import (
	"testing"

	"github.com/aio-go/aio/examples/internal/stdout"
)

const want = `Send: Hello
Received: Hello
Send: World
Received: World
`

func TestOutput(t *testing.T) {
	got := stdout.Of(t, func() {
		if err := program(nil); err != nil {
			t.Error(err)
		}
	})
	if got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestUsage(t *testing.T) {
	if err := program([]string{"sing"}); err == nil {
		t.Error("no error for an argument that means nothing")
	}
}

package main

import (
	"testing"

	"github.com/aio-go/aio/examples/internal/stdout"
)

const want = `The client sees TLS: true
The server sees TLS: false
The client reads: Hello through the proxy
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

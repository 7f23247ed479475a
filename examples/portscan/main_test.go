package main

import (
	"testing"

	"github.com/aio-go/aio/examples/internal/stdout"
)

const want = `open
open
open
3 of 4 ports are open
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

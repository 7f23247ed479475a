package main

import (
	"testing"

	"github.com/aio-go/aio/examples/internal/stdout"
)

func TestOutput(t *testing.T) {
	got := stdout.Of(t, func() {
		if err := program(); err != nil {
			t.Error(err)
		}
	})
	if want := "Hello World\nDone\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

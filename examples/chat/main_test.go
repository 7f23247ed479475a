package main

import (
	"testing"

	"github.com/aio-go/aio/examples/internal/stdout"
)

const want = `[Ann] What is your name?
[Ann] Welcome, Ann. 1 in the room.
[Bob] What is your name?
[Bob] Welcome, Bob. 2 in the room.
[Ann] Bob has come
[Bob] Ann: Hello, Bob
[Ann] Bob: Hello, Ann
[Ann] Bob has left
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

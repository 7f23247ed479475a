package main

import (
	"testing"

	"github.com/aio-go/aio/examples/internal/stdout"
)

const want = `www.example [192.0.2.1 192.0.2.2]
mail.example [192.0.2.25]
lossy.example [192.0.2.3]
nobody.example – nobody.example.: RCodeNameError
`

func TestOutput(t *testing.T) {
	got := stdout.Of(t, func() {
		if err := program("", nil); err != nil {
			t.Error(err)
		}
	})
	if got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

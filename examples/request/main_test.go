package main

import (
	"regexp"
	"testing"

	"github.com/aio-go/aio/examples/internal/stdout"
)

const want = `Requesting http://demo/delay/0.1
Requesting http://demo/delay/0.2
Requesting http://demo/delay/0.3
Receiving from http://demo/delay/0.1
Receiving from http://demo/delay/0.2
Receiving from http://demo/delay/0.3
`

// origin is where the demo server happens to listen.
var origin = regexp.MustCompile(`127\.0\.0\.1:\d+`)

func TestOutput(t *testing.T) {
	got := stdout.Of(t, func() {
		if err := program(nil); err != nil {
			t.Error(err)
		}
	})
	if got := origin.ReplaceAllString(got, "demo"); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

// Package stdout lets the tests of the examples see what they print.
package stdout

import (
	"io"
	"os"
	"testing"
)

// Of returns what f prints on the standard output.
func Of(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	text := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		text <- string(b)
	}()
	before := os.Stdout
	os.Stdout = w
	func() {
		defer func() { os.Stdout = before }()
		f()
	}()
	w.Close()
	defer r.Close()
	return <-text
}

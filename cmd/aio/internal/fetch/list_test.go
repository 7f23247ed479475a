package fetch_test

import (
	"strings"
	"testing"

	"github.com/aio-go/aio/cmd/aio/internal/fetch"
)

func TestOnlyAbsoluteHTTPURLsAreAccepted(t *testing.T) {
	tests := []struct{ raw, reason string }{ // an empty reason: accepted
		{"http://h", ""},
		{"https://h/", ""},
		{"HTTP://H/", ""},
		{"http://user:pw@h:8080/a?b#c", ""},
		{"http://[::1]:80/", ""},
		{"http://bücher.example/ü", ""},
		{"http://h:65535/", ""},
		{"http://h:/", ""},
		{"", "no http"},
		{"h", "no http"},
		{"//h/", "no http"},
		{"/path", "no http"},
		{"http:/h", "no http"},
		{"http:h", "no http"},
		{"http://", "no host"},
		{"http:///x", "no host"},
		{"http://:80/", "no host"},
		{"http://h:65536/", "out of range"},
		{"http://h:x/", "malformed"},
		{"http://[::1/", "malformed"},
		{"http://%zz/", "malformed"},
		{"http://h/a b", "malformed"},
		{"http://h/\x00", "malformed"},
		{"file:///etc/passwd", "file"},
		{"javascript://h/x", "javascript"},
	}
	for _, tt := range tests {
		u, err := fetch.ParseURL(tt.raw)
		switch {
		case tt.reason == "" && (err != nil || u == nil):
			t.Errorf("%q: got %v want it accepted", tt.raw, err)
		case tt.reason != "" && (err == nil || !strings.Contains(err.Error(), tt.reason)):
			t.Errorf("%q: got %v want %q", tt.raw, err, tt.reason)
		}
	}
}

//go:build !linux

package nobody

import (
	"os"
	"testing"
)

// Again skips a test that runs as root.
func Again(t *testing.T, _ ...string) bool {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Skip("the superuser is denied nothing: run it as another user")
	}
	return false
}

// Package sockdir gives tests directories in which Unix sockets can be made.
//
// The path of a Unix socket has room for about a hundred bytes, whatever the file system allows,
// and the temporary directory of a test may take more than that, because TMPDIR is long, or the
// name of the test.
package sockdir

import (
	"os"
	"testing"
)

// room is how long a directory may be, with some bytes left for a name in it: the shortest limit of the
// systems at hand is 103.
const room = 90

// New returns a directory of the test's own, which is removed with it.
func New(t testing.TB) string {
	t.Helper()
	if dir := t.TempDir(); len(dir) <= room {
		return dir
	}
	dir, err := os.MkdirTemp("/tmp", "aio")
	if err != nil {
		t.Skipf("neither the temporary directory nor /tmp is fit for a Unix socket: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// Package nobody lets tests of denied permissions run where the tests run as root, who is denied
// nothing: once more, as a user without any rights.
package nobody

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

const id = 65534 // of the user and the group

// Again runs the test that calls it in a process of another user, with env in its environment, and
// reports true if it has to: the caller then returns. Who is not root is to go on.
func Again(t *testing.T, env ...string) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return false
	}
	binary, err := os.Open("/proc/self/exe") // where it lies, nobody may not look
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	cmd := exec.Command("/proc/self/fd/3", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.ExtraFiles = []*os.File{binary}
	cmd.Dir = "/"
	cmd.Env = append(append(os.Environ(), "GOCOVERDIR=", "TMPDIR=/tmp"), env...) // the tests' own may be root's alone
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) {
		t.Skip("this root cannot become another user:", err)
	}
	if err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
	return true
}

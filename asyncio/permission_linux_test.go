package asyncio_test

// What the system denies, to somebody who is not its administrator. If the tests run as root,
// this one runs once more, as nobody.

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/sockdir"
)

const (
	nobody       = 65534 // the user and the group
	deniedSocket = "AIO_TEST_DENIED_SOCKET"
)

func TestPermissionDeniedIsReportedWithTheAddress(t *testing.T) {
	if os.Geteuid() == 0 {
		asNobody(t)
		return
	}
	type attempt struct{ op, network, address string }
	var cases []attempt
	if path := os.Getenv(deniedSocket); path != "" {
		cases = append(cases, attempt{"dial", "unix", path}, attempt{"listen", "unix", path + ".new"})
	}
	if first, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start"); err == nil && string(first) != "0\n" {
		cases = append(cases, attempt{"listen", "tcp", "127.0.0.1:1"})
	}
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		for _, c := range cases {
			var err error
			if c.op == "listen" {
				_, err = asyncio.StartServer(ctx, echoLines, c.network, c.address)
			} else {
				_, _, err = asyncio.OpenConnection(ctx, c.network, c.address)
			}
			wantDenied(t, err, c.op, c.address)
		}
		return nil
	})
}

func wantDenied(t *testing.T, err error, op, address string) {
	t.Helper()
	var failed *net.OpError
	if !errors.Is(err, os.ErrPermission) || !errors.As(err, &failed) || failed.Op != op || failed.Addr.String() != address {
		t.Errorf("%s %s: got %v, want a net.OpError of a denied permission with the address", op, address, err)
	}
}

// asNobody runs the test that calls it in a process of another user.
func asNobody(t *testing.T) {
	binary, err := os.Open("/proc/self/exe") // where it lies, nobody may not look
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	path := filepath.Join(sockdir.New(t), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	cmd := exec.Command("/proc/self/fd/3", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.ExtraFiles = []*os.File{binary}
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), deniedSocket+"="+path, "GOCOVERDIR=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) {
		t.Skip("this root cannot become another user:", err)
	}
	if err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

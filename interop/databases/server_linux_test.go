package databases_test

// Servers for the tests: started on a free port, with a directory of their own, and stopped
// with the test, or by the kernel with the process.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// patience is how long something may take that should happen at once.
const patience = 2 * time.Minute

// none is the result of tasks that have none.
type none = struct{}

// run runs body as the main task of a loop in debug mode, which notices wrong uses of the loop.
func run(t *testing.T, body func(ctx context.Context) error) {
	t.Helper()
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		return asyncio.Timeout(ctx, patience, func(ctx context.Context) (none, error) { return none{}, body(ctx) })
	}, asyncio.WithoutSignals(), asyncio.WithDebug(true), asyncio.WithSlowCallbackThreshold(time.Minute))
	if err != nil {
		t.Error(err)
	}
}

// until suspends the task until cond holds.
func until(ctx context.Context, t *testing.T, what string, cond func() bool) {
	t.Helper()
	for !cond() {
		if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}

// program returns the path of a server, and skips the test where the package is not installed.
// In continuous integration it is.
func program(t *testing.T, debian, name string, places ...string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil && len(places) == 0 {
		return path
	}
	for _, place := range places {
		if found, _ := filepath.Glob(filepath.Join(place, name)); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	t.Skipf("no %s here: install the package %s", name, debian)
	return ""
}

// freePort returns a port that is free. The system gives it to nobody who asks for any: it is
// below those, as Linux has them by default.
func freePort(t *testing.T) int {
	t.Helper()
	for {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		return ln.Addr().(*net.TCPAddr).Port
	}
}

// start starts a server that runs until the test ends.
func start(t *testing.T, cmd *exec.Cmd, stop os.Signal) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(stop)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd.Path, out.String())
		}
	})
}

// startRedis starts a Redis server and returns its address.
func startRedis(t *testing.T) string {
	t.Helper()
	port := strconv.Itoa(freePort(t))
	start(t, exec.Command(program(t, "redis-server", "redis-server"),
		"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir()), syscall.SIGTERM)
	return net.JoinHostPort("127.0.0.1", port)
}

// startPostgres starts a PostgreSQL server that trusts everybody, and returns its address. The
// server refuses to run as root: then it runs as another user.
func startPostgres(t *testing.T) string {
	t.Helper()
	const places = "/usr/lib/postgresql/*/bin"
	initdb, server := program(t, "postgresql", "initdb", places), program(t, "postgresql", "postgres", places)
	dir, err := os.MkdirTemp("", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	as := unprivileged(t, dir)
	data := filepath.Join(dir, "data")
	prepare := exec.Command(initdb, "-D", data, "-U", "aio", "-A", "trust", "--no-sync")
	prepare.Dir, prepare.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
	if out, err := prepare.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := strconv.Itoa(freePort(t))
	cmd := exec.Command(server, "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=50")
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
	start(t, cmd, syscall.SIGQUIT)
	return net.JoinHostPort("127.0.0.1", port)
}

// unprivileged gives dir to a user other than root, who is to run a server; nil stands for the
// user that we are.
func unprivileged(t *testing.T, dir string) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

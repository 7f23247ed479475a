package asyncio_test

// What the system denies, to somebody who is not its administrator. If the tests run as root,
// this one runs once more, as nobody.

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/nobody"
	"github.com/aio-go/aio/internal/sockdir"
)

const deniedSocket = "AIO_TEST_DENIED_SOCKET"

func TestPermissionDeniedIsReportedWithTheAddress(t *testing.T) {
	if os.Geteuid() == 0 { // its sockets are denied to others
		path := filepath.Join(sockdir.New(t), "s")
		ln, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		nobody.Again(t, deniedSocket+"="+path)
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

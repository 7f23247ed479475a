package bench_test

import (
	"io"
	"net"
	"testing"

	"github.com/aio-go/aio/bench"
)

func TestEveryTCPServerEchoesOnBothAddresses(t *testing.T) {
	for _, server := range bench.TCPServers {
		t.Run(server.Name, func(t *testing.T) {
			stop, addrs, done := make(chan struct{}), make(chan []net.Addr, 1), make(chan error, 1)
			go func() {
				done <- server.Serve(func(a []net.Addr) { addrs <- a }, stop)
			}()
			var listening []net.Addr
			select {
			case listening = <-addrs:
			case err := <-done:
				t.Fatalf("the server ended: %v", err)
			}
			if len(listening) != 2 {
				t.Fatalf("got %d addresses, want 2", len(listening))
			}
			for _, addr := range listening {
				c, err := net.Dial("tcp", addr.String())
				if err != nil {
					t.Fatal(err)
				}
				message, got := make([]byte, 100_000), make([]byte, 100_000)
				for i := range message {
					message[i] = byte(i)
				}
				go c.Write(message)
				if _, err := io.ReadFull(c, got); err != nil || string(got) != string(message) {
					t.Errorf("got %v, or other bytes than were sent", err)
				}
				c.Close()
			}
			close(stop)
			if err := <-done; err != nil {
				t.Errorf("got %v from the server", err)
			}
		})
	}
}

// Command portscan finds the open TCP ports of a host, a thousand at a time: portscan HOST FIRST
// LAST. Without arguments it opens three ports on this machine and finds them. Scan only hosts
// that are yours.
package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/aio-go/aio/asyncio"
)

type none = struct{}

const (
	atOnce   = 1000
	patience = 2 * time.Second
)

// open reports whether somebody listens at address.
func open(ctx context.Context, address string) (bool, error) {
	ctx, cancel := asyncio.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := asyncio.Dial(ctx, "tcp", address)
	if err == nil {
		return true, conn.Close()
	}
	var refused *net.OpError
	if errors.As(err, &refused) || errors.Is(err, context.DeadlineExceeded) {
		return false, nil
	}
	return false, err
}

// scan prints the open ports among ports, in order, and returns how many there are.
func scan(ctx context.Context, host string, ports iter.Seq[int], found func(port int)) (n int, err error) {
	type result struct {
		port int
		open bool
	}
	look := func(ctx context.Context, port int) (result, error) {
		is, err := open(ctx, net.JoinHostPort(host, strconv.Itoa(port)))
		return result{port, is}, err
	}
	for r, err := range asyncio.Map(ctx, atOnce, ports, look) {
		if err != nil {
			return n, err
		}
		if r.open {
			n++
			found(r.port)
		}
	}
	return n, nil
}

func between(first, last int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for port := first; port <= last && yield(port); port++ {
		}
	}
}

// demo looks at three ports that are open and at one that was.
func demo(ctx context.Context) error {
	var ports []int
	var server *asyncio.Listener
	for range 4 {
		var err error
		server, err = asyncio.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		ports = append(ports, server.Addr().(*net.TCPAddr).Port)
	}
	if err := server.Close(); err != nil {
		return err
	}
	all := func(yield func(int) bool) {
		for _, port := range ports {
			if !yield(port) {
				return
			}
		}
	}
	n, err := scan(ctx, "127.0.0.1", all, func(int) { fmt.Println("open") })
	fmt.Println(n, "of", len(ports), "ports are open")
	return err
}

func program(args []string) error {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		if len(args) == 0 {
			return none{}, demo(ctx)
		}
		if len(args) != 3 {
			return none{}, errors.New("usage: portscan HOST FIRST LAST")
		}
		first, err := strconv.Atoi(args[1])
		last, err2 := strconv.Atoi(args[2])
		if err := errors.Join(err, err2); err != nil {
			return none{}, err
		}
		n, err := scan(ctx, args[0], between(first, last), func(port int) { fmt.Println(port) })
		fmt.Println(n, "open ports")
		return none{}, err
	})
	return err
}

func main() {
	if err := program(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

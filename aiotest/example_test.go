package aiotest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// run is what aiotest.Run is to a test.
func run(network *aiotest.Network, main func(ctx context.Context) error) {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, main(ctx)
	}, asyncio.WithClock(new(aiotest.Clock)), asyncio.WithNetwork(network))
	if err != nil {
		fmt.Println(err)
	}
}

// A server is cut off while it answers, and comes back.
func ExamplePartition() {
	network := aiotest.NewNetwork(aiotest.WithDefaultLink(aiotest.Link{Latency: 50 * time.Millisecond}))
	client, server := network.Host("client"), network.Host("server")
	run(network, func(ctx context.Context) error {
		app := web.NewApplication()
		app.AddRoutes(web.Get("/", func(ctx context.Context, _ *web.Request) (web.AnyResponse, error) {
			return web.Text("hello"), asyncio.Sleep(ctx, time.Second)
		}))
		runner := web.NewAppRunner(app)
		if err := runner.Setup(server.Context(ctx)); err != nil {
			return err
		}
		defer runner.Cleanup(ctx)
		if err := web.NewTCPSite(runner, ":80").Start(server.Context(ctx)); err != nil {
			return err
		}

		loop := asyncio.RunningLoop(ctx)
		cut := network.Inject(aiotest.Partition("server").After(500 * time.Millisecond))
		loop.CallLater(5*time.Second, cut.Remove)

		session := aiohttp.NewClientSession()
		defer session.Close()
		resp, err := session.Get(client.Context(ctx), "http://server/")
		if err != nil {
			return err
		}
		text, err := resp.Text(ctx)
		fmt.Println(text, "after", loop.Time())
		return err
	})
	// Output: hello after 7.4s
}

// Every connection breaks off at the same byte.
func ExampleFault_AfterBytes() {
	network := aiotest.NewNetwork()
	network.Inject(aiotest.Reset().AfterBytes(8))
	run(network, func(ctx context.Context) error {
		listener, err := asyncio.Listen(ctx, "tcp", "localhost:7")
		if err != nil {
			return err
		}
		client, err := asyncio.Dial(ctx, "tcp", "localhost:7")
		if err != nil {
			return err
		}
		server, err := listener.Accept(ctx)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(client, "to be or not to be"); err != nil {
			return err
		}
		text, err := io.ReadAll(server)
		fmt.Printf("%q %v\n", text, errors.Is(err, syscall.ECONNRESET))
		return nil
	})
	// Output: "to be or" true
}

// What happens in a network can be watched.
func ExampleWithTrace() {
	network := aiotest.NewNetwork(aiotest.WithTrace(func(e aiotest.NetworkEvent) { fmt.Println(e) }))
	network.SetLink("client", "server", aiotest.Link{Latency: 10 * time.Millisecond})
	run(network, func(ctx context.Context) error {
		_, err := asyncio.Dial(network.Host("client").Context(ctx), "tcp", "server:80")
		fmt.Println(err)
		return nil
	})
	// Output:
	// 0s resolve client → server
	// 0s dial client 10.0.0.1:32768 → 10.0.0.2:80
	// 0s send syn client 10.0.0.1:32768 → server 10.0.0.2:80
	// 10ms arrive syn client 10.0.0.1:32768 → server 10.0.0.2:80
	// 10ms refuse syn server 10.0.0.2:80 → client 10.0.0.1:32768
	// 10ms send rst server 10.0.0.2:80 → client 10.0.0.1:32768
	// 20ms arrive rst server 10.0.0.2:80 → client 10.0.0.1:32768
	// 20ms close client 10.0.0.1:32768 → server 10.0.0.2:80
	// dial tcp 10.0.0.2:80: connect: connection refused
}

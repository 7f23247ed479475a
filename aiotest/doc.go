// Package aiotest runs asyncio programs in tests: under virtual time, on a simulated network,
// with a seeded scheduler, and with everything they leave behind reported as a failure.
//
//	func TestTimeout(t *testing.T) {
//		aiotest.Run(t, func(ctx context.Context) error {
//			_, err := asyncio.Timeout(ctx, time.Hour, fetchForever)
//			if !errors.Is(err, context.DeadlineExceeded) {
//				t.Errorf("got %v, want a deadline error", err)
//			}
//			return nil
//		})
//	}
//
// The test above takes no time: the clock jumps whenever the loop is idle.
//
// # The network
//
// Run gives the loop a simulated [Network]: what listens on it can be dialled, and nothing
// else. A test that wants more than one machine makes the network itself, with hosts and what
// lies between them, and says by the context on which host code runs:
//
//	network := aiotest.NewNetwork(aiotest.WithDefaultLink(aiotest.Link{Latency: 50 * time.Millisecond}))
//	client, server := network.Host("client"), network.Host("server")
//	aiotest.Run(t, func(ctx context.Context) error {
//		listener, err := asyncio.Listen(server.Context(ctx), "tcp", ":80")
//		…
//		conn, err := asyncio.Dial(client.Context(ctx), "tcp", "server:80")
//		…
//	}, aiotest.WithNetwork(network))
//
// Faults are rules that are injected and removed. This one cuts the server off in the middle
// of a request, for ten seconds:
//
//	cut := network.Inject(aiotest.Partition("server"))
//	asyncio.RunningLoop(ctx).CallLater(10*time.Second, cut.Remove)
//
// and these make every tenth packet late and break off each connection after its first
// thousand bytes, in one case of five:
//
//	network.Inject(aiotest.Delay(time.Second).Chance(0.1))
//	network.Inject(aiotest.Reset().AfterBytes(1000).Chance(0.2))
//
// Connections behave as those of a Linux machine do: what is lost is sent again later, a peer
// that is gone is noticed by keep-alive probes or not at all, and errors are the kernel's. The
// suite [TestNetwork] holds the simulated network and the machine's to the same cases.
//
// A body that needs sockets of this machine, to talk to another program, takes
// WithNetwork(asyncio.NativeNetwork()).
//
// # Replaying
//
// Time, chance and order come from the run alone, hence the same program does the same thing
// each time. With a seed, given by [WithSeed] or the flag -aio.seed, ready tasks run in a
// random order, and the network draws latencies and losses, that the seed determines; a
// failure then comes with the command that replays it. [WithTrace] shows what happened in the
// network.
package aiotest

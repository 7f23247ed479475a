package aiotest_test

import (
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func TestNetworksConform(t *testing.T) {
	for name, newNetwork := range map[string]func(t *testing.T) asyncio.Network{
		"native":    func(*testing.T) asyncio.Network { return asyncio.NativeNetwork() },
		"portable":  func(*testing.T) asyncio.Network { return asyncio.PortableNetwork() },
		"simulated": func(*testing.T) asyncio.Network { return aiotest.NewNetwork() },
		"simulated badly": func(*testing.T) asyncio.Network {
			n := aiotest.NewNetwork(aiotest.WithSocketBuffers(10_000))
			n.SetLink("local", "local", aiotest.Link{Latency: time.Millisecond, Jitter: time.Microsecond, Bandwidth: 1 << 30})
			n.Inject(aiotest.ShortReads(1000))
			return n
		},
	} {
		t.Run(name, func(t *testing.T) { aiotest.TestNetwork(t, newNetwork) })
	}
}

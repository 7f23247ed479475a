package archtest_test

// The rules of this tree, as tables. To allow something new, change a row here
// and say in the commit why; to forbid something new, add a row.

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aio-go/aio/internal/archtest"
)

// layers is the order aiotest → aiohttp/web → aiohttp → asyncio → internal:
// each package imports only what stands before it.
var layers = archtest.Layers{
	Module: "github.com/aio-go/aio",
	Rows: []archtest.Layer{
		// Protocols are pure: bytes in, events out. They can be fuzzed and replayed
		// because there is no clock, no socket and no lock in them.
		{Package: "internal/http1", Own: []string{"internal/..."}, NotStd: impure},
		{Package: "internal/http2", Own: []string{"internal/http1"}, NotStd: impure, ThirdParty: []string{"golang.org/x/net/http2/hpack"}},
		{Package: "internal/wsproto", Own: []string{"internal/..."}, NotStd: impure, ThirdParty: []string{"github.com/klauspost/compress/flate"}},
		{Package: "internal/netrc", Own: []string{}, NotStd: impure},
		{Package: "internal/sock", Own: []string{"internal/..."}, ThirdParty: []string{"golang.org/x/sys/..."}},
		// The demo site is shared by the tool and the examples, and stands above the server.
		{Package: "internal/demo", Own: []string{"internal/...", "asyncio", "aiohttp/..."}},
		{Package: "internal/...", Own: []string{"internal/..."}},
		{Package: "asyncio", Own: []string{"internal/..."}, ThirdParty: []string{"golang.org/x/sys/..."}},
		{Package: "aiohttp", Own: []string{"internal/...", "asyncio"}, ThirdParty: httpModules},
		{Package: "aiohttp/middleware", Own: []string{"asyncio", "aiohttp"}},
		{Package: "aiohttp/web", Own: []string{"internal/...", "asyncio", "aiohttp"}, ThirdParty: httpModules},
		{Package: "aiotest", Own: []string{"internal/...", "asyncio", "aiohttp/..."}},
		{Package: "examples/...", Own: []string{"asyncio", "aiohttp/...", "internal/demo", "examples/..."}, ThirdParty: []string{"golang.org/x/net/dns/dnsmessage"}},
		{Package: "cmd/aio/...", Own: []string{"cmd/aio/...", "internal/...", "asyncio", "aiohttp/..."}, ThirdParty: []string{"..."}},
		{Package: "contrib/...", Own: []string{"asyncio", "aiohttp/..."}, ThirdParty: []string{"..."}},
		{Package: "interop/client", Own: []string{"asyncio", "aiohttp"}, ThirdParty: httpModules},
		{Package: "interop/websocket", Own: []string{"..."}, ThirdParty: []string{"..."}},
		{Package: "bench/...", Own: []string{"..."}, ThirdParty: []string{"..."}},
		{Package: "interop/...", Own: []string{"asyncio"}, ThirdParty: []string{"..."}},
	},
}

var impure = []string{"net", "net/http/...", "time", "sync/...", "os/...", "syscall", "context"}

var httpModules = []string{
	"golang.org/x/net/...",
	"golang.org/x/text/...",
	"github.com/klauspost/compress/...",
	"github.com/andybalholm/brotli",
}

// library is what runs under a simulated clock and network.
var library = []string{"asyncio/...", "aiohttp/...", "aiotest/...", "internal/http1", "internal/http2", "internal/sock", "internal/wsproto"}

// doors lists, for each effect on the outside, the files it goes through. Package
// internal/sock is the outside: a simulation replaces all of it, so that real
// sockets are its business everywhere, and goroutines in its portable half.
var doors = map[string]archtest.Door{
	"clock": {
		Uses: []string{"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After*", "time.NewTimer", "time.Tick", "time.NewTicker"},
		In:   library,
		Files: map[string][]string{
			// executor: waits for threads when the loop closes; debug: watches a loop that is stuck
			"asyncio":       {"clock.go", "executor.go", "debug.go"},
			"internal/sock": {"fallback.go", "fallback_packet.go", "fallback_stream.go", "park_runtime_linux.go"},
		},
		Why: "take the time from the loop, which a test can wind forward",
	},
	"goroutines": {
		Uses: []string{"go"},
		In:   library,
		Files: map[string][]string{
			// coroutine: unwinds by force; channel: waits for a Go channel in the loop's stead
			"asyncio": {"executor.go", "signals.go", "coroutine.go", "channel.go"},
			// goroutine: requests that net/http carries, for as long as they take
			"aiohttp":       {"goroutine.go"},
			"internal/sock": {"detach.go", "fallback_listen.go", "fallback_packet.go", "fallback_stream.go", "fallback_watch.go"},
		},
		Why: "leave the loop through the executor, which a test can hold still",
	},
	"network": {
		Uses: []string{
			"net.Dial*", "net.Listen", "net.ListenConfig", "net.ListenTCP", "net.ListenUDP", "net.ListenUnix*", "net.ListenPacket",
			"net.FileConn", "net.FileListener", "net.DefaultResolver", "net.Resolver", "net.Lookup*",
		},
		In:    []string{"asyncio/...", "aiohttp/...", "aiotest/...", "internal/http1", "internal/http2", "internal/wsproto"},
		Files: map[string][]string{},
		Why:   "dial, listen and resolve through the loop's Network, which a test can simulate",
	},
	"randomness": {
		Uses: []string{
			"crypto/rand.*", "math/rand.*", "math/rand/v2.Int*", "math/rand/v2.Uint*", "math/rand/v2.Float*", "math/rand/v2.N",
			"math/rand/v2.NormFloat64", "math/rand/v2.ExpFloat64", "math/rand/v2.Perm", "math/rand/v2.Shuffle",
		},
		In:    library,
		Files: map[string][]string{"asyncio": {"random.go"}},
		Why:   "draw from the loop, EventLoop.Rand: a replayed run gets the same numbers again",
	},
	"sleeping tests": {
		Uses:  []string{"time.Sleep"},
		In:    []string{"..."},
		Files: map[string][]string{},
		Tests: true,
		Why:   "run under virtual time with aiotest.Run, or wait for the event itself",
	},
}

var size = archtest.Size{File: 600, Func: 70}

func TestTreeKeepsItsRules(t *testing.T) {
	tree := load(t)
	rules := map[string]archtest.Rule{
		"layers":     layers,
		"size":       size,
		"documented": archtest.Documented{Short: 80},
	}
	for name, door := range doors {
		rules[name] = door
	}
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			for _, v := range rule.Check(tree) {
				t.Error(v)
			}
		})
	}
}

// TestDoorsAreReal keeps the tables honest: a file that may do something
// special, but does not exist, is a leftover of a renaming.
func TestDoorsAreReal(t *testing.T) {
	exists := map[string]bool{}
	for _, f := range load(t).Files {
		exists[f.Path] = true
	}
	for name, door := range doors {
		for dir, files := range door.Files {
			for _, file := range files {
				if !exists[dir+"/"+file] {
					t.Errorf("door %q names %s/%s, which does not exist", name, dir, file)
				}
			}
		}
	}
}

func load(t *testing.T) *archtest.Tree {
	t.Helper()
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.work")); err != nil {
		t.Fatalf("not two levels below the root of the tree: %v", err)
	}
	tree, err := archtest.Load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Files) == 0 {
		t.Fatal("no Go files found: the rules would hold for nothing")
	}
	return tree
}

package interop_test

// Against Python: websockets and aiohttp, each as a server that sends back and as a client that checks what comes back.

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
)

// python is Debian's interpreter, to which its packages belong.
const python = "/usr/bin/python3"

func needs(t *testing.T, module string) {
	t.Helper()
	if _, err := os.Stat(python); err != nil {
		t.Skipf("no %s: install python3 and python3-%s", python, module)
	}
	if err := exec.Command(python, "-c", "import "+module).Run(); err != nil {
		t.Skipf("Python has no module %s: install python3-%s", module, module)
	}
}

// servers print their port and serve until their input ends.
var servers = map[string]string{
	"websockets": `
import asyncio, sys, websockets
async def echo(ws, path=None):
    async for m in ws:
        await ws.send(m)
async def main():
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None) as s:
        print(s.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main())
`,
	"aiohttp": `
import asyncio, sys
from aiohttp import web, WSMsgType
async def echo(request):
    ws = web.WebSocketResponse(max_msg_size=0)
    await ws.prepare(request)
    async for m in ws:
        if m.type == WSMsgType.TEXT:
            await ws.send_str(m.data)
        elif m.type == WSMsgType.BINARY:
            await ws.send_bytes(m.data)
    return ws
async def main():
    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()
asyncio.run(main())
`,
}

func TestOurClientAndPythonServers(t *testing.T) {
	for module, program := range servers {
		t.Run(module, func(t *testing.T) {
			needs(t, module)
			cmd := exec.Command(python, "-c", program)
			cmd.Stderr = os.Stderr
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer in.Close()
			port, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatalf("the server said %q: %v", port, err)
			}
			url := "ws://127.0.0.1:" + strings.TrimSpace(port)
			for name, opts := range map[string][]aiohttp.RequestOption{
				"plain": nil, "compressed": {aiohttp.WithWSCompress(15)}, "small window": {aiohttp.WithWSCompress(10)},
				"no takeover": {aiohttp.WithWSCompress(15), aiohttp.WithWSNoContextTakeover()},
			} {
				t.Run(name, func(t *testing.T) {
					onLoop(t, func(ctx context.Context) error { return converse(ctx, t, url, opts...) })
				})
			}
		})
	}
}

// clients talk to the URL they are given and exit with 0 if all was well.
var clients = map[string]string{
	"websockets": `
import asyncio, sys, websockets
async def main(url):
    for compression in (None, "deflate"):
        async with websockets.connect(url, compression=compression, max_size=None) as ws:
            for m in ["", "hello", "größer", "x" * 65535, "0123456789" * 10000, b"\x00\xff"] + ["message %d of many that are alike" % i for i in range(50)]:
                await ws.send(m)
                got = await ws.recv()
                assert got == m, (len(got), len(m))
            await asyncio.wait_for(await ws.ping(), 10)
        assert ws.close_code == 1000, ws.close_code
asyncio.run(main(sys.argv[1].replace("http", "ws")))
`,
	"aiohttp": `
import asyncio, sys, aiohttp
async def main(url):
    async with aiohttp.ClientSession() as s:
        for compress in (0, 9, 15):
            async with s.ws_connect(url, compress=compress) as ws:
                for m in ["", "hello", "größer", "x" * 65535, "0123456789" * 10000] + ["message %d of many that are alike" % i for i in range(50)]:
                    await ws.send_str(m)
                    got = await ws.receive_str()
                    assert got == m, (len(got), len(m))
                await ws.close()
                assert ws.close_code == 1000, ws.close_code
asyncio.run(main(sys.argv[1]))
`,
}

func TestPythonClientsAndOurServer(t *testing.T) {
	for module, program := range clients {
		t.Run(module, func(t *testing.T) {
			needs(t, module)
			serving(t, func(ctx context.Context, url string) error {
				out, err := exec.CommandContext(ctx, python, "-c", program, url).CombinedOutput()
				if out = bytes.TrimSpace(out); len(out) > 0 {
					t.Errorf("%s", out)
				}
				return err
			})
		})
	}
}

// Command echo is a TCP server that sends every line back, and a client that talks to it. With
// the argument "serve" and an address it serves until it is interrupted; with "call", an address
// and words it sends those; without arguments it does both, in one process.
//
// In Python:
//
//	async def handle(reader, writer):
//	    async for line in reader:
//	        writer.write(line)
//	        await writer.drain()
//	    writer.close()
//
//	async def main():
//	    server = await asyncio.start_server(handle, "127.0.0.1", 8888)
//	    async with server:
//	        await server.serve_forever()
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/aio-go/aio/asyncio"
)

type none = struct{}

// handle serves one client, as a task of its own. Its connection is closed when it returns.
func handle(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
	for line, err := range r.Lines(ctx) {
		if err != nil {
			return err
		}
		w.Write(line)
		if err := w.Drain(ctx); err != nil {
			return err
		}
	}
	return nil
}

func serve(ctx context.Context, address string) error {
	server, err := asyncio.StartServer(ctx, handle, "tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("Serving on", server.Addr())
	return server.ServeForever(ctx)
}

func call(ctx context.Context, address string, words []string) error {
	r, w, err := asyncio.OpenConnection(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer w.Close()
	for _, word := range words {
		fmt.Println("Send:", word)
		fmt.Fprintln(w, word)
		line, err := r.ReadLine(ctx)
		if err != nil {
			return err
		}
		fmt.Println("Received:", strings.TrimSuffix(string(line), "\n"))
	}
	return nil
}

func both(ctx context.Context) error {
	server, err := asyncio.StartServer(ctx, handle, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := call(ctx, server.Addr().String(), []string{"Hello", "World"}); err != nil {
		return err
	}
	return server.Shutdown(ctx)
}

func program(args []string) error {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		switch {
		case len(args) == 0:
			return none{}, both(ctx)
		case args[0] == "serve" && len(args) == 2:
			return none{}, serve(ctx, args[1])
		case args[0] == "call" && len(args) > 2:
			return none{}, call(ctx, args[1], args[2:])
		}
		return none{}, errors.New("usage: echo [serve ADDRESS | call ADDRESS WORD…]")
	})
	return err
}

func main() {
	if err := program(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

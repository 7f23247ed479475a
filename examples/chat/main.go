// Command chat is a chat server: what one client writes, all others read. Try it with two
// terminals and "nc 127.0.0.1 8888". Without the argument "serve" and an address, two clients in
// the same process talk to each other.
//
// The room is a plain map. Its tasks share it without a lock, since between two awaits nothing
// else on the loop runs; and since writing never suspends, everybody reads the same order.
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

// A room is the clients that are in it, by name.
type room map[string]*asyncio.StreamWriter

// tell sends text to everybody but one.
func (r room) tell(but, text string) {
	for name, w := range r {
		if name != but {
			fmt.Fprintln(w, text)
		}
	}
}

// handle serves one client. One that does not read what others say is thrown out.
func (r room) handle(ctx context.Context, in *asyncio.StreamReader, out *asyncio.StreamWriter) error {
	fmt.Fprintln(out, "What is your name?")
	line, err := in.ReadLine(ctx)
	if err != nil {
		return err
	}
	name := strings.TrimSpace(string(line))
	if name == "" || r[name] != nil {
		fmt.Fprintln(out, "That name will not do.")
		return nil
	}
	r[name] = out
	defer func() {
		delete(r, name)
		r.tell(name, name+" has left")
	}()
	fmt.Fprintf(out, "Welcome, %s. %d in the room.\n", name, len(r))
	r.tell(name, name+" has come")
	for line, err := range in.Lines(ctx) {
		if err != nil {
			return err
		}
		r.tell(name, name+": "+strings.TrimSpace(string(line)))
		r.throwOut()
	}
	return nil
}

const tooMuch = 1 << 20 // bytes that wait for a client

func (r room) throwOut() {
	for _, w := range r {
		if w.WriteBufferSize() > tooMuch {
			w.Abort()
		}
	}
}

// A guest is a client that prints what it reads.
type guest struct {
	name string
	r    *asyncio.StreamReader
	w    *asyncio.StreamWriter
}

func enter(ctx context.Context, address, name string) (*guest, error) {
	r, w, err := asyncio.OpenConnection(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	g := &guest{name, r, w}
	g.reads(ctx, 1)
	g.says(name)
	g.reads(ctx, 1)
	return g, nil
}

func (g *guest) says(text string) { fmt.Fprintln(g.w, text) }

// reads prints the next lines.
func (g *guest) reads(ctx context.Context, lines int) {
	for range lines {
		line, err := g.r.ReadLine(ctx)
		if err != nil {
			fmt.Println(g.name, "has lost the room:", err)
			return
		}
		fmt.Printf("[%s] %s", g.name, line)
	}
}

func demo(ctx context.Context) error {
	server, err := asyncio.StartServer(ctx, room{}.handle, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ann, err := enter(ctx, server.Addr().String(), "Ann")
	if err != nil {
		return err
	}
	bob, err := enter(ctx, server.Addr().String(), "Bob")
	if err != nil {
		return err
	}
	ann.reads(ctx, 1)
	ann.says("Hello, Bob")
	bob.reads(ctx, 1)
	bob.says("Hello, Ann")
	ann.reads(ctx, 1)
	bob.w.Close()
	ann.reads(ctx, 1)
	ann.w.Close()
	return server.Shutdown(ctx)
}

func serve(ctx context.Context, address string) error {
	server, err := asyncio.StartServer(ctx, room{}.handle, "tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("Chat on", server.Addr())
	return server.ServeForever(ctx)
}

func program(args []string) error {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		switch {
		case len(args) == 0:
			return none{}, demo(ctx)
		case args[0] == "serve" && len(args) == 2:
			return none{}, serve(ctx, args[1])
		}
		return none{}, errors.New("usage: chat [serve ADDRESS]")
	})
	return err
}

func main() {
	if err := program(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

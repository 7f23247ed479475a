//go:build unix

package asyncio_test

// Examples of subprocesses.

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func ExampleCreateSubprocessExec() {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		p, err := asyncio.CreateSubprocessExec(ctx, "sort", []string{"-n"},
			asyncio.WithStdin(asyncio.StdioPipe), asyncio.WithStdout(asyncio.StdioPipe))
		if err != nil {
			return 0, err
		}
		defer p.Close()
		fmt.Fprintf(p.Stdin, "%d\n%d\n%d\n", 30, 4, 100)
		p.Stdin.Close()
		for line, err := range p.Stdout.Lines(ctx) {
			if err != nil {
				return 0, err
			}
			fmt.Printf("%s", line)
		}
		return p.Wait(ctx)
	})
	fmt.Println(err)
	// Output:
	// 4
	// 30
	// 100
	// <nil>
}

func ExampleCreateSubprocessShell() {
	code, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		p, err := asyncio.CreateSubprocessShell(ctx, "exit 3")
		if err != nil {
			return 0, err
		}
		return p.Wait(ctx)
	})
	fmt.Println(code, err)
	// Output: 3 <nil>
}

func ExampleProcess_Communicate() {
	asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		p, err := asyncio.CreateSubprocessExec(ctx, "tr", []string{"a-z", "A-Z"},
			asyncio.WithStdin(asyncio.StdioPipe), asyncio.WithStdout(asyncio.StdioPipe))
		if err != nil {
			return struct{}{}, err
		}
		out, _, err := p.Communicate(ctx, []byte("louder"))
		fmt.Println(string(out), err)
		return struct{}{}, err
	})
	// Output: LOUDER <nil>
}

// The process belongs to the context with which it was created: it ends with that.
func ExampleProcess_timeout() {
	asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		limited, end := asyncio.WithTimeout(ctx, time.Hour)
		defer end()
		p, err := asyncio.CreateSubprocessExec(limited, "sleep", []string{"10000"})
		if err != nil {
			return struct{}{}, err
		}
		end() // here already, and after an hour at the latest
		code, err := p.Wait(ctx)
		fmt.Println("killed:", code, err)
		return struct{}{}, err
	})
	// Output:
	// killed: -9 <nil>
}

func ExampleConnectReadPipe() {
	asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		r, w, err := os.Pipe()
		if err != nil {
			return struct{}{}, err
		}
		p := &pipePrinter{over: asyncio.NewFuture[struct{}](ctx)}
		if _, err := asyncio.ConnectReadPipe(ctx, p, r); err != nil {
			return struct{}{}, err
		}
		fmt.Fprint(w, "through the pipe")
		w.Close()
		return p.over.Await(ctx)
	})
	// Output:
	// through the pipe
	// lost <nil>
}

// pipePrinter prints what arrives.
type pipePrinter struct {
	asyncio.BaseProtocol
	over *asyncio.Future[struct{}]
}

func (p *pipePrinter) DataReceived(b []byte) { fmt.Println(string(b)) }

func (p *pipePrinter) ConnectionLost(err error) {
	fmt.Println("lost", err)
	p.over.SetResult(struct{}{})
}

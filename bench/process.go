package bench

// Subprocesses: many short ones at the same time, on the loop and as os/exec is used by Go
// programs, with a goroutine for each.

import (
	"context"
	"os/exec"
	"sync"

	"github.com/aio-go/aio/asyncio"
)

// Process is the work of starting programs and waiting for them.
var Process = []Work{
	{
		Op: "true", About: "1,000 subprocesses of true at the same time", N: 1000, Steps: 1,
		Impls: []Impl{{"aio", trueAio}, {"os-exec", trueExec}},
	},
	{
		Op: "echo", About: "read what 200 subprocesses of echo write", N: 200, Steps: 1,
		Impls: []Impl{{"aio", echoAio}, {"os-exec", echoExec}},
	},
}

// quiet is what os/exec does where nothing else is said.
var quiet = []asyncio.SubprocessOption{
	asyncio.WithStdin(asyncio.StdioDevNull), asyncio.WithStdout(asyncio.StdioDevNull), asyncio.WithStderr(asyncio.StdioDevNull),
}

func trueAio(r Round) {
	run(func(ctx context.Context) error {
		for r.Loop() {
			err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				for range r.N {
					g.Go(func(ctx context.Context) error {
						p, err := asyncio.CreateSubprocessExec(ctx, "true", nil, quiet...)
						if err == nil {
							_, err = p.Wait(ctx)
						}
						return err
					})
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func trueExec(r Round) {
	for r.Loop() {
		var wg sync.WaitGroup
		for range r.N {
			wg.Go(func() {
				if err := exec.Command("true").Run(); err != nil {
					panic(err)
				}
			})
		}
		wg.Wait()
	}
}

func echoAio(r Round) {
	run(func(ctx context.Context) error {
		for r.Loop() {
			err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				for range r.N {
					g.Go(func(ctx context.Context) error {
						p, err := asyncio.CreateSubprocessExec(ctx, "echo", []string{"hello"}, append(quiet, asyncio.WithStdout(asyncio.StdioPipe))...)
						if err != nil {
							return err
						}
						out, _, err := p.Communicate(ctx, nil)
						mustBeHello(out)
						return err
					})
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func echoExec(r Round) {
	for r.Loop() {
		var wg sync.WaitGroup
		for range r.N {
			wg.Go(func() {
				out, err := exec.Command("echo", "hello").Output()
				if err != nil {
					panic(err)
				}
				mustBeHello(out)
			})
		}
		wg.Wait()
	}
}

func mustBeHello(out []byte) {
	if string(out) != "hello\n" {
		panic("echo wrote " + string(out))
	}
}

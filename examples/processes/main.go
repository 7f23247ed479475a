// Command processes runs one command for many hosts, a few at a time, and puts the name of the
// host before each line of what it writes. A command that takes too long is asked to end and
// then killed, together with all it has started, and so are those that run when the program is
// interrupted.
//
//	processes -limit 8 -timeout 10s 'ssh -o BatchMode=yes {} uptime' alpha beta gamma
//
// The command is a line for the shell; {} stands for the host. Without arguments it shows what
// it does with commands of this machine.
//
// In Python:
//
//	async def run(host):
//	    async with limit, asyncio.timeout(10):
//	        p = await create_subprocess_shell(command.replace("{}", host), stdout=PIPE, stderr=PIPE)
//	        try:
//	            await asyncio.gather(label(host, "|", p.stdout), label(host, "!", p.stderr))
//	            return await p.wait()
//	        except asyncio.CancelledError:
//	            p.kill()
//	            raise
//
//	asyncio.run(asyncio.gather(*map(run, hosts)))
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// A runner runs a command for hosts.
type runner struct {
	command string // a line for the shell, with {} for the host
	limit   int    // commands that run at once
	timeout time.Duration
	out     io.Writer // tasks share it without a lock: only one at a time runs
}

// A result is how the command ended for one host.
type result struct {
	host string
	code int   // of the process; negative for the signal that ended it
	err  error // of the run: it could not be started, or took too long
}

// all runs the command for every host and returns the results in the order of the hosts.
func (r *runner) all(ctx context.Context, hosts []string) (results []result, err error) {
	for res, err := range asyncio.Map(ctx, r.limit, slices.Values(hosts), r.one) {
		if err != nil {
			return results, err
		}
		results = append(results, res)
	}
	return results, nil
}

// one runs the command for a host. Only the end of ctx is an error of its own: what happens to
// one host is no reason to give up on the others.
func (r *runner) one(ctx context.Context, host string) (result, error) {
	code, err := asyncio.Timeout(ctx, r.timeout, func(ctx context.Context) (int, error) {
		p, err := asyncio.CreateSubprocessShell(ctx, strings.ReplaceAll(r.command, "{}", quote(host)),
			asyncio.WithStdin(asyncio.StdioDevNull), asyncio.WithStdout(asyncio.StdioPipe), asyncio.WithStderr(asyncio.StdioPipe),
			asyncio.WithProcessGroup(), asyncio.WithFarewell(syscall.SIGTERM, 2*time.Second))
		if err != nil {
			return 0, err
		}
		err = asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(ctx context.Context) error { return r.label(ctx, host+" ! ", p.Stderr) })
			return r.label(ctx, host+" | ", p.Stdout)
		})
		if err != nil {
			return 0, err
		}
		return p.Wait(ctx)
	})
	if ctx.Err() != nil {
		return result{}, context.Cause(ctx)
	}
	return result{host, code, err}, nil
}

// label copies lines with a label before each.
func (r *runner) label(ctx context.Context, label string, in *asyncio.StreamReader) error {
	for line, err := range in.Lines(ctx) {
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(r.out, "%s%s\n", label, bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return err
		}
	}
	return nil
}

// quote makes a word of the shell of any text.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// report prints the hosts for which the command did not succeed, and how many they are.
func report(out io.Writer, results []result) (failed int) {
	for _, r := range results {
		switch {
		case errors.Is(r.err, context.DeadlineExceeded):
			fmt.Fprintf(out, "%s: took too long\n", r.host)
		case r.err != nil:
			fmt.Fprintf(out, "%s: %v\n", r.host, r.err)
		case r.code != 0:
			fmt.Fprintf(out, "%s: ended with %d\n", r.host, r.code)
		default:
			continue
		}
		failed++
	}
	fmt.Fprintf(out, "%d of %d succeeded\n", len(results)-failed, len(results))
	return failed
}

// program runs r for the hosts and reports how that went.
func (r *runner) program(hosts []string) (failed int, err error) {
	results, err := asyncio.Run(context.Background(), func(ctx context.Context) ([]result, error) {
		return r.all(ctx, hosts)
	})
	return report(r.out, results), err
}

func main() {
	r := &runner{out: os.Stdout}
	flag.IntVar(&r.limit, "limit", 4, "how many commands run at the same time")
	flag.DurationVar(&r.timeout, "timeout", time.Minute, "how long a command may take")
	flag.Parse()
	args := flag.Args()
	if len(args) == 0 {
		args = []string{"echo connected to {}; uname -s; test {} != beta", "alpha", "beta", "gamma"}
	}
	r.command = args[0]
	failed, err := r.program(args[1:])
	if err != nil {
		log.Fatal(err)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

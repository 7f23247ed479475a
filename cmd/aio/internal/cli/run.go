package cli

// Running a fetch: the loop, the signals, the demo server if there is to be one, and the exit status.

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/cmd/aio/internal/fetch"
	"github.com/aio-go/aio/cmd/aio/internal/report"
	"github.com/aio-go/aio/cmd/aio/internal/urllist"
	"github.com/aio-go/aio/internal/demo"
	"github.com/spf13/cobra"
)

func (f *fetchFlags) run(cmd *cobra.Command, args []string, env Env) error {
	if err := f.check(cmd, args); err != nil {
		return err
	}
	cfg, err := f.config(cmd, env)
	if err != nil {
		return err
	}
	list, err := urllist.Open(args, f.lists, env.Stdin)
	if err != nil {
		return err
	}
	defer list.Close()
	// A reader of our output that goes away shall end the run in order, not by signal.
	signal.Ignore(syscall.SIGPIPE)
	var caught interrupts
	sum, err := asyncio.Run(cmd.Context(), func(ctx context.Context) (*report.Summary, error) {
		if f.demo {
			site, err := demo.Start(ctx, "127.0.0.1:0")
			if err != nil {
				return nil, err
			}
			defer site.Stop(ctx)
			list, err = urllist.Open(demo.Links(site.URL(), demoURLs), nil, nil)
			if err != nil {
				return nil, err
			}
		}
		return fetch.Run(ctx, cfg, list, func(stop func(error)) { caught.listen(ctx, env, stop) })
	})
	return f.conclude(env, cfg, sum, err, caught.signal)
}

// interrupts turns the first signal into an orderly stop and the second into an end.
type interrupts struct{ signal os.Signal }

func (i *interrupts) listen(ctx context.Context, env Env, stop func(error)) {
	loop := asyncio.RunningLoop(ctx)
	for _, sig := range stopSignals() {
		loop.AddSignalHandler(sig, func() {
			if i.signal != nil {
				env.Stderr.WriteString("\n")
				say(env.Stderr, "interrupted again: exiting at once")
				os.Exit(statusOf(sig))
			}
			i.signal = sig
			stop(fetch.ErrInterrupted)
		})
	}
}

// stopSignals returns the signals that stop a command in order, without those that are ignored: by nohup, or by a shell
// that runs us in the background.
func stopSignals() []os.Signal {
	return slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
}

func statusOf(sig os.Signal) int {
	switch sig {
	case syscall.SIGTERM:
		return exitTerminated
	case syscall.SIGHUP:
		return exitHungUp
	}
	return exitInterrupted
}

// conclude writes the summary and decides the exit status.
func (f *fetchFlags) conclude(env Env, cfg *fetch.Config, sum *report.Summary, err error, sig os.Signal) error {
	if sum != nil && cfg.Summary {
		env.Stderr.WriteString(sum.Text())
	}
	said := sum != nil && cfg.Summary && err != nil && sum.Stopped == err.Error()
	if err != nil && !said && !errors.Is(err, syscall.EPIPE) {
		say(env.Stderr, err.Error())
	}
	switch {
	case sum == nil:
		return statusError(exitFailed)
	case sum.Interrupted && sig != nil:
		return statusError(statusOf(sig))
	case err != nil, sum.Failed > 0, sum.Stopped != "":
		return statusError(exitFailed)
	}
	return nil
}

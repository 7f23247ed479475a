package cli

// aio serve --demo, and the demo server that fetch --demo starts beside itself.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/demo"
	"github.com/spf13/cobra"
)

func newServe(env Env) *cobra.Command {
	var (
		host     string
		port     uint16
		wantDemo bool
	)
	cmd := &cobra.Command{
		Use:   "serve --demo [flags]",
		Short: "Serve the demo site",
		Long: `Serves a small site that behaves well and badly on demand: bodies of known content, delays, redirects,
compression, errors that pass and errors that stay. Its first page lists what there is.

It runs until it is interrupted; requests under way are finished first.`,
		Example: `  aio serve --demo --port 8080
  curl -s http://127.0.0.1:8080/links | aio fetch -i -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !wantDemo {
				return errors.New("serve has only the demo site to serve: give --demo")
			}
			return serve(cmd.Context(), env, host, int(port))
		},
	}
	cmd.Flags().BoolVar(&wantDemo, "demo", false, "serve the demo site")
	cmd.Flags().StringVar(&host, "host", "127.0.0.1", "address to listen on")
	cmd.Flags().Uint16Var(&port, "port", 8080, "port to listen on; 0 takes a free one")
	return cmd
}

// serve runs the demo site until a signal.
func serve(ctx context.Context, env Env, host string, port int) error {
	_, err := asyncio.Run(ctx, func(ctx context.Context) (struct{}, error) {
		site, err := demo.Start(ctx, net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return struct{}{}, err
		}
		defer site.Stop(ctx)
		fmt.Fprintf(env.Stdout, "aio: serving %s (interrupt to stop)\n", site.URL())
		stop := asyncio.NewFuture[struct{}](ctx)
		loop := asyncio.RunningLoop(ctx)
		for _, sig := range stopSignals() {
			loop.AddSignalHandler(sig, func() {
				if stop.SetResult(struct{}{}) != nil {
					os.Exit(statusOf(sig)) // the second one
				}
			})
		}
		return stop.Await(ctx)
	})
	if err != nil {
		say(env.Stderr, err.Error())
		return statusError(exitFailed)
	}
	return nil
}

package main

// Requests that wait for a slow host, which is this program in another process: both
// ends have as many descriptors as there are requests.

import (
	"context"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/aio-go/aio/bench"
)

// waitingRow has its memory as a figure: what each request adds to a process with one.
func waitingRow(op string, budgets ...budget) row {
	work := mustFind(bench.Waiting, op)
	return row{
		name: op, about: work.About, unit: time.Second, budgets: budgets,
		prepare: func(ctx context.Context, s settings) ([]contestant, error) {
			// It ends with its standard input, hence with this program.
			_, port, err := serving(exec.CommandContext(ctx, s.self, serveCommand, bench.SlowHost.Name))
			if err != nil {
				return nil, err
			}
			host := "http://127.0.0.1:" + port
			command := func(ctx context.Context, n int) *exec.Cmd {
				return exec.CommandContext(ctx, s.python, filepath.Join(s.py, "client.py"),
					bench.WaitingURL(host, n), strconv.Itoa(n), strconv.Itoa(n), s.seconds())
			}
			return append(goContestants(s, work, host), contestant{name: "aiohttp+uvloop", run: perOperation(work, command)}), nil
		},
	}
}

// Command peers runs the same work on this library and on its peers (other Go
// code, CPython's asyncio, uvloop, aiohttp, wrk, curl, wget2) and prints one
// table of medians and ratios.
//
// Every run is a process of its own. The runs are interleaved: each round runs
// every contestant of a row once, and a ratio is the median over the rounds of
// our figure divided by the peer's in the same round, so that a machine that is
// slow for a while is slow for both. Processor time is what the operating system
// charges the process with, all its threads together.
//
//	go run ./bench/peers -rows spawn,yield -rounds 7
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/aio-go/aio/bench/origin"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == serveCommand {
		if err := runServer(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 1 && children[os.Args[1]] != nil {
		child(children[os.Args[1]], os.Args[2:])
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := compare(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// settings are the command line's and what follows from it.
type settings struct {
	rows   string
	rounds int
	each   time.Duration // how long one run of short work lasts
	python string
	self   string         // this program, for children
	tmp    string         // scratch directory, removed at the end
	py     string         // directory of the Python programs
	origin *origin.Server // nil without nginx

	originHTTP2 *origin.Server // the same over HTTP/2
}

func compare(ctx context.Context) (err error) {
	s := settings{}
	flag.StringVar(&s.rows, "rows", "all", "comma-separated `names` of the rows to run: "+strings.Join(rowNames(), ", "))
	flag.IntVar(&s.rounds, "rounds", 5, "how often each contestant runs")
	flag.DurationVar(&s.each, "time", 500*time.Millisecond, "how long one run of short work lasts")
	flag.StringVar(&s.python, "python", "/usr/bin/python3", "Python with uvloop and aiohttp")
	flag.StringVar(&s.tmp, "dir", "", "`directory` for scratch files, bulk fetching's among them (default: the system's temporary directory)")
	flag.Parse()
	if s.rounds < 1 {
		return fmt.Errorf("-rounds %d: at least 1", s.rounds)
	}
	rows, err := selectRows(s.rows)
	if err != nil {
		return err
	}
	if s.tmp, err = os.MkdirTemp(s.tmp, "aio-peers-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.tmp)) }()
	if s.self, err = os.Executable(); err != nil {
		return err
	}
	if s.py, err = unpackPython(s.tmp); err != nil {
		return err
	}
	for _, o := range []struct {
		server **origin.Server
		start  func() (*origin.Server, error)
	}{{&s.origin, origin.Start}, {&s.originHTTP2, origin.StartHTTP2}} {
		switch *o.server, err = o.start(); {
		case err == nil:
			defer func() { err = errors.Join(err, (*o.server).Close()) }()
		case !errors.Is(err, origin.ErrNotInstalled):
			return err
		}
	}
	return runRows(ctx, s, rows)
}

// runRows runs the rows one after the other and prints the table at the end;
// progress goes to standard error.
func runRows(ctx context.Context, s settings, rows []row) error {
	var results []result
	for _, r := range rows {
		res, err := measureRow(ctx, s, r)
		if err != nil {
			return fmt.Errorf("row %s: %w", r.name, err)
		}
		results = append(results, res)
	}
	printTable(os.Stdout, s, results)
	return nil
}

// missing reports whether err says that a program is not there to be run.
func missing(err error) bool {
	return errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) || errors.Is(err, errAbsent)
}

// errAbsent is wrapped by errors that excuse a contestant: it cannot be had here.
var errAbsent = errors.New("not installed")

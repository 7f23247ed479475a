package main

// How the contestants of the scheduler and client rows are run.

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/aio-go/aio/bench"
	"github.com/aio-go/aio/bench/usage"
)

// ourName is what package bench calls our implementations.
const ourName = "aio"

// goContestants are all implementations of work at GOMAXPROCS 1 and 2.
func goContestants(s settings, work bench.Work, url string) []contestant {
	var all []contestant
	for _, impl := range work.Impls {
		for _, procs := range []int{1, 2} {
			command := func(ctx context.Context, n int) *exec.Cmd {
				cmd := exec.CommandContext(ctx, s.self, workCommand, work.Op, impl.Name, strconv.Itoa(n), s.seconds(), url)
				cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(procs))
				return cmd
			}
			all = append(all, contestant{
				name: impl.Name, procs: procs, ours: impl.Name == ourName,
				run: perOperation(work, command),
			})
		}
	}
	return all
}

// pythonContestants run the scheduler's work on asyncio and on uvloop.
func pythonContestants(s settings, work bench.Work) []contestant {
	var all []contestant
	for _, kind := range []string{"asyncio", "uvloop"} {
		command := func(ctx context.Context, n int) *exec.Cmd {
			return exec.CommandContext(ctx, s.python, filepath.Join(s.py, "scheduler.py"), kind, work.Op, strconv.Itoa(n), s.seconds())
		}
		all = append(all, contestant{name: kind, run: perOperation(work, command)})
	}
	return all
}

// aiohttp is Python's HTTP client on uvloop.
func aiohttp(s settings, work bench.Work, url string) contestant {
	command := func(ctx context.Context, n int) *exec.Cmd {
		return exec.CommandContext(ctx, s.python, filepath.Join(s.py, "client.py"),
			url, strconv.Itoa(work.AtOnce), strconv.Itoa(n), s.seconds())
	}
	return contestant{name: "aiohttp+uvloop", run: perOperation(work, command)}
}

// perOperation makes a run out of a command that prints a cost. Of tasks that wait
// all at one time the sample has the time of the whole iteration, and the memory
// that each of them adds to a run with one.
func perOperation(work bench.Work, command func(context.Context, int) *exec.Cmd) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		c, err := printedCost(command(ctx, work.N))
		if err != nil {
			return sample{}, err
		}
		ops := float64(c.Iterations)
		if !work.Waiting {
			ops *= float64(work.Ops(work.N))
		}
		result := sample{wall: c.Wall / ops * 1e9, cpu: c.CPU / ops * 1e9}
		if work.Waiting {
			one, err := printedCost(command(ctx, 1))
			if err != nil {
				return sample{}, err
			}
			result.mem = (c.Peak - one.Peak) / float64(work.N-1)
		}
		return result, nil
	}
}

func printedCost(cmd *exec.Cmd) (cost, error) {
	var c cost
	out, err := output(cmd)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(out, &c); err != nil {
		return c, fmt.Errorf("output of %s: %w", cmd.Args[0], err)
	}
	if c.Iterations < 1 {
		return c, fmt.Errorf("output of %s: %d iterations", cmd.Args[0], c.Iterations)
	}
	return c, nil
}

// output runs cmd; its error holds what the program had to say.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case err == nil:
		return stdout.Bytes(), nil
	case bytes.Contains(stderr.Bytes(), []byte("ModuleNotFoundError")):
		err = errAbsent
	}
	if text := bytes.TrimSpace(stderr.Bytes()); len(text) > 0 {
		last := text[bytes.LastIndexByte(text, '\n')+1:]
		return nil, fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, last)
	}
	return nil, fmt.Errorf("%s: %w", filepath.Base(cmd.Path), err)
}

var wrkRequests = regexp.MustCompile(`(\d+) requests in ([\d.]+)(ms|s|m),`)

// wrk is the load generator, as the measure of how little a client can cost.
func wrk(s settings, work bench.Work, url string) contestant {
	return contestant{name: "wrk", run: func(ctx context.Context) (sample, error) {
		seconds := max(1, int(s.each.Round(time.Second)/time.Second))
		cmd := exec.CommandContext(ctx, "wrk", "-t1", "-c"+strconv.Itoa(work.AtOnce), "-d"+strconv.Itoa(seconds)+"s", url)
		out, err := output(cmd)
		if err != nil {
			return sample{}, err
		}
		m := wrkRequests.FindSubmatch(out)
		if m == nil || bytes.Contains(out, []byte("Non-2xx")) || bytes.Contains(out, []byte("Socket errors")) {
			return sample{}, fmt.Errorf("wrk: unexpected output: %s", bytes.TrimSpace(out))
		}
		requests, err1 := strconv.ParseFloat(string(m[1]), 64)
		wall, err2 := time.ParseDuration(string(m[2]) + string(m[3]))
		if err := errors.Join(err1, err2); err != nil {
			return sample{}, err
		}
		return sample{
			wall: float64(wall) / requests,
			cpu:  float64(usage.Of(cmd.ProcessState).CPU) / requests,
		}, nil
	}}
}

func (s settings) seconds() string { return strconv.FormatFloat(s.each.Seconds(), 'f', -1, 64) }

//go:embed py/*.py
var python embed.FS

// unpackPython writes the Python programs below dir and returns where they are.
func unpackPython(dir string) (string, error) {
	scripts, err := fs.Sub(python, "py")
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "py")
	return dir, os.CopyFS(dir, scripts)
}

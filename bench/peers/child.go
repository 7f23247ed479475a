package main

// The child side: the program starts itself, to run one Go implementation of one
// work with a GOMAXPROCS of its own, or to start another program and see what it
// costs, and prints the cost.

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"github.com/aio-go/aio/bench"
	"github.com/aio-go/aio/bench/usage"
)

// First arguments that make the program a child.
const (
	workCommand  = "work"  // work OP IMPL N SECONDS URL
	startCommand = "start" // start PROGRAM ARGUMENTS
)

var children = map[string]func(args []string) (cost, error){
	workCommand:  runWork,
	startCommand: runProgram,
}

// cost is what every child prints, in Go and in Python.
type cost struct {
	Iterations int     `json:"iterations"`
	Wall       float64 `json:"wall"` // seconds
	CPU        float64 `json:"cpu"`  // seconds
	Peak       float64 `json:"peak"` // bytes
}

func child(run func([]string) (cost, error), args []string) {
	c, err := run(args)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runProgram runs a program that knows nothing of costs. It takes a process of its
// own because Linux counts the memory of the parent as the least that a child has
// ever held, and a fresh process has hardly any.
func runProgram(command []string) (cost, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return cost{}, err
	}
	wall := time.Since(began)
	spent := usage.Of(cmd.ProcessState)
	return cost{Iterations: 1, Wall: wall.Seconds(), CPU: spent.CPU.Seconds(), Peak: float64(spent.Peak)}, nil
}

func runWork(args []string) (cost, error) {
	if len(args) != 5 {
		return cost{}, fmt.Errorf("%s %q: want OP IMPL N SECONDS URL", workCommand, args)
	}
	work, ok := bench.Find(slices.Concat(bench.Scheduler, bench.Client, bench.HTTP2, bench.Waiting), args[0])
	if !ok {
		return cost{}, fmt.Errorf("no work is called %q", args[0])
	}
	impl, ok := work.Find(args[1])
	if !ok {
		return cost{}, fmt.Errorf("%s: no implementation is called %q", work.Op, args[1])
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return cost{}, err
	}
	seconds, err := strconv.ParseFloat(args[3], 64)
	if err != nil {
		return cost{}, err
	}
	watch := stopwatch{enough: time.Duration(seconds / 2 * float64(time.Second))}
	impl.Run(bench.Round{N: n, Loop: watch.loop, Peak: func() {}, URL: args[4], Body: work.Body, AtOnce: work.AtOnce})
	return watch.cost(), nil
}

// A stopwatch decides how many iterations a run has. It doubles them, starting
// afresh each time, until they take long enough; what came before was warming up.
type stopwatch struct {
	enough time.Duration
	batch  int // iterations of the current attempt
	left   int // of those, not yet begun
	began  time.Time
	before usage.Cost
	wall   time.Duration
	after  usage.Cost
}

func (s *stopwatch) loop() bool {
	if s.left > 0 {
		s.left--
		return true
	}
	if s.batch > 0 {
		if s.wall = time.Since(s.began); s.wall >= s.enough {
			s.after = usage.Self()
			return false
		}
	}
	s.batch = max(1, 2*s.batch)
	s.left = s.batch - 1
	s.before = usage.Self()
	s.began = time.Now()
	return true
}

func (s *stopwatch) cost() cost {
	return cost{
		Iterations: s.batch,
		Wall:       s.wall.Seconds(),
		CPU:        (s.after.CPU - s.before.CPU).Seconds(),
		Peak:       float64(s.after.Peak),
	}
}

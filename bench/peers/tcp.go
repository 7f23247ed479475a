package main

// The TCP rows. Every run starts a server in a process of its own and puts it under
// the load of c/tcp.c; what counts is what the server has cost while the load counted.

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aio-go/aio/bench"
)

//go:embed c/tcp.c
var tcpSource []byte

const (
	echoConnections   = 64
	idleConnections   = 50_000
	idlePerServer     = 16_000 // a process may have 20,000 descriptors
	acceptConnections = 16
)

// serveCommand makes the program a server: serve NAME.
const serveCommand = "serve"

// tcpRow compares servers under one kind of load: echo, idle or accept.
func tcpRow(name, about string, unit time.Duration, load func(ctx context.Context, program string, s settings, serve func() *exec.Cmd) (sample, error), budgets ...budget) row {
	return row{
		name: name, about: about, unit: unit, budgets: budgets,
		prepare: func(ctx context.Context, s settings) ([]contestant, error) {
			program, err := compileTCP(ctx, s)
			if err != nil {
				return nil, err
			}
			var all []contestant
			add := func(name string, procs int, ours bool, serve func() *exec.Cmd) {
				all = append(all, contestant{name: name, procs: procs, ours: ours, run: func(ctx context.Context) (sample, error) {
					return load(ctx, program, s, serve)
				}})
			}
			for _, server := range bench.TCPServers {
				for _, procs := range []int{1, 2} {
					add(server.Name, procs, strings.HasPrefix(server.Name, ourName), func() *exec.Cmd {
						cmd := exec.CommandContext(ctx, s.self, serveCommand, server.Name)
						cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(procs))
						return cmd
					})
				}
			}
			add("C epoll", 0, false, func() *exec.Cmd { return exec.CommandContext(ctx, program, "serve") })
			for _, kind := range []string{"asyncio", "uvloop"} {
				for _, style := range []string{"protocol", "streams"} {
					add(kind+" "+style, 0, false, func() *exec.Cmd {
						return exec.CommandContext(ctx, s.python, filepath.Join(s.py, "echo.py"), kind, style)
					})
				}
			}
			return all, nil
		},
	}
}

// compileTCP builds the C program, once.
func compileTCP(ctx context.Context, s settings) (string, error) {
	program := filepath.Join(s.tmp, "tcp")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	source := program + ".c"
	if err := os.WriteFile(source, tcpSource, 0o644); err != nil {
		return "", err
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		return "", err
	}
	_, err := output(exec.CommandContext(ctx, "gcc", "-O2", "-o", program, source))
	return program, err
}

// runServer is the child that serves.
func runServer(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s %q: want NAME", serveCommand, args)
	}
	servers := append(slices.Clone(bench.TCPServers), bench.SlowHost)
	i := slices.IndexFunc(servers, func(s bench.TCPServer) bool { return s.Name == args[0] })
	if i < 0 {
		return fmt.Errorf("no server is called %q", args[0])
	}
	stop := make(chan struct{})
	return servers[i].Serve(func(addrs []net.Addr) {
		var ports []string
		for _, a := range addrs {
			ports = append(ports, strconv.Itoa(a.(*net.TCPAddr).Port))
		}
		fmt.Println(strings.Join(ports, ","))
		go func() {
			defer close(stop)
			for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
				debug.FreeOSMemory()
				fmt.Println("settled")
			}
		}()
	}, stop)
}

// A process is a child that is talked to over its standard input and output.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	err strings.Builder
}

func start(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd}
	cmd.Stderr = &p.err
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, cmd.Start()
}

// line reads a line of output.
func (p *process) line() (string, error) {
	text, err := p.out.ReadString('\n')
	if err != nil {
		p.cmd.Wait()
		last := strings.TrimSpace(p.err.String())
		if strings.Contains(last, "ModuleNotFoundError") {
			err = errAbsent
		}
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(p.cmd.Path), err, last[strings.LastIndexByte(last, '\n')+1:])
	}
	return strings.TrimSpace(text), nil
}

// end closes the standard input, upon which every child ends.
func (p *process) end() error {
	return errors.Join(p.in.Close(), p.cmd.Wait())
}

// cpu is what all threads of the process have used so far, in nanoseconds.
func (p *process) cpu() (float64, error) {
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	total := 0.0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseFloat(first, 64)
		if err != nil {
			return 0, err
		}
		total += ns
	}
	if total == 0 {
		err = fmt.Errorf("no processor time of process %d: %w", p.cmd.Process.Pid, errAbsent)
	}
	return total, err
}

// resident is how much memory the process has when it has tidied up, in bytes.
func (p *process) resident() (float64, error) {
	if _, err := io.WriteString(p.in, "settle\n"); err != nil {
		return 0, err
	}
	if _, err := p.line(); err != nil {
		return 0, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseFloat(kb, 64)
	return n * 1024, err
}

// serving starts a server and returns it with its addresses.
func serving(cmd *exec.Cmd) (p *process, addrs string, err error) {
	if p, err = start(cmd); err != nil {
		return nil, "", err
	}
	addrs, err = p.line()
	return p, addrs, err
}

// echoLoad is messages of so many bytes; acceptLoad is connections.
func echoLoad(size int) func(context.Context, string, settings, func() *exec.Cmd) (sample, error) {
	return func(ctx context.Context, program string, s settings, serve func() *exec.Cmd) (sample, error) {
		return countedLoad(ctx, program, s, serve, "echo", strconv.Itoa(echoConnections), strconv.Itoa(size))
	}
}

func acceptLoad(ctx context.Context, program string, s settings, serve func() *exec.Cmd) (sample, error) {
	return countedLoad(ctx, program, s, serve, "accept", strconv.Itoa(acceptConnections))
}

func countedLoad(ctx context.Context, program string, s settings, serve func() *exec.Cmd, kind string, args ...string) (_ sample, err error) {
	server, addrs, err := serving(serve())
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, server.end()) }()
	load, err := start(exec.CommandContext(ctx, program, append(append([]string{kind, addrs}, args...), s.seconds())...))
	if err != nil {
		return sample{}, err
	}
	if _, err := load.line(); err != nil {
		return sample{}, err
	}
	before, err := server.cpu()
	if err != nil {
		return sample{}, err
	}
	text, err := load.line()
	if err != nil {
		return sample{}, err
	}
	after, err := server.cpu()
	if err != nil {
		return sample{}, err
	}
	var count, took float64
	if _, err := fmt.Sscan(text, &count, &took); err != nil || count == 0 {
		return sample{}, fmt.Errorf("the load printed %q", text)
	}
	return sample{wall: took / count, cpu: (after - before) / count}, load.end()
}

// idleLoad is many connections that have said one byte and are silent, spread over as
// many servers as it takes. The sample has what each adds to the memory of its server.
func idleLoad(ctx context.Context, program string, s settings, serve func() *exec.Cmd) (sample, error) {
	grown, began := 0.0, time.Now()
	for left := idleConnections; left > 0; left -= idlePerServer {
		more, err := idleOn(ctx, program, serve, min(left, idlePerServer))
		if err != nil {
			return sample{}, err
		}
		grown += more
	}
	return sample{wall: float64(time.Since(began)) / idleConnections, mem: grown / idleConnections}, nil
}

func idleOn(ctx context.Context, program string, serve func() *exec.Cmd, n int) (grown float64, err error) {
	server, addrs, err := serving(serve())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, server.end()) }()
	sizes := [2]float64{}
	for i, n := range []int{64, n} {
		load, err := start(exec.CommandContext(ctx, program, "idle", addrs, strconv.Itoa(n)))
		if err != nil {
			return 0, err
		}
		if _, err := load.line(); err != nil {
			return 0, err
		}
		if sizes[i], err = server.resident(); err != nil {
			return 0, err
		}
		if err := load.end(); err != nil {
			return 0, err
		}
	}
	return sizes[1] - sizes[0], nil
}

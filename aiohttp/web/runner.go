package web

// Running an application. An AppRunner owns the application's life and its connections; sites are the addresses it
// listens on. RunApp puts both together for a program that is nothing but a server; tests and programs that do other
// things beside use the runner.

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"

	"github.com/aio-go/aio/asyncio"
)

// runnerState is where a runner is in its life.
type runnerState uint8

const (
	runnerFresh   runnerState = iota // not set up
	runnerRunning                    // set up: sites may start
	runnerDone                       // cleaned up
)

// String names the state.
func (s runnerState) String() string { return [...]string{"fresh", "running", "done"}[s] }

// AppRunner starts and stops an application:
//
//	runner := web.NewAppRunner(app)
//	if err := runner.Setup(ctx); err != nil {
//		return err
//	}
//	defer runner.Cleanup(context.WithoutCancel(ctx))
//	site := web.NewTCPSite(runner, "127.0.0.1:0")
//	if err := site.Start(ctx); err != nil {
//		return err
//	}
//	fmt.Println("serving", site.URL())
type AppRunner struct {
	app     *Application
	options runOptions
	server  *server
	sites   []*site
	state   runnerState
}

// NewAppRunner makes a runner. It takes the options of [RunApp]; those that say where to listen have no effect.
func NewAppRunner(app *Application, opts ...RunOption) *AppRunner {
	return &AppRunner{app: app, options: newRunOptions(opts)}
}

// App returns the application.
func (r *AppRunner) App() *Application { return r.app }

// Setup freezes the application and runs its startup hooks. It suspends if they do. If one fails, what was acquired
// before is released again, and its error is returned. The tasks of the handlers derive their contexts from ctx's
// values, not from its end: Cleanup ends them.
func (r *AppRunner) Setup(ctx context.Context) error {
	if r.state != runnerFresh {
		return errors.New("web: the runner was set up before; make a new one")
	}
	if err := r.app.startup(ctx); err != nil {
		r.state = runnerDone
		return errors.Join(err, r.app.cleanup(context.WithoutCancel(ctx)))
	}
	r.server = newServer(context.WithoutCancel(ctx), r.app, r.options.server)
	r.state = runnerRunning
	return nil
}

// Addrs returns the addresses of the sites that were started, in that order.
func (r *AppRunner) Addrs() []net.Addr {
	var addrs []net.Addr
	for _, s := range r.sites {
		addrs = append(addrs, s.Addr())
	}
	return addrs
}

// Cleanup stops gracefully: it stops accepting, closes idle connections, runs the shutdown hooks, waits for the handlers
// up to the shutdown timeout, cancels those that are left, closes all connections and runs the cleanup hooks. It
// suspends until then. A second call does nothing. The end of ctx cuts the waiting short; give it a ctx that lasts, as
// context.WithoutCancel makes one.
func (r *AppRunner) Cleanup(ctx context.Context) error {
	if r.state != runnerRunning {
		r.state = runnerDone
		return nil
	}
	r.state = runnerDone
	var errs []error
	for _, s := range r.sites {
		errs = append(errs, s.Stop())
	}
	errs = append(errs, r.server.shutdown(ctx, r.options.shutdownTimeout), r.app.cleanup(ctx))
	return errors.Join(errs...)
}

// site is one address a runner listens on.
type site struct {
	runner   *AppRunner
	network  string
	address  string
	listener *asyncio.Server
}

// TCPSite listens on a TCP address.
type TCPSite struct{ site }

// NewTCPSite makes a site for an address "host:port"; port 0 takes a free one.
func NewTCPSite(r *AppRunner, address string) *TCPSite {
	return &TCPSite{site{runner: r, network: "tcp", address: address}}
}

// UnixSite listens on a Unix socket.
type UnixSite struct{ site }

// NewUnixSite makes a site for the path of a socket.
func NewUnixSite(r *AppRunner, path string) *UnixSite {
	return &UnixSite{site{runner: r, network: "unix", address: path}}
}

// Start begins to listen. It suspends while a host is looked up. The runner has to be set up. It
// fails as [asyncio.CreateServer] does.
func (s *site) Start(ctx context.Context) error {
	if s.runner.state != runnerRunning {
		return errors.New("web: the runner is not running; call Setup before Start")
	}
	if s.listener != nil {
		return errors.New("web: the site was started before")
	}
	r := s.runner
	factory := func() asyncio.Protocol { return &socketConn{conn: conn{server: r.server}} }
	listener, err := asyncio.CreateServer(ctx, factory, s.network, s.address, r.options.listenOptions()...)
	if err != nil {
		return err
	}
	s.listener = listener
	r.sites = append(r.sites, s)
	return nil
}

// Addr returns the address the site listens on, a TCP site's with the port it was given; nil before Start.
func (s *site) Addr() net.Addr {
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// socketConn is a connection on a socket of the loop.
type socketConn struct{ conn }

// ConnectionMade begins the life of the connection.
func (c *socketConn) ConnectionMade(t *asyncio.Transport) {
	c.secure = t.TLS() != nil
	c.connected(t)
}

// Stop stops listening. Connections that are open stay open; [AppRunner.Cleanup] ends them.
func (s *site) Stop() error {
	if s.listener == nil {
		return nil
	}
	return s.listener.Close()
}

// URL returns the address of the site as a URL without a path, as http://127.0.0.1:8080, with localhost for a wildcard
// address; for a Unix socket http+unix:// and its path, which is for people to read.
func (s *site) URL() string {
	scheme := "http"
	if s.runner.options.tls != nil {
		scheme = "https"
	}
	addr, ok := s.Addr().(*net.TCPAddr)
	if !ok {
		return scheme + "+unix://" + s.address
	}
	return scheme + "://" + displayHost(addr)
}

func displayHost(addr *net.TCPAddr) string {
	text := addr.String()
	if addr.IP.IsUnspecified() {
		return "localhost" + text[strings.LastIndexByte(text, ':'):]
	}
	return text
}

// RunApp serves an application until ctx ends or SIGTERM comes, then stops it gracefully. Called with the ctx of a
// running task it serves on that task's loop; otherwise it makes a loop of its own, which ends with SIGINT too. The
// error is that of the start or of the hooks; being stopped is not one. In Python: run_app.
func RunApp(ctx context.Context, app *Application, opts ...RunOption) error {
	o := newRunOptions(opts)
	if _, ok := asyncio.LoopFrom(ctx); ok {
		return runApp(ctx, app, o)
	}
	_, err := asyncio.Run(ctx, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, runApp(ctx, app, o)
	})
	return err
}

func runApp(ctx context.Context, app *Application, o runOptions) error {
	r := &AppRunner{app: app, options: o}
	if err := r.Setup(ctx); err != nil {
		return err
	}
	err := r.serve(ctx)
	return errors.Join(err, r.Cleanup(context.WithoutCancel(ctx)))
}

// serve listens on all addresses and waits for the word to stop.
func (r *AppRunner) serve(ctx context.Context) error {
	for _, address := range r.options.addresses() {
		if err := NewTCPSite(r, address).Start(ctx); err != nil {
			return err
		}
	}
	r.announce()
	stop := asyncio.NewFuture[struct{}](ctx)
	loop := asyncio.RunningLoop(ctx)
	if r.options.signals && loop.AddSignalHandler(syscall.SIGTERM, func() { stop.SetResult(struct{}{}) }) == nil {
		defer loop.RemoveSignalHandler(syscall.SIGTERM)
	}
	stop.Await(ctx)
	return nil
}

// announce tells where the application can be reached.
func (r *AppRunner) announce() {
	if r.options.ready != nil {
		r.options.ready(r.Addrs())
	}
	if r.options.out == nil {
		return
	}
	var b strings.Builder
	for _, s := range r.sites {
		b.WriteString("======== Running on " + s.URL() + " ========\n")
	}
	b.WriteString("(Press CTRL+C to quit)\n")
	r.options.out.Write([]byte(b.String()))
}

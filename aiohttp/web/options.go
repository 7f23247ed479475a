package web

// The options of running an application: where it listens, how long things may take, and how it stops.

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// RunOption is an option of [RunApp] and [NewAppRunner].
type RunOption interface{ applyRun(*runOptions) }

type runOption func(*runOptions)

func (f runOption) applyRun(o *runOptions) { f(o) }

type runOptions struct {
	server          serverOptions
	hosts           []string
	port            int // -1: the default of the scheme
	addrs           []string
	tls             *tls.Config
	shutdownTimeout time.Duration
	listen          []asyncio.ListenOption
	out             io.Writer
	ready           func([]net.Addr)
	signals         bool
}

func newRunOptions(opts []RunOption) runOptions {
	o := runOptions{
		server:          defaultServerOptions(),
		port:            -1,
		shutdownTimeout: 60 * time.Second,
		out:             os.Stdout,
		signals:         true,
	}
	for _, opt := range opts {
		opt.applyRun(&o)
	}
	return o
}

// listenOptions returns how the sites listen. Only HTTP/1.1 is offered to clients that ask for a protocol.
func (o *runOptions) listenOptions() []asyncio.ListenOption {
	if o.tls == nil {
		return o.listen
	}
	config := o.tls
	if len(config.NextProtos) == 0 {
		config = config.Clone()
		config.NextProtos = []string{"http/1.1"}
	}
	return append(o.listen[:len(o.listen):len(o.listen)], asyncio.WithServerTLS(config))
}

// addresses lists what to listen on.
func (o *runOptions) addresses() []string {
	if len(o.addrs) > 0 && o.hosts == nil && o.port < 0 {
		return o.addrs
	}
	port := o.port
	if port < 0 {
		if port = 8080; o.tls != nil {
			port = 8443
		}
	}
	hosts := o.hosts
	if hosts == nil {
		hosts = []string{""}
	}
	addrs := o.addrs
	for _, host := range hosts {
		addrs = append(addrs, net.JoinHostPort(host, strconv.Itoa(port)))
	}
	return addrs
}

// WithHost sets the host to listen on, and may be given several times. Default: all addresses of the machine.
func WithHost(host string) RunOption {
	return runOption(func(o *runOptions) { o.hosts = append(o.hosts, host) })
}

// WithPort sets the port to listen on; 0 takes a free one. Default: 8080, with TLS 8443.
func WithPort(port int) RunOption { return runOption(func(o *runOptions) { o.port = port }) }

// WithAddr adds an address "host:port" to listen on. Default: that of WithHost and WithPort.
func WithAddr(addr string) RunOption {
	return runOption(func(o *runOptions) { o.addrs = append(o.addrs, addr) })
}

// WithTLS serves HTTPS with the given configuration. Default: plain HTTP.
func WithTLS(config *tls.Config) RunOption { return runOption(func(o *runOptions) { o.tls = config }) }

// WithListenOptions sets details of the listening sockets: backlog, port sharing, keep-alive probes. Default: those of
// [asyncio.Listen].
func WithListenOptions(opts ...asyncio.ListenOption) RunOption {
	return runOption(func(o *runOptions) { o.listen = append(o.listen, opts...) })
}

// WithShutdownTimeout sets how long handlers may go on after the stop has begun. Default: 60 s.
func WithShutdownTimeout(d time.Duration) RunOption {
	return runOption(func(o *runOptions) { o.shutdownTimeout = d })
}

// WithKeepAliveTimeout sets how long a connection may rest between requests. Default: 75 s; 0 or less: for ever.
func WithKeepAliveTimeout(d time.Duration) RunOption {
	return runOption(func(o *runOptions) { o.server.keepAlive = d })
}

// WithReadHeaderTimeout sets how long a client may take to send the head of a request, counted from its first byte, or
// from the connection for the first one. Default: 30 s; 0 or less: for ever.
func WithReadHeaderTimeout(d time.Duration) RunOption {
	return runOption(func(o *runOptions) { o.server.headTimeout = d })
}

// WithReadTimeout sets how long a handler that reads a body waits for the next piece of it. Default: 60 s; 0 or less:
// for ever.
func WithReadTimeout(d time.Duration) RunOption {
	return runOption(func(o *runOptions) { o.server.readTimeout = d })
}

// WithWriteTimeout sets how long a client may leave a full send buffer untouched. Default: 60 s; 0 or less: for ever.
func WithWriteTimeout(d time.Duration) RunOption {
	return runOption(func(o *runOptions) { o.server.writeTimeout = d })
}

// WithLingeringTime sets how long an unread request body, or what a client sends after its last response, is read and
// thrown away. Default: 10 s.
func WithLingeringTime(d time.Duration) RunOption {
	return runOption(func(o *runOptions) { o.server.lingering = max(d, time.Millisecond) })
}

// WithMaxLineSize limits the request line and each chunk-size line, in bytes. Default: 8190.
func WithMaxLineSize(n int) RunOption {
	return runOption(func(o *runOptions) { o.server.limits.MaxLine = n })
}

// WithMaxFieldSize limits each header and trailer, name and value together, in bytes. Default: 8190.
func WithMaxFieldSize(n int) RunOption {
	return runOption(func(o *runOptions) { o.server.limits.MaxField = n })
}

// WithMaxHeaders limits the number of headers and trailers of a request. Default: 128.
func WithMaxHeaders(n int) RunOption {
	return runOption(func(o *runOptions) { o.server.limits.MaxHeaders = n })
}

// WithReadBufferSize sets how many bytes of a connection's input may wait for the handler; reading stops at twice as
// many of a body, and at as many behind the current request. Default: 256 KiB.
func WithReadBufferSize(n int) RunOption {
	return runOption(func(o *runOptions) { o.server.readBuffer = n })
}

// WithHandlerCancellation cancels a handler when its client disconnects, or closes its sending side. Default: a handler
// runs to its end, and a client that has closed its sending side still gets its answer.
func WithHandlerCancellation() RunOption {
	return runOption(func(o *runOptions) { o.server.handlerCancellation = true })
}

// WithServerHeader sets the Server header; "" sends none. Default: "aio".
func WithServerHeader(name string) RunOption {
	return runOption(func(o *runOptions) { o.server.serverName = name })
}

// WithOutput sets where [RunApp] says which addresses it serves; nil says nothing. Default: [os.Stdout].
func WithOutput(w io.Writer) RunOption { return runOption(func(o *runOptions) { o.out = w }) }

// WithReady makes [RunApp] call f with the bound addresses once it listens on all of them. Default: nothing.
func WithReady(f func([]net.Addr)) RunOption { return runOption(func(o *runOptions) { o.ready = f }) }

// WithoutSignals makes [RunApp] leave SIGTERM alone. Default: it stops the application, as the end of ctx does.
func WithoutSignals() RunOption { return runOption(func(o *runOptions) { o.signals = false }) }

package aiohttp

// What the environment says: proxies and netrc.
//
// The variables are read once, when the session is made, and in the way of
// golang.org/x/net/http/httpproxy: NO_PROXY holds host names with or without a leading
// dot, addresses, networks in CIDR notation, each with or without a port, or *; requests
// to this machine never go through a proxy of the environment. Credentials for a proxy
// come from its URL or from the entry of its host in the netrc file, so that a redirect
// which ends up at another proxy takes none of them along.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/net/http/httpproxy"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/netrc"
)

// WithTrustEnv takes proxies and credentials from the environment, as it is when the
// session is made.
//
// Proxies: http_proxy and https_proxy for URLs of that scheme, ws_proxy and wss_proxy for
// WebSockets (without them the former two), all_proxy for what none of them names, and
// no_proxy for hosts to reach without; the lower-case name is tried before the
// upper-case one, and HTTP_PROXY is not believed in a CGI program (REQUEST_METHOD is
// set). Values are as WithProxy takes them; http:// may be left out. Proxies with https
// URLs are used, where aiohttp ignores them. Hosts on this machine are always reached
// without. A value that is no proxy fails the requests it is for. WithProxy and
// WithProxyFunc come before all of them.
//
// Credentials: requests without any get those for their host in the file that NETRC
// names, or .netrc (on Windows _netrc) in the home directory; its default entry is used
// for the host of the first URL only, not after a redirect to another one. The file in the
// home directory must be readable by its owner alone. An unreadable or malformed file
// is logged once and ignored.
//
// Default: off. CPython's aiohttp: trust_env.
func WithTrustEnv() SessionOption {
	return sessionOption(func(s *ClientSession) { s.env = newEnvironment(os.Getenv) })
}

// environment is what WithTrustEnv found.
type environment struct {
	proxies   map[string]*envProxy // by the scheme of URLs
	bypassed  func(*url.URL) (*url.URL, error)
	netrcPath string
	strict    bool // the file at netrcPath must be private
	netrc     *netrc.File
	reading   *asyncio.Task[*netrc.File] // nil: not asked for yet
}

// envProxy is the value of one variable.
type envProxy struct {
	server *proxyServer
	err    error
}

func newEnvironment(getenv func(string) string) *environment {
	e := &environment{proxies: make(map[string]*envProxy)}
	upper := func(lower string) string {
		if lower == "http_proxy" && getenv("REQUEST_METHOD") != "" {
			return "" // a client of the CGI program can set it, with a header "Proxy"
		}
		return getenv(asciiUpper(lower))
	}
	for scheme, names := range map[string][]string{
		"http": {"http_proxy", "all_proxy"}, "https": {"https_proxy", "all_proxy"},
		"ws": {"ws_proxy", "http_proxy", "all_proxy"}, "wss": {"wss_proxy", "https_proxy", "all_proxy"},
	} {
		for _, name := range names {
			value := getenv(name)
			if value == "" {
				value = upper(name)
			}
			if value != "" {
				e.proxies[scheme] = newEnvProxy(name, value)
				break
			}
		}
	}
	config := httpproxy.Config{HTTPProxy: "http://proxy", HTTPSProxy: "http://proxy", NoProxy: getenv("no_proxy")}
	if config.NoProxy == "" {
		config.NoProxy = getenv("NO_PROXY")
	}
	e.bypassed = config.ProxyFunc()
	e.netrcPath = getenv("NETRC")
	return e
}

func newEnvProxy(name, value string) *envProxy {
	if _, _, ok := cutScheme(value); !ok || !hasSlashes(value) {
		value = "http://" + value
	}
	server, err := parseProxy(value)
	if err != nil {
		err = fmt.Errorf("environment variable %s: %w", name, err)
	}
	return &envProxy{server, err}
}

// hasSlashes tells a URL from host:port, which looks as if the host were a scheme.
func hasSlashes(value string) bool {
	_, rest, _ := cutScheme(value)
	return len(rest) > 1 && rest[:2] == "//"
}

// proxyFor finds the proxy for one hop, nil for none.
func (e *environment) proxyFor(ctx context.Context, r *ClientRequest) (*proxyServer, error) {
	scheme := r.loc.url.Scheme
	if r.upgrades() {
		scheme = map[string]string{"http": "ws", "https": "wss"}[scheme]
	}
	p := e.proxies[scheme]
	if p == nil {
		return nil, nil
	}
	if through, err := e.bypassed(&r.loc.url); through == nil || err != nil {
		return nil, err
	}
	if p.err != nil || p.server.login != "" || p.server.password != "" {
		return p.server, p.err
	}
	file, err := e.credentials(ctx)
	if err != nil {
		return nil, err
	}
	if entry, ok := file.Lookup(p.server.host); ok && !entry.Default {
		return p.server.with(&proxyLogin{entry.Login, entry.Password}, nil)
	}
	return p.server, nil
}

// credentials returns the netrc file, read outside the loop by the first who asks.
func (e *environment) credentials(ctx context.Context) (*netrc.File, error) {
	if e.netrc != nil {
		return e.netrc, nil
	}
	if e.reading == nil {
		e.reading = asyncio.CreateTask(context.WithoutCancel(ctx), func(ctx context.Context) (*netrc.File, error) {
			file, err := asyncio.ToThread(ctx, func(context.Context) (*netrc.File, error) { return e.readNetrc() })
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				slog.Warn("aiohttp: netrc file ignored", "reason", err)
			}
			if err != nil {
				file = new(netrc.File)
			}
			e.netrc = file
			return file, nil
		}, asyncio.WithName("aiohttp read netrc"))
	}
	return e.reading.Await(ctx)
}

// readNetrc blocks.
func (e *environment) readNetrc() (*netrc.File, error) {
	path := e.netrcPath
	private := path == "" && runtime.GOOS != "windows"
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, fs.ErrNotExist
		}
		name := ".netrc"
		if runtime.GOOS == "windows" {
			name = "_netrc"
		}
		path = filepath.Join(home, name)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case info.Size() > netrc.MaxSize:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, netrc.MaxSize)
	case private && info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s can be read by others: chmod 600 it", path)
	}
	data := make([]byte, info.Size())
	n, err := f.ReadAt(data, 0)
	if int64(n) < info.Size() {
		return nil, err
	}
	file, err := netrc.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// useNetrc gives the request the credentials for its host, if nobody gave any.
func (c *call) useNetrc(ctx context.Context, r *ClientRequest) error {
	e := c.session.env
	switch {
	case e == nil, c.opts.authorize != "", hasField(r.own, "Authorization"):
		return nil
	case !r.step.crossOrigin && hasField(c.session.headers, "Authorization"):
		return nil
	}
	file, err := e.credentials(ctx)
	if err != nil {
		return err
	}
	entry, ok := file.Lookup(r.loc.host)
	if !ok || entry.Default && r.step.crossOrigin {
		return nil
	}
	v, err := EncodeBasicAuth(entry.Login, entry.Password)
	if err != nil {
		return r.invalid(fmt.Errorf("netrc entry of %s: %w", r.loc.host, err))
	}
	c.opts.authorize = v
	return nil
}

// hasField reports whether a header is there in any spelling.
func hasField(h map[string][]string, name string) bool {
	for key := range h {
		if len(key) == len(name) && asciiLower(key) == asciiLower(name) {
			return true
		}
	}
	return false
}

func asciiUpper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c &^ 0x20
		}
	}
	return string(b)
}

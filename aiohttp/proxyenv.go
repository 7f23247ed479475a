package aiohttp

// Proxies that the environment names.
//
// The variables are read once, when the session is made, and in the way of
// golang.org/x/net/http/httpproxy: NO_PROXY holds host names with or without a leading
// dot, addresses, networks in CIDR notation, each with or without a port, or *; requests
// to this machine never go through a proxy of the environment. Credentials for a proxy
// come from its URL or from the entry of its host in the netrc file, so that a redirect
// which ends up at another proxy takes none of them along.

import (
	"context"
	"fmt"
	"net/url"
	"os"

	"golang.org/x/net/http/httpproxy"
)

// WithTrustEnv takes proxies and credentials from the environment, as it is when the
// session is made: it is WithProxyFromEnvironment and WithNetrc("") together. CPython's
// aiohttp: trust_env. Default: off.
func WithTrustEnv() SessionOption {
	return sessionOption(func(s *ClientSession) {
		WithProxyFromEnvironment().applySession(s)
		WithNetrc("").applySession(s)
	})
}

// WithProxyFromEnvironment takes proxies from environment variables, as they are when
// the session is made: http_proxy and https_proxy for URLs of that scheme, ws_proxy and
// wss_proxy for WebSockets (without them the former two), all_proxy for what none of
// them names, and no_proxy for hosts to reach without. The lower-case name is tried before
// the upper-case one, and HTTP_PROXY is not believed in a CGI program (REQUEST_METHOD is
// set). Values are as WithProxy takes them; http:// may be left out. Proxies with https
// URLs are used, where aiohttp ignores them. Hosts on this machine are always reached
// without. A value that is no proxy fails the requests it is for. WithProxy and
// WithProxyFunc come before all of them. Default: off.
func WithProxyFromEnvironment() SessionOption {
	return sessionOption(func(s *ClientSession) { s.env = newEnvironment(os.Getenv) })
}

// environment is what the variables said.
type environment struct {
	proxies  map[string]*envProxy // by the scheme of URLs
	bypassed func(*url.URL) (*url.URL, error)
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
	if r.call.session.netrc == nil {
		return p.server, nil
	}
	file, err := r.call.session.netrc.entries(ctx)
	if err != nil {
		return nil, err
	}
	if entry, ok := file.Lookup(p.server.host); ok && !entry.Default {
		return p.server.with(&proxyLogin{entry.Login, entry.Password}, nil)
	}
	return p.server, nil
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

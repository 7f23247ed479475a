package aiohttp

// Connections through proxies.
//
// To fetch an http URL an HTTP proxy needs a connection and nothing more. For everything
// else the proxy is asked to connect on our behalf, with CONNECT or in SOCKS, and only
// when it has done so does the connection become one: whatever fails on the way closes
// it, so that the pool never holds half a tunnel. Its answer is read by the strict rules
// and limits of any response, and nothing may follow it before we have spoken to the
// origin.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"golang.org/x/net/proxy"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/http1"
)

var errEarlyBytes = errors.New("bytes behind the answer to CONNECT, before anything was sent to the origin")

// connectVia makes a connection for r through its proxy.
func (t *TCPConnector) connectVia(ctx context.Context, r *ClientRequest) (*asyncio.Conn, error) {
	end := &endpoint{host: r.via.host, port: r.via.port, proxy: true}
	if r.via.tls {
		end.tls = t.tls.proxyConfig(r)
	}
	if !r.via.tunnels(r) {
		return t.reach(ctx, r, end)
	}
	targets, err := t.tunnelTargets(ctx, r)
	if err != nil {
		return nil, err
	}
	var conn *asyncio.Conn
	for _, target := range targets {
		var refused *ClientProxyConnectionError
		if conn, err = t.tunnel(ctx, r, end, target); !errors.As(err, &refused) || refused.Phase != PhaseProxy {
			break // not this address only
		}
	}
	if err != nil || !r.loc.tls {
		return conn, err
	}
	return conn, t.tls.handshake(ctx, r, t.origin(r), conn)
}

// tunnelTargets are the addresses to ask the proxy for, in order: one name, unless the
// proxy is not to resolve names.
func (t *TCPConnector) tunnelTargets(ctx context.Context, r *ClientRequest) ([]string, error) {
	zoneless, _, _ := strings.Cut(r.loc.host, "%") // a zone means nothing elsewhere
	if r.via.kind != proxySOCKS5 && r.via.kind != proxySOCKS4 {
		return []string{net.JoinHostPort(zoneless, r.loc.port)}, nil
	}
	addrs, err := t.addresses(ctx, r, &endpoint{host: r.loc.host, port: r.loc.port})
	if err != nil {
		return nil, err
	}
	var targets []string
	for i, a := range addrs {
		if r.via.kind == proxySOCKS4 && !a.Unmap().Is4() && (i < len(addrs)-1 || targets != nil) {
			continue // the last one tells why, if there is nothing else
		}
		targets = append(targets, net.JoinHostPort(a.WithZone("").String(), r.loc.port))
	}
	return targets, nil
}

// tunnel connects to the proxy and has it connect to target.
func (t *TCPConnector) tunnel(ctx context.Context, r *ClientRequest, end *endpoint, target string) (*asyncio.Conn, error) {
	conn, err := t.reach(ctx, r, end)
	if err != nil {
		return nil, err
	}
	ask := askCONNECT
	switch r.via.kind {
	case proxySOCKS5, proxySOCKS5H:
		ask = askSOCKS
	case proxySOCKS4, proxySOCKS4A:
		ask = askSOCKS4
	}
	_, err = within(ctx, r, PhaseProxy, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, ask(ctx, r, conn, target)
	})
	if err == nil {
		return conn, nil
	}
	_ = conn.Abort() // it may be closed already
	if ctx.Err() != nil || errors.Is(err, ErrClient) {
		return nil, err
	}
	return nil, end.failure(end.broken(r, err))
}

func (e *endpoint) broken(r *ClientRequest, err error) error {
	plain := e.connectorError(r, PhaseProxy, err)
	return &plain
}

// askSOCKS opens the tunnel in the protocol of RFC 1928. The library would start a
// goroutine for a context that can end; the connection knows the context instead.
func askSOCKS(ctx context.Context, r *ClientRequest, conn *asyncio.Conn, target string) error {
	var auth *proxy.Auth
	if r.via.login != "" || r.via.password != "" {
		auth = &proxy.Auth{User: r.via.login, Password: r.via.password}
	}
	dialer, err := proxy.SOCKS5("tcp", net.JoinHostPort(r.via.host, r.via.port), auth, opened{conn.WithContext(ctx)})
	if err != nil {
		return err
	}
	_, err = dialer.Dial("tcp", target)
	var op *net.OpError
	if errors.As(err, &op) && strings.HasPrefix(op.Op, "socks") {
		return fmt.Errorf("SOCKS5 connection to %s: %w", target, op.Err)
	}
	return err
}

// opened is a dialer that has dialled.
type opened struct{ conn net.Conn }

// Dial implements proxy.Dialer.
func (o opened) Dial(string, string) (net.Conn, error) { return o.conn, nil }

// askCONNECT opens the tunnel by RFC 9110 section 9.3.6.
func askCONNECT(ctx context.Context, r *ClientRequest, conn *asyncio.Conn, target string) error {
	h := http.Header{"User-Agent": {userAgent}}
	if r.via.authorize != "" {
		h["Proxy-Authorization"] = []string{r.via.authorize}
	}
	for name, values := range r.via.headers {
		h[name] = values
	}
	head, err := http1.AppendRequestHead(nil, http.MethodConnect, target, target, h, headOrder)
	if err != nil {
		return r.invalid(err)
	}
	if _, err = conn.WriteContext(ctx, head); err != nil {
		return err
	}
	dec := http1.NewResponseDecoder(r.call.opts.limits, r.call.opts.strict)
	dec.SetRequestMethod(http.MethodConnect)
	answer, rest, err := readAnswer(ctx, dec, conn)
	var parse *http1.ParseError
	switch {
	case errors.As(err, &parse) && parse.Kind != http1.Truncated:
		return proxyRefusal(r, http.StatusBadRequest, parse.Error(), nil, err)
	case err != nil:
		return err
	case answer.Status/100 != 2:
		return proxyRefusal(r, answer.Status, answer.Reason, answer.Header, nil)
	case rest > 0:
		return proxyRefusal(r, http.StatusBadRequest, errEarlyBytes.Error(), answer.Header, errEarlyBytes)
	}
	return nil
}

// readAnswer reads the final head and counts the bytes that came behind it.
func readAnswer(ctx context.Context, dec *http1.Decoder, conn *asyncio.Conn) (*http1.Head, int, error) {
	var buf [smallBuffer]byte
	var in []byte
	for interim := 0; ; {
		ev, n, err := dec.Next(in)
		in = in[n:]
		switch {
		case err != nil:
			return nil, 0, err
		case ev.Kind == http1.NeedMore:
			got, err := conn.ReadContext(ctx, buf[:])
			if got == 0 && err != nil {
				return nil, 0, err
			}
			in = buf[:got]
		case ev.Kind == http1.EventHead:
			head := dec.Head()
			if !isInterim(head.Status) {
				return head, len(in), nil
			}
			if interim++; interim > maxInterim {
				return nil, 0, errTooManyInterim
			}
		}
	}
}

func proxyRefusal(r *ClientRequest, status int, message string, h http.Header, err error) error {
	return &ClientHTTPProxyError{ClientResponseError{
		Where: r.where(PhaseProxy), RequestInfo: r.info(), History: r.call.history,
		Status: status, Message: "proxy " + r.via.name() + ": " + message, Headers: h, Err: err,
	}}
}

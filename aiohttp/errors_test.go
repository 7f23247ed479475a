package aiohttp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
)

// The tree of errors, leaf by leaf: what each is, what it is not, what it says.
func TestErrorTree(t *testing.T) {
	at := func(p aiohttp.Phase) aiohttp.Where { return aiohttp.Where{Method: "GET", URL: "http://h/p", Phase: p} }
	refused := &net.OpError{Op: "dial", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	connector := aiohttp.ClientConnectorError{Where: at(aiohttp.PhaseDial), Host: "h", Port: "80", Err: refused}
	literal := aiohttp.ClientConnectorError{Where: at(aiohttp.PhaseDial), Host: "127.0.0.1", Port: "1", Err: refused}
	response := aiohttp.ClientResponseError{Where: at(aiohttp.PhaseHeader), Status: 404, Message: "Not Found"}
	nodes := map[string]error{
		"connection": aiohttp.ErrClientConnection, "os": aiohttp.ErrClientOS, "connector": aiohttp.ErrClientConnector, "ssl": aiohttp.ErrClientSSL,
		"server": aiohttp.ErrServerConnection, "timeout": aiohttp.ErrServerTimeout, "payload": aiohttp.ErrClientPayload, "redirect": aiohttp.ErrRedirectClient,
		"invalid": aiohttp.ErrInvalidURL, "nonhttp": aiohttp.ErrNonHTTPURL, "pool": aiohttp.ErrPoolTimeout, "tls": aiohttp.ErrTLSTimeout,
		"write": aiohttp.ErrWriteTimeout, "total": aiohttp.ErrTotalTimeout, "deadline": os.ErrDeadlineExceeded, "reset": syscall.ECONNRESET,
		"refused": syscall.ECONNREFUSED, "eof": io.EOF, "short": io.ErrUnexpectedEOF,
	}
	for _, c := range []struct {
		err  error
		is   string
		text string
	}{
		{&response, "", "GET http://h/p: response header: 404, Not Found"},
		{&aiohttp.ContentTypeError{ClientResponseError: response}, "", "404"},
		{&aiohttp.TooManyRedirects{ClientResponseError: response}, "", "404"},
		{&aiohttp.ClientConnectionError{Where: at(aiohttp.PhasePool), Err: aiohttp.ErrSessionClosed}, "connection", "pool: aiohttp: session is closed"},
		{&aiohttp.ClientConnectionResetError{Where: at(aiohttp.PhaseHeader), Err: syscall.ECONNRESET}, "connection reset", "response header: connection reset"},
		{&aiohttp.ClientOSError{Where: at(aiohttp.PhaseWrite), Err: syscall.EIO}, "connection os", "write request: input/output error"},
		{&connector, "connection os connector refused", "dial: connect to h:80: 127.0.0.1:1: connection refused"},
		{&literal, "connection os connector refused", "dial: connect to 127.0.0.1:1: connection refused"},
		{&aiohttp.ClientConnectorDNSError{ClientConnectorError: aiohttp.ClientConnectorError{Where: at(aiohttp.PhaseDNS), Err: &net.DNSError{Err: "no such host", Name: "h"}}},
			"connection os connector", "resolve: lookup h: no such host"},
		{&aiohttp.ClientConnectorSSLError{ClientConnectorError: connector}, "connection os connector ssl refused", "connect to h:80"},
		{&aiohttp.ClientConnectorCertificateError{ClientConnectorError: connector}, "connection os connector ssl refused", "connect to h:80"},
		{&aiohttp.ServerDisconnectedError{Where: at(aiohttp.PhaseHeader), Err: io.EOF}, "connection server eof", "response header: server disconnected"},
		{&aiohttp.ServerFingerprintMismatch{Where: at(aiohttp.PhaseTLS), Host: "h", Port: "443", Expected: []byte{1}, Got: []byte{2}}, "connection server", "fingerprint of h:443 is 02, want 01"},
		{&aiohttp.ConnectionTimeoutError{Where: at(aiohttp.PhasePool), Limit: time.Second}, "connection server timeout pool deadline", "pool: timeout after 1s"},
		{&aiohttp.ConnectionTimeoutError{Where: at(aiohttp.PhaseTLS), Limit: time.Second}, "connection server timeout tls deadline", "TLS handshake: timeout after 1s"},
		{&aiohttp.SocketTimeoutError{Where: at(aiohttp.PhaseWrite), Limit: time.Second}, "connection server timeout write deadline", "write request: timeout after 1s"},
		{&aiohttp.TotalTimeoutError{Where: at(aiohttp.PhaseBody), Limit: time.Second}, "total deadline", "response body: total timeout after 1s"},
		{&aiohttp.ClientPayloadError{Where: at(aiohttp.PhaseBody), Received: 3, Expected: 10, Err: io.ErrUnexpectedEOF}, "payload short", "received 3 of 10 bytes"},
		{&aiohttp.InvalidRequestError{Where: at(aiohttp.PhaseRequest), Err: errors.New("why")}, "", "request: why"},
		{&aiohttp.InvalidURLClientError{Where: at(aiohttp.PhaseRequest), Reason: "no host"}, "invalid", "request: invalid URL: no host"},
		{&aiohttp.InvalidURLRedirectClientError{Where: at(aiohttp.PhaseRedirect), Location: strings.Repeat("x", 500), Reason: "no host"}, "invalid redirect", `…": no host`},
		{&aiohttp.NonHTTPURLClientError{Where: at(aiohttp.PhaseRequest), Scheme: "ftp"}, "nonhttp", `scheme "ftp" is not http or https`},
		{&aiohttp.NonHTTPURLRedirectClientError{Where: at(aiohttp.PhaseRedirect), Location: "ftp://x"}, "nonhttp redirect", `location "ftp://x"`},
	} {
		if !errors.Is(c.err, aiohttp.ErrClient) {
			t.Errorf("%T is no ErrClient", c.err)
		}
		for name, node := range nodes {
			if want := strings.Contains(" "+c.is+" ", " "+name+" "); errors.Is(c.err, node) != want {
				t.Errorf("%T is %s: got %v, want %v", c.err, name, !want, want)
			}
		}
		if got := c.err.Error(); !strings.HasPrefix(got, "GET http://h/p: ") || !strings.Contains(got, c.text) || len(got) > 400 {
			t.Errorf("%T: got text %q, want %q in it", c.err, got, c.text)
		}
		located, ok := c.err.(interface{ Located() aiohttp.Where })
		if !ok || located.Located().URL != "http://h/p" {
			t.Errorf("%T does not say where it happened", c.err)
		}
	}
	// A leaf is found as the struct above it.
	var asResponse *aiohttp.ClientResponseError
	var asConnector *aiohttp.ClientConnectorError
	if !errors.As(error(&aiohttp.ContentTypeError{ClientResponseError: response}), &asResponse) || asResponse.Status != 404 {
		t.Error("a ContentTypeError is not found as a ClientResponseError")
	}
	if !errors.As(error(&aiohttp.ClientConnectorSSLError{ClientConnectorError: connector}), &asConnector) || asConnector.Host != "h" {
		t.Error("a ClientConnectorSSLError is not found as a ClientConnectorError")
	}
	// One sentinel is found under another.
	if !errors.Is(aiohttp.ErrPoolTimeout, aiohttp.ErrServerTimeout) || errors.Is(aiohttp.ErrServerTimeout, aiohttp.ErrPoolTimeout) {
		t.Error("the sentinels are not a tree")
	}
}

// C57, and other arguments that can only be mistakes.
func TestMistakesPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"force close with keep-alive": func() { aiohttp.NewTCPConnector(aiohttp.WithForceClose(), aiohttp.WithKeepaliveTimeout(time.Second)) },
		"md5 fingerprint":             func() { aiohttp.WithFingerprint(make([]byte, 16)) },
		"sha1 fingerprint":            func() { aiohttp.WithFingerprint(make([]byte, 20)) },
		"relative base":               func() { aiohttp.NewClientSession(aiohttp.WithBaseURL("/x/")) },
		"base without slash":          func() { aiohttp.NewClientSession(aiohttp.WithBaseURL("http://h/api")) },
		"colon in login":              func() { aiohttp.NewClientSession(aiohttp.WithAuth("a:b", "c")) },
		"no loop":                     func() { aiohttp.NewClientSession().Get(context.Background(), "http://h/") },
	} {
		func() {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "aiohttp: ") {
					t.Errorf("%s: no panic that names the package", name)
				}
			}()
			f()
		}()
	}
}

// The options that only change how connections are kept.
func TestConnectorOptions(t *testing.T) {
	for name, c := range map[string]struct {
		opts  []aiohttp.ConnectorOption
		conns int
	}{
		"default":           {nil, 1},
		"force close":       {[]aiohttp.ConnectorOption{aiohttp.WithForceClose()}, 6},
		"two requests each": {[]aiohttp.ConnectorOption{aiohttp.WithMaxRequestsPerConn(2)}, 3},
		"no age":            {[]aiohttp.ConnectorOption{aiohttp.WithMaxConnAge(time.Nanosecond)}, 1}, // virtual time stands still
	} {
		runWith(t, answers(hello), func(ctx context.Context, w *world) error {
			for range 6 {
				if _, _, err := w.get(ctx, "http://h/"); err != nil {
					return err
				}
			}
			if len(w.wires) != c.conns {
				t.Errorf("%s: got %d connections, want %d", name, len(w.wires), c.conns)
			}
			return nil
		}, c.opts)
	}
}

// However a URL with credentials is broken, the error does not show them.
func TestErrorsOfBrokenURLsHideCredentials(t *testing.T) {
	run(t, answers(hello), func(ctx context.Context, w *world) error {
		for _, raw := range []string{
			"http://user:se/cret@host/", "http://user:se?cret@host/", "http://user:se#cret@host/", `http:\\user:secret@host/`,
			"http://user:secret@ho st/", "http://us:er:secret@host:port/", "http:user:secret@host", "//user:secret@host/",
			"user:secret@host", "ftp://user:secret@host/",
		} {
			_, err := w.session.Get(ctx, raw)
			if err == nil || strings.Contains(err.Error(), "cret") {
				t.Errorf("%s: got %v", raw, err)
			}
			_, _, err = w.get(ctx, "http://h/", aiohttp.WithProxy(raw))
			if err != nil && strings.Contains(err.Error(), "cret") {
				t.Errorf("proxy %s: got %v", raw, err)
			}
		}
		return nil
	})
}

package aiohttp_test

// Proxies for tests: they run on net/http and net, so that the client is not tested
// against itself, and they reach every host name on the loopback address.

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// seenRequest is what a server, or a proxy, got to see.
type seenRequest struct {
	Method, URI, Host string
	Header            http.Header
}

// requestLog collects what was seen.
type requestLog struct {
	mu   sync.Mutex
	list []seenRequest
}

func (r *requestLog) note(q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, seenRequest{q.Method, q.RequestURI, q.Host, q.Header.Clone()})
}

func (r *requestLog) all() []seenRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]seenRequest(nil), r.list...)
}

func (r *requestLog) lines() string {
	var out []string
	for _, s := range r.all() {
		out = append(out, s.Method+" "+s.URI)
	}
	return strings.Join(out, ", ")
}

// headers returns the first value of a header in each request, in order.
func (r *requestLog) headers(name string) (out []string) {
	for _, s := range r.all() {
		out = append(out, s.Header.Get(name))
	}
	return out
}

// httpProxy is an HTTP proxy that records.
type httpProxy struct {
	requestLog
	*httptest.Server
	answer func(w http.ResponseWriter, r *http.Request) bool // true: it has answered
}

// loopbackAddr is where the proxies find a host.
func loopbackAddr(hostport string) string {
	_, port, err := net.SplitHostPort(hostport)
	if err != nil {
		port = "80"
	}
	return "127.0.0.1:" + port
}

func newHTTPProxy(t *testing.T, encrypted bool) *httpProxy {
	return newAnsweringProxy(t, encrypted, nil)
}

func newAnsweringProxy(t *testing.T, encrypted bool, answer func(w http.ResponseWriter, r *http.Request) bool) *httpProxy {
	t.Helper()
	p := &httpProxy{answer: answer}
	p.Server = httptest.NewUnstartedServer(p)
	p.Config.ErrorLog = log.New(io.Discard, "", 0)
	if encrypted {
		p.StartTLS()
	} else {
		p.Start()
	}
	t.Cleanup(p.Close)
	return p
}

func (p *httpProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.note(r)
	if p.answer != nil && p.answer(w, r) {
		return
	}
	if r.Method == http.MethodConnect {
		up, err := net.Dial("tcp", loopbackAddr(r.Host))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		down, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		splice(down, buffered.Reader, up)
		return
	}
	q := r.Clone(r.Context())
	q.RequestURI, q.URL.Host = "", loopbackAddr(r.Host)
	for _, name := range []string{"Proxy-Authorization", "Proxy-Trace"} {
		q.Header.Del(name)
	}
	resp, err := new(http.Transport).RoundTrip(q)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	io.Copy(w, resp.Body)
}

// splice copies both ways until both ends are done.
func splice(down net.Conn, from io.Reader, up net.Conn) {
	defer down.Close()
	defer up.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(up, from)
		up.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(down, up)
	down.Close()
	<-done
}

// origin is a server that records and echoes.
type origin struct {
	requestLog
	*httptest.Server
	port string
}

func newOrigin(t *testing.T, encrypted bool, h http.HandlerFunc) *origin {
	t.Helper()
	o := &origin{}
	o.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.note(r)
		if h != nil {
			h(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		w.Write(append([]byte("origin got "), body...))
	}))
	o.Config.ErrorLog = log.New(io.Discard, "", 0)
	if encrypted {
		o.StartTLS()
	} else {
		o.Start()
	}
	t.Cleanup(o.Close)
	u, _ := url.Parse(o.URL)
	o.port = u.Port()
	return o
}

// at is the URL of a path under a host name that only proxies can find.
func (o *origin) at(host, path string) string {
	scheme, _, _ := strings.Cut(o.URL, ":")
	return scheme + "://" + host + ":" + o.port + path
}

// trusting accepts the certificates of all these servers: they are for example.com.
func trusting(servers ...*httptest.Server) *tls.Config {
	roots := x509.NewCertPool()
	for _, s := range servers {
		if s.Certificate() != nil {
			roots.AddCert(s.Certificate())
		}
	}
	return &tls.Config{RootCAs: roots}
}

// socksProxy is a SOCKS5 proxy (RFC 1928, RFC 1929) that records the targets.
type socksProxy struct {
	net.Listener
	login, password string // "" for none
	refuse          func(target string) bool
	mu              sync.Mutex
	targets, logins []string
	wg              sync.WaitGroup
}

func newSOCKSProxy(t *testing.T, login, password string, refuse func(target string) bool) *socksProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &socksProxy{Listener: l, login: login, password: password, refuse: refuse}
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Add(1)
			go func() {
				defer p.wg.Done()
				defer c.Close()
				p.serve(c)
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); p.wg.Wait() })
	return p
}

func (p *socksProxy) seen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.targets, ", ")
}

func (p *socksProxy) serve(c net.Conn) {
	in := bufio.NewReader(c)
	read := func(n int) []byte {
		b := make([]byte, n)
		io.ReadFull(in, b)
		return b
	}
	methods := read(int(read(2)[1]))
	if p.login == "" {
		c.Write([]byte{5, 0})
	} else if strings.IndexByte(string(methods), 2) < 0 {
		c.Write([]byte{5, 0xff})
		return
	} else {
		c.Write([]byte{5, 2})
		login := string(read(int(read(2)[1])))
		password := string(read(int(read(1)[0])))
		p.mu.Lock()
		p.logins = append(p.logins, login+":"+password)
		p.mu.Unlock()
		if login != p.login || password != p.password {
			c.Write([]byte{1, 1})
			return
		}
		c.Write([]byte{1, 0})
	}
	var host string
	switch head := read(4); head[3] {
	case 1:
		host = net.IP(read(4)).String()
	case 4:
		host = net.IP(read(16)).String()
	case 3:
		host = string(read(int(read(1)[0])))
	default:
		return
	}
	port := read(2)
	target := net.JoinHostPort(host, itoa(int(port[0])<<8|int(port[1])))
	p.mu.Lock()
	p.targets = append(p.targets, target)
	p.mu.Unlock()
	if p.refuse != nil && p.refuse(target) {
		c.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	up, err := net.Dial("tcp", loopbackAddr(target))
	if err != nil {
		c.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	splice(c, in, up)
}

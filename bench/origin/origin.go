// Package origin runs nginx as the far side of the client benchmarks: one worker
// on a free port of the loopback interface, everything it needs in a temporary
// directory that goes away with it.
package origin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"
)

// ErrNotInstalled is returned by Start where there is no nginx.
var ErrNotInstalled = errors.New("origin: nginx is not installed (Debian package nginx-light)")

// A Server is a running nginx.
type Server struct {
	URL  string // http://127.0.0.1:port, or https, with no slash at the end
	Root string // the directory it serves
	dir  string // holds Root and nginx's own files
	cmd  *exec.Cmd
	log  strings.Builder
	done chan struct{} // closed when the process has ended
}

// config makes one process that logs no requests, never ends a kept-alive
// connection by count, and keeps the descriptors of the last files, so that the
// server is as small a part as possible of what is measured.
var config = template.Must(template.New("nginx.conf").Parse(`
daemon off;
master_process off;
worker_processes 1;
pid {{.Dir}}/nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
http {
	access_log off;
	default_type application/octet-stream;
	sendfile on;
	tcp_nopush on;
	keepalive_timeout 1h;
	keepalive_requests 1000000000;
	open_file_cache max=64 inactive=1h;
	open_file_cache_valid 1h;
	client_body_temp_path {{.Dir}}/body;
	proxy_temp_path {{.Dir}}/proxy;
	fastcgi_temp_path {{.Dir}}/fastcgi;
	uwsgi_temp_path {{.Dir}}/uwsgi;
	scgi_temp_path {{.Dir}}/scgi;
	server {
		listen {{.Addr}} backlog=4096 {{- if .TLS}} ssl http2{{end}};
		{{- if .TLS}}
		ssl_certificate {{.Dir}}/certificate.pem;
		ssl_certificate_key {{.Dir}}/key.pem;
		{{- end}}
		root {{.Dir}}/root;
	}
}
`))

// Start runs nginx on an empty Root. Files may be put there at any time.
func Start() (*Server, error) { return run(false) }

// StartHTTP2 is Start for a server that speaks HTTP/2 over TLS, with a certificate of its own
// that nobody need trust.
func StartHTTP2() (*Server, error) { return run(true) }

func run(secure bool) (*Server, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "aio-origin-")
	if err != nil {
		return nil, err
	}
	if secure {
		if err := writeCertificate(dir); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	// The port is free when it is chosen and may be taken when nginx asks for it.
	for attempt := 1; ; attempt++ {
		s, err := start(program, dir, secure)
		if err == nil {
			return s, nil
		}
		if attempt == 3 {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
}

func find() (string, error) {
	if program, err := exec.LookPath("nginx"); err == nil {
		return program, nil
	}
	const sbin = "/usr/sbin/nginx" // not on every user's PATH
	if _, err := os.Stat(sbin); err != nil {
		return "", ErrNotInstalled
	}
	return sbin, nil
}

func start(program, dir string, secure bool) (*Server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	s := &Server{URL: scheme + addr, Root: filepath.Join(dir, "root"), dir: dir, done: make(chan struct{})}
	if err := os.MkdirAll(s.Root, 0o755); err != nil {
		return nil, err
	}
	var text strings.Builder
	if err := config.Execute(&text, struct {
		Dir, Addr string
		TLS       bool
	}{dir, addr, secure}); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		return nil, err
	}
	s.cmd = exec.Command(program, "-p", dir, "-e", "stderr", "-c", file)
	s.cmd.SysProcAttr = endWithParent()
	s.cmd.Stderr = &s.log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.done)
	}()
	return s, s.await(addr)
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// await returns once connections are accepted, or nginx has given up.
func (s *Server) await(addr string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-s.done:
			return fmt.Errorf("nginx on %s ended: %s", addr, strings.TrimSpace(s.log.String()))
		case <-ctx.Done():
			_ = s.stop()
			return fmt.Errorf("nginx on %s: %w", addr, err)
		case <-retry.C:
		}
	}
}

// Put writes a file below Root and returns its URL.
func (s *Server) Put(name string, body []byte) (string, error) {
	file := filepath.Join(s.Root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", err
	}
	return s.URL + "/" + name, os.WriteFile(file, body, 0o644)
}

// Close stops nginx and removes its files.
func (s *Server) Close() error {
	return errors.Join(s.stop(), os.RemoveAll(s.dir))
}

func (s *Server) stop() error {
	err := s.cmd.Process.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	if err != nil {
		err = s.cmd.Process.Kill()
	}
	<-s.done
	return err
}

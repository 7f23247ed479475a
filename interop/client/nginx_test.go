package interop_test

// nginx as a child process: its configuration is testdata/nginx.conf, and everything it writes
// goes to a directory of the test.

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"
)

func TestClientAgainstNginx(t *testing.T) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // not on every user's PATH
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("nginx is not installed: install nginx-light")
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connections to it succeed, and that is all
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	root := content(t)
	// The ports are free when they are chosen and may be taken when nginx asks for them.
	for attempt := 1; ; attempt++ {
		s, stop, err := startNginx(t, program, root, silent.Addr().String())
		if err == nil {
			defer stop()
			suite(t, s)
			return
		}
		if attempt == 3 {
			t.Fatal(err)
		}
	}
}

// nginxConfig is what the template of the configuration refers to.
type nginxConfig struct{ Dir, Root, Cert, Key, Plain, TLS, Brief, Silent string }

func startNginx(t *testing.T, program, root, silent string) (s server, stop func(), err error) {
	t.Helper()
	conf := nginxConfig{Dir: t.TempDir(), Root: root, Silent: silent}
	conf.Cert, conf.Key = identity(t).files(t)
	if err := freeAddresses(&conf.Plain, &conf.TLS, &conf.Brief); err != nil {
		return s, nil, err
	}
	var text strings.Builder
	if err := template.Must(template.ParseFiles("testdata/nginx.conf")).Execute(&text, conf); err != nil {
		return s, nil, err
	}
	file := filepath.Join(conf.Dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return s, nil, err
	}
	var log strings.Builder
	cmd := exec.Command(program, "-p", conf.Dir, "-e", "stderr", "-c", file)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		return s, nil, err
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	stop = func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	}
	if err := listens(conf.Brief, ended); err != nil {
		stop()
		return s, nil, fmt.Errorf("nginx: %w: %s", err, log.String())
	}
	return server{
		plain: "http://" + conf.Plain, tls: "https://" + conf.TLS, brief: "http://" + conf.Brief,
		proto: "HTTP/2.0", trailers: true,
	}, stop, nil
}

// freeAddresses finds addresses that nobody listens on, all of them different.
func freeAddresses(addrs ...*string) error {
	for _, addr := range addrs {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		*addr = l.Addr().String()
	}
	return nil
}

// listens returns once connections to addr are accepted.
func listens(addr string, ended <-chan struct{}) error {
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	for range 12_000 { // a minute
		if conn, err := net.Dial("tcp", addr); err == nil {
			return conn.Close()
		}
		select {
		case <-ended:
			return fmt.Errorf("ended before it listened on %s", addr)
		case <-retry.C:
		}
	}
	return fmt.Errorf("does not listen on %s", addr)
}

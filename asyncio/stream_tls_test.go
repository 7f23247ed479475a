package asyncio_test

// Encrypted streams: from the beginning, and from the middle of a conversation on.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestEncryptedServerEchoes(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		serverConfig, clientConfig := certificates()
		s := startEcho(ctx, t, asyncio.WithServerTLS(serverConfig))
		c := open(ctx, t, s, asyncio.WithClientTLS(clientConfig))
		wantEcho(ctx, t, c)
		if state := c.w.TLS(); state == nil || state.NegotiatedProtocol != "http/1.1" || state.ServerName != "server.example" {
			t.Errorf("got %+v, want ALPN http/1.1 and SNI server.example", state)
		}
		big := append(pattern(60_000), '\n')
		send(t, c.w, string(big))
		line, err := c.r.ReadLine(ctx)
		wantBytes(t, line, err, string(big), nil)
		c.w.WriteEOF()
		got, err := c.r.ReadAll(ctx)
		wantBytes(t, got, err, "", nil)
		c.w.Close()
		return s.Shutdown(ctx)
	})
}

func TestNameToVerifyIsThatOfTheAddress(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		serverConfig, clientConfig := certificates()
		s := startEcho(ctx, t, asyncio.WithServerTLS(serverConfig))
		c := open(ctx, t, s, asyncio.WithClientTLS(&tls.Config{RootCAs: clientConfig.RootCAs}))
		wantEcho(ctx, t, c)
		_, _, err := asyncio.OpenConnection(ctx, "tcp", s.Addr().String(), asyncio.WithClientTLS(nil))
		var unknown x509.UnknownAuthorityError
		var op *net.OpError
		if !errors.As(err, &unknown) || !errors.As(err, &op) || op.Addr.String() != s.Addr().String() {
			t.Errorf("got %v, want an unknown authority, with the address", err)
		}
		return nil
	})
}

// upgrading is a handler that answers in the clear, and encrypted after "STARTTLS".
func upgrading(config *tls.Config) asyncio.StreamHandler {
	return func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
		for line, err := range r.Lines(ctx) {
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%v %s", w.TLS() != nil, line)
			if string(line) == "STARTTLS\n" {
				if err := w.StartTLS(ctx, config); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

func TestTheSameStreamGoesOnEncrypted(t *testing.T) { // STR-14
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		serverConfig, clientConfig := certificates()
		s, err := asyncio.StartServer(ctx, upgrading(serverConfig), "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		c := open(ctx, t, s)
		ask := func(line, want string) {
			t.Helper()
			send(t, c.w, line)
			got, err := c.r.ReadLine(ctx)
			wantBytes(t, got, err, want, nil)
		}
		ask("hello\n", "false hello\n")
		ask("STARTTLS\n", "false STARTTLS\n")
		if err := c.w.StartTLS(ctx, clientConfig); err != nil {
			return err
		}
		ask("hello\n", "true hello\n")
		if c.w.TLS() == nil {
			t.Error("the connection has no TLS state")
		}
		c.w.Close()
		return s.Shutdown(ctx)
	})
}

// A client that does not wait for the answer sends the beginning of the handshake in one piece
// with the command.
func TestHandshakeReadAheadIsNotLost(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		serverConfig, clientConfig := certificates()
		s, err := asyncio.StartServer(ctx, upgrading(serverConfig), "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		conn, err := asyncio.Dial(ctx, "tcp", s.Addr().String())
		if err != nil {
			return err
		}
		defer conn.Close()
		hasty := tls.Client(&prefixed{Conn: conn, first: []byte("STARTTLS\n"), skip: len("false STARTTLS\n")}, clientConfig)
		if err := hasty.Handshake(); err != nil {
			return err
		}
		send(t, hasty, "hello\n")
		wantRead(t, hasty, "true hello\n")
		return nil
	})
}

// prefixed puts something before what is first written, and skips the answer to it.
type prefixed struct {
	net.Conn
	first []byte
	skip  int
}

func (c *prefixed) Write(p []byte) (int, error) {
	_, err := c.Conn.Write(append(c.first, p...))
	c.first = nil
	return len(p), err
}

func (c *prefixed) Read(p []byte) (int, error) {
	if c.skip > 0 {
		if _, err := io.ReadFull(c.Conn, make([]byte, c.skip)); err != nil {
			return 0, err
		}
		c.skip = 0
	}
	return c.Conn.Read(p)
}

// What an attacker puts behind the command is not taken for encrypted: it breaks the handshake.
func TestTextBeforeTheHandshakeIsNotTrusted(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		var told reports
		told.listen(asyncio.RunningLoop(ctx))
		serverConfig, _ := certificates()
		s, err := asyncio.StartServer(ctx, upgrading(serverConfig), "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		c := open(ctx, t, s)
		send(t, c.w, "STARTTLS\nDELETE everything\n")
		got, err := c.r.ReadAll(ctx)
		if strings.Contains(string(got), "DELETE") {
			t.Errorf("the server took the injected %q for encrypted", got)
		}
		if err != nil {
			wantErr(t, err, syscall.ECONNRESET)
		}
		return s.Shutdown(ctx)
	})
}

func TestStartTLSSendsFirstWhatIsKept(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		serverConfig, clientConfig := certificates()
		a, b := streamPair(ctx, t)
		size := slow(t, b.w)
		shaking := spawn(ctx, func(ctx context.Context) error { return b.w.StartTLS(ctx, serverConfig) })
		asyncio.Sleep(ctx, 0)
		if _, err := b.w.WriteString("between"); err == nil {
			t.Error("writing into a handshake is not refused")
		}
		if _, err := a.r.ReadExactly(ctx, size); err != nil {
			return err
		}
		if err := a.w.StartTLS(ctx, clientConfig); err != nil {
			return err
		}
		if _, err := shaking.Await(ctx); err != nil {
			return err
		}
		send(t, b.w, "encrypted\n")
		line, err := a.r.ReadLine(ctx)
		wantBytes(t, line, err, "encrypted\n", nil)
		return nil
	})
}

func TestHandshakeOfAStreamEndsWithAnError(t *testing.T) {
	for name, c := range map[string]struct {
		peer func(ctx context.Context, b end, shaking *asyncio.Task[none])
		want error
	}{
		"peer is silent":      {func(context.Context, end, *asyncio.Task[none]) {}, asyncio.ErrHandshakeTimeout},
		"peer hangs up":       {func(_ context.Context, b end, _ *asyncio.Task[none]) { b.w.Close() }, io.ErrUnexpectedEOF},
		"peer resets":         {func(_ context.Context, b end, _ *asyncio.Task[none]) { b.w.Abort() }, syscall.ECONNRESET},
		"peer talks nonsense": {func(_ context.Context, b end, _ *asyncio.Task[none]) { b.w.WriteString("GET / HTTP/1.1\r\n\r\n") }, nil},
		"cancelled":           {func(_ context.Context, _ end, shaking *asyncio.Task[none]) { shaking.Cancel(errBoom) }, errBoom},
	} {
		t.Run(name, func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				_, clientConfig := certificates()
				limit := patience
				if c.want == asyncio.ErrHandshakeTimeout {
					limit = 10 * time.Millisecond
				}
				a, b := streamPair(ctx, t, asyncio.WithHandshakeTimeout(limit))
				shaking := spawn(ctx, func(ctx context.Context) error { return a.w.StartTLS(ctx, clientConfig) })
				if limit == patience { // or the time may be over before
					if _, err := b.r.ReadExactly(ctx, 100); err != nil { // the handshake has begun
						return err
					}
				}
				c.peer(ctx, b, shaking)
				_, err := shaking.Await(ctx)
				var op *net.OpError
				if c.want != errBoom && (!errors.As(err, &op) || op.Addr.String() != a.w.RemoteAddr().String() || op.Op != "tls handshake") {
					t.Errorf("got %v, want a net.OpError with the address", err)
				}
				if c.want != nil {
					wantErr(t, err, c.want)
				}
				if !a.w.IsClosing() {
					t.Error("the connection is open after a failed handshake")
				}
				a.w.WaitClosed(ctx)
				if _, err := a.r.ReadLine(ctx); err == nil {
					t.Error("the connection can be read after a failed handshake")
				}
				return nil
			})
		})
	}
}

func TestClosingInAHandshakeEndsIt(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		_, clientConfig := certificates()
		a, _ := streamPair(ctx, t)
		shaking := spawn(ctx, func(ctx context.Context) error { return a.w.StartTLS(ctx, clientConfig) })
		asyncio.Sleep(ctx, 0)
		a.w.Close()
		_, err := shaking.Await(ctx)
		wantErr(t, err, net.ErrClosed)
		return a.w.WaitClosed(ctx)
	})
}

// The arithmetic of handshakes is not done on the loop, and is done for few at a time: while
// one is held up, the loop and its other tasks go on. (A loop under virtual time does it itself.) D15
func TestHandshakesLeaveTheLoopAlone(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		serverConfig, clientConfig := certificates()
		loop := asyncio.RunningLoop(ctx)
		release := make(chan none)
		held := make(chan none, 1)
		slowConfig := serverConfig.Clone()
		slowConfig.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			held <- none{} // as a signature of many milliseconds would
			<-release
			return &serverConfig.Certificates[0], nil
		}
		s := startEcho(ctx, t, asyncio.WithServerTLS(slowConfig))
		connecting := spawn(ctx, func(ctx context.Context) error {
			c := open(ctx, t, s, asyncio.WithClientTLS(clientConfig))
			wantEcho(ctx, t, c)
			return c.w.Close()
		})
		if _, _, err := asyncio.Recv(ctx, held); err != nil {
			return err
		}
		before := loop.Stats().Turns
		for range 100 {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
		}
		if turns := loop.Stats().Turns - before; turns < 100 || connecting.Done() {
			t.Errorf("the loop made %d turns during the handshake, want 100", turns)
		}
		close(release)
		if _, err := connecting.Await(ctx); err != nil {
			return err
		}
		return s.Shutdown(ctx)
	})
}

func TestPanicInAHandshakeIsItsError(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		_, clientConfig := certificates()
		a, b := connPair(ctx, t)
		config := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { panic("bad callback") }}
		client := spawn(ctx, func(ctx context.Context) error { return a.StartTLS(ctx, clientConfig) })
		err := b.StartTLSServer(ctx, config)
		var panicked *asyncio.PanicError
		if !errors.As(err, &panicked) || panicked.Value != "bad callback" {
			t.Errorf("got %v, want the panic", err)
		}
		if _, err := client.Await(ctx); err == nil {
			t.Error("the client's handshake succeeded")
		}
		return nil
	})
}

func TestHandshakeIsAbandonedInEachOfItsSteps(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		serverConfig, clientConfig := certificates()
		ends := 0
		for turns := range 60 { // until it is over before it can be cancelled
			a, b := connPair(ctx, t)
			client := spawn(ctx, func(ctx context.Context) error { return a.StartTLS(ctx, clientConfig) })
			server := spawn(ctx, func(ctx context.Context) error { return b.StartTLSServer(ctx, serverConfig) })
			for range turns * turns {
				asyncio.Sleep(ctx, 0)
			}
			server.Cancel(errBoom)
			_, err := server.Await(ctx)
			if err == nil {
				ends++
			} else {
				wantErr(t, err, errBoom)
			}
			client.Cancel(errBoom)
			asyncio.Wait(ctx, []asyncio.Waitable{client}).Await(ctx)
			a.Close()
			b.Close()
			if ends > 2 {
				break
			}
		}
		return nil
	})
}

func TestServerClosesConnectionsInTheirHandshake(t *testing.T) {
	serverConfig, _ := certificates()
	start := map[string]func(ctx context.Context) (*asyncio.Server, error){
		"handler": func(ctx context.Context) (*asyncio.Server, error) {
			return asyncio.StartServer(ctx, echoLines, "tcp", "127.0.0.1:0", asyncio.WithServerTLS(serverConfig))
		},
		"protocol": func(ctx context.Context) (*asyncio.Server, error) {
			return asyncio.CreateServer(ctx, func() asyncio.Protocol { return new(echoProtocol) }, "tcp", "127.0.0.1:0", asyncio.WithServerTLS(serverConfig))
		},
	}
	for name, start := range start {
		for how, finish := range map[string]func(*asyncio.Server){
			"close": (*asyncio.Server).CloseClients,
			"abort": (*asyncio.Server).AbortClients,
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				onNetworks(t, func(ctx context.Context, t *testing.T) error {
					s, err := start(ctx)
					if err != nil {
						return err
					}
					c := open(ctx, t, s) // and says nothing
					until(ctx, t, "the connection", func() bool { return s.Connections() == 1 })
					s.Close()
					finish(s)
					if err := s.WaitClosed(ctx); err != nil {
						return err
					}
					got, err := c.r.ReadAll(ctx)
					if len(got) != 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
						t.Errorf("got %q, %v, want the connection closed", got, err)
					}
					return nil
				})
			})
		}
	}
}

func TestEncryptionInsideEncryption(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		serverConfig, clientConfig := certificates()
		a, b := tlsPair(ctx, t, tls.VersionTLS13)
		inner := spawn(ctx, func(ctx context.Context) error { return b.StartTLSServer(ctx, serverConfig) })
		if err := a.StartTLS(ctx, clientConfig); err != nil {
			return err
		}
		if _, err := inner.Await(ctx); err != nil {
			return err
		}
		want := pattern(1 << 20)
		sending := spawn(ctx, func(context.Context) error { _, err := a.Write(want); return err })
		got := make([]byte, len(want))
		if _, err := io.ReadFull(b, got); err != nil {
			return err
		}
		if !slices.Equal(got, want) {
			t.Error("what arrived is not what was sent")
		}
		_, err := sending.Await(ctx)
		return err
	})
}

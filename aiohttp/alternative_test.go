package aiohttp_test

// Other ways to an origin, by a stand-in for HTTP/3.

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
)

// detour is an Alternative whose way is a function.
type detour struct {
	way     roundTripper
	unsent  bool
	open    bool
	learned []string
	failed  int
	closed  chan struct{}
}

func (d *detour) Route(host, port string, now time.Duration) http.RoundTripper {
	if !d.open {
		return nil
	}
	return d.way
}

func (d *detour) Learn(host, port string, altSvc []string, now time.Duration) {
	d.learned = append(d.learned, host+" "+strings.Join(altSvc, "|"))
}

func (d *detour) Failed(host, port string, err error, now time.Duration) bool {
	d.failed++
	d.open = false
	return d.unsent
}

func (d *detour) Close() error { close(d.closed); return nil }

// What a server says is shown to the alternative, whose way is taken from then on; where it
// fails the request goes the ordinary way if that can do no harm.
func TestAlternativesAreTakenAndGivenUp(t *testing.T) {
	server, trust := secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Alt-Svc", "over there")
		body, _ := io.ReadAll(r.Body)
		io.WriteString(w, "here "+string(body))
	}))
	broken := errors.New("the bridge is down")
	cases := []struct {
		name, method string
		fails        bool
		unsent       bool
		want         string // "" for the failure
	}{
		{"the way leads there", "POST", false, false, "there"},
		{"idempotent", "PUT", true, false, "here body"},
		{"not idempotent, perhaps sent", "POST", true, false, ""},
		{"not idempotent, not sent", "POST", true, true, "here body"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			d := &detour{unsent: tt.unsent, closed: make(chan struct{})}
			d.way = func(req *http.Request) (*http.Response, error) {
				if tt.fails {
					return nil, broken
				}
				return &http.Response{StatusCode: 200, Proto: "HTTP/3.0", ProtoMajor: 3, Header: http.Header{"Alt-Svc": {"again"}}, Body: io.NopCloser(strings.NewReader("there")), ContentLength: 5}, nil
			}
			onLoop(t, func(ctx context.Context) error {
				c := aiohttp.NewAlternativeConnector(d, aiohttp.NewTCPConnector(trust))
				s := aiohttp.NewClientSession(aiohttp.WithConnector(c))
				defer s.Close()
				if _, err := fetch(ctx, s, server.URL); err != nil {
					return err
				}
				if len(d.learned) != 1 || d.learned[0] != "127.0.0.1 over there" {
					t.Errorf("the alternative was shown %q", d.learned)
				}
				d.open = true
				got := ""
				resp, err := s.Request(ctx, tt.method, server.URL, aiohttp.WithData("body"))
				if err == nil {
					got, err = resp.Text(ctx)
				}
				if got != tt.want || (err == nil) != (tt.want != "") || tt.want == "" && !errors.Is(err, broken) {
					t.Errorf("got %q and %v, want %q", got, err, tt.want)
				}
				if want := tt.fails; (d.failed == 1) != want {
					t.Errorf("the alternative was told of %d failures", d.failed)
				}
				return c.Close()
			})
			<-d.closed
		})
	}
}

// Package report describes what happened: one Record per URL, written as JSON Lines, and one Summary per run, whose size
// does not depend on how many there were.
package report

import (
	"bytes"
	"encoding/json"
	"time"
)

// Kind classifies failures; it is what scripts should look at.
type Kind string

// The kinds of failures.
const (
	KindURL         Kind = "url"         // the line is not an absolute http or https URL
	KindDNS         Kind = "dns"         // the host name does not resolve
	KindRefused     Kind = "refused"     // nobody listens there
	KindConnect     Kind = "connect"     // the connection could not be made for another reason
	KindTLS         Kind = "tls"         // handshake or certificate
	KindProxy       Kind = "proxy"       // the proxy cannot be reached, or does not do what it is asked for
	KindReset       Kind = "reset"       // the server closed or reset the connection before the answer
	KindTruncated   Kind = "truncated"   // the body ended early
	KindTimeout     Kind = "timeout"     // --timeout
	KindProtocol    Kind = "protocol"    // the answer is not valid HTTP
	KindDecode      Kind = "decode"      // the compressed body is damaged
	KindRedirect    Kind = "redirect"    // too many redirects, or one to nowhere
	KindStatus      Kind = "status"      // an answer other than 2xx
	KindTooLarge    Kind = "too-large"   // --max-bytes
	KindOutput      Kind = "output"      // the body could not be written
	KindInterrupted Kind = "interrupted" // the run was stopped meanwhile
	KindOther       Kind = "other"       // anything else; the message says
)

// Failure is why a URL was not fetched: a kind for programs and one line for people.
type Failure struct {
	Kind    Kind   `json:"kind"`
	Message string `json:"message"`
}

// Times are the durations of one URL. All but Queued and Total are those of the last attempt, and 0 when there was no
// such phase, for example because an open connection was used.
type Times struct {
	Queued  time.Duration // from being read from the list to the first attempt
	DNS     time.Duration // looking up the host
	Connect time.Duration // making the connection, DNS and TLS included
	TTFB    time.Duration // from the request to the head of the answer, Connect included
	Total   time.Duration // from the first attempt to the end, waits between attempts included
}

// Record is the outcome for one URL.
type Record struct {
	Index    int64
	URL      string // as written
	FinalURL string // after redirects; empty without an answer
	Status   int    // 0 without an answer
	Bytes    int64  // of the body, decoded, that were received
	Times    Times
	Attempts int
	Err      *Failure
	Path     string
	SHA256   string
}

// OK reports whether the URL was fetched.
func (r *Record) OK() bool { return r.Err == nil }

// wireRecord fixes names, order and presence of the members: each is always there, null when it does not apply.
type wireRecord struct {
	Type     string    `json:"type"`
	Index    int64     `json:"index"`
	URL      string    `json:"url"`
	OK       bool      `json:"ok"`
	FinalURL *string   `json:"final_url"`
	Status   *int      `json:"status"`
	Bytes    int64     `json:"bytes"`
	Attempts int       `json:"attempts"`
	Times    wireTimes `json:"times"`
	Path     *string   `json:"path"`
	SHA256   *string   `json:"sha256"`
	Error    *Failure  `json:"error"`
}

type wireTimes struct {
	Queued  float64  `json:"queued_ms"`
	DNS     *float64 `json:"dns_ms"`
	Connect *float64 `json:"connect_ms"`
	TTFB    *float64 `json:"ttfb_ms"`
	Total   float64  `json:"total_ms"`
}

// Encoder turns records and summaries into JSON Lines.
type Encoder struct {
	buf bytes.Buffer
	enc *json.Encoder
}

// NewEncoder returns an encoder.
func NewEncoder() *Encoder {
	e := &Encoder{}
	e.enc = json.NewEncoder(&e.buf)
	e.enc.SetEscapeHTML(false)
	return e
}

// Record appends the line for r to dst. Times are in milliseconds.
func (e *Encoder) Record(dst []byte, r *Record) []byte {
	w := wireRecord{
		Type: "result", Index: r.Index, URL: r.URL, OK: r.OK(), FinalURL: present(r.FinalURL), Status: present(r.Status),
		Bytes: r.Bytes, Attempts: r.Attempts, Path: present(r.Path), SHA256: present(r.SHA256), Error: r.Err,
		Times: wireTimes{
			Queued: millis(r.Times.Queued), DNS: present(millis(r.Times.DNS)), Connect: present(millis(r.Times.Connect)),
			TTFB: present(millis(r.Times.TTFB)), Total: millis(r.Times.Total),
		},
	}
	return e.line(dst, w)
}

func (e *Encoder) line(dst []byte, v any) []byte {
	e.buf.Reset()
	if err := e.enc.Encode(v); err != nil {
		panic("report: encode " + err.Error()) // only strings and numbers: cannot happen
	}
	return append(dst, e.buf.Bytes()...)
}

func present[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// millis rounds to a microsecond, which keeps the numbers short.
func millis(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

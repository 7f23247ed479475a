package aiohttp

// Server-sent events: an endless response, read as events, and the connection made again
// when it breaks.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/http1"
)

// typeEvents is the media type of an event stream.
const typeEvents = "text/event-stream"

// ErrEventTooLong ends a stream with an event of more than 4 MiB.
var ErrEventTooLong error = newClass("an event of more than 4 MiB", classPayload)

// Events yields the events of this one response, which must be of the type
// text/event-stream, until its body ends; a cut-off event at the end is dropped, as the
// standard asks. It suspends between events, under the context the request was made with,
// and yields an error, if there is one, last. For a stream that is to survive its
// connection use [ClientSession.Events].
func (r *ClientResponse) Events() iter.Seq2[ServerEvent, error] {
	return func(yield func(ServerEvent, error) bool) {
		if t := r.ContentType(); t != typeEvents {
			yield(ServerEvent{}, &ContentTypeError{r.responseError("attempt to read events from a body of type " + clip(t))})
			return
		}
		var parser eventParser
		_, err := r.events(r.ctx, &parser, func(ev ServerEvent) bool { return yield(ev, nil) })
		if err != nil {
			yield(ServerEvent{}, err)
		}
	}
}

// events feeds the body to the parser until it ends, which is no error. It reports
// whether emit wants more.
func (r *ClientResponse) events(ctx context.Context, parser *eventParser, emit func(ServerEvent) bool) (goOn bool, err error) {
	for {
		piece, err := r.stream.ReadAny(ctx)
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return true, err
		}
		goOn, err := parser.feed(piece, emit)
		if err != nil {
			return false, r.payloadError(err)
		}
		if !goOn {
			return false, nil
		}
	}
}

// An EventSource reads server-sent events from a URL and connects again when the
// connection ends, saying where it stopped (Last-Event-ID). The zero values of its fields
// but Session and URL are ready to use. The model is EventSource of the HTML Living
// Standard, section 9.2.
type EventSource struct {
	Session *ClientSession
	URL     string
	// Options are given to every request, after the source's own: Accept, Cache-Control,
	// no total timeout.
	Options []RequestOption
	// LastEventID is where to begin. One that no header can carry is not sent.
	LastEventID string
	// Retry is the wait before a new connection, until the server sets another; it is
	// doubled, up to MaxRetry, with every attempt that fails, and a random part of up to
	// half is taken off. Default: 3 s.
	Retry time.Duration
	// MaxRetry bounds the wait, also one that the server asks for. Default: 60 s.
	MaxRetry time.Duration
	// MaxAttempts is how many attempts in a row may fail before the source gives up with
	// the last error. Zero means any number.
	MaxAttempts int
	// OnOpen is called with each response whose events are about to be read.
	OnOpen func(*ClientResponse)
}

// Events yields the events of url for as long as the server has some; see [EventSource],
// which has more to set. It never ends by itself unless the server says so with
// 204 (No Content), or refuses: a status other than 200 that is not 408, 429 or 5xx, or a
// type other than text/event-stream, is yielded as an error, the last item. When ctx ends
// its error is.
func (s *ClientSession) Events(ctx context.Context, url string, opts ...RequestOption) iter.Seq2[ServerEvent, error] {
	return (&EventSource{Session: s, URL: url, Options: opts}).All(ctx)
}

// errRefused marks an answer that no further attempt will change.
var errRefused = errors.New("the server refuses the event stream")

// All yields the events as [ClientSession.Events] does. It suspends.
func (e *EventSource) All(ctx context.Context) iter.Seq2[ServerEvent, error] {
	return func(yield func(ServerEvent, error) bool) {
		parser := eventParser{id: e.LastEventID}
		failures := 0
		for {
			brought := false // an event
			goOn, err := e.connect(ctx, &parser, &failures, func(ev ServerEvent) bool {
				brought = true
				e.LastEventID = ev.ID
				return yield(ev, nil)
			})
			switch {
			case !goOn && err == nil:
				return
			case ctx.Err() != nil, !goOn, e.MaxAttempts > 0 && failures >= e.MaxAttempts:
				yield(ServerEvent{}, err)
				return
			}
			e.LastEventID = parser.id // an id without data counts too
			if err := asyncio.Sleep(ctx, e.wait(ctx, &parser, failures, brought)); err != nil {
				yield(ServerEvent{}, err)
				return
			}
		}
	}
}

// leastRetry is the wait, and what is doubled after a failure, if the server has asked for less: while it
// is down, or hangs up without having said anything, it must not have itself asked without a pause.
const leastRetry = 100 * time.Millisecond

// wait returns how long to wait before the next attempt. brought tells whether the last connection has
// brought an event.
func (e *EventSource) wait(ctx context.Context, parser *eventParser, failures int, brought bool) time.Duration {
	wait, most := e.Retry, e.MaxRetry
	if wait <= 0 {
		wait = 3 * time.Second
	}
	if parser.retrySet {
		wait = parser.retry
	}
	if most <= 0 {
		most = time.Minute
	}
	if failures > 0 || !brought {
		wait = max(wait, leastRetry)
	}
	for i := 0; i < failures && wait < most; i++ {
		wait *= 2
	}
	wait = min(wait, most)
	if failures > 0 {
		loop, _ := asyncio.LoopFrom(ctx)
		wait -= time.Duration(loop.Rand().Float64() * float64(wait) / 2)
	}
	return wait
}

// connect makes one connection and reads its events. goOn reports whether another is to
// follow; failures counts the attempts in a row that brought nothing.
func (e *EventSource) connect(ctx context.Context, parser *eventParser, failures *int, emit func(ServerEvent) bool) (goOn bool, err error) {
	headers := http.Header{"Accept": {typeEvents}, "Cache-Control": {"no-store"}}
	if e.LastEventID != "" && http1.ValidHeaderValue(e.LastEventID) { // a server may have sent anything
		headers["Last-Event-Id"] = []string{e.LastEventID}
	}
	opts := []RequestOption{WithHeaders(headers), WithTimeout(ClientTimeout{Total: -1})}
	*failures++
	resp, err := e.Session.Get(ctx, e.URL, append(opts, e.Options...)...)
	if err != nil {
		return !isPermanent(err), err
	}
	defer resp.Close()
	switch {
	case resp.Status == http.StatusNoContent:
		return false, nil
	case resp.Status >= 500 || resp.Status == http.StatusTooManyRequests || resp.Status == http.StatusRequestTimeout:
		return true, resp.RaiseForStatus()
	case resp.Status != http.StatusOK || resp.ContentType() != typeEvents:
		refusal := resp.responseError(fmt.Sprintf("%v: status %d, type %s", errRefused, resp.Status, clip(resp.ContentType())))
		refusal.Err = errRefused
		return false, &refusal
	}
	*failures = 0
	if e.OnOpen != nil {
		e.OnOpen(resp)
	}
	// What an earlier connection left unfinished is not continued by this one.
	*parser = eventParser{id: parser.id, retry: parser.retry, retrySet: parser.retrySet}
	goOn, err = resp.events(ctx, parser, emit)
	if err != nil && goOn {
		*failures = 1
	}
	return goOn, err
}

// isPermanent reports whether the request itself is at fault, so that another attempt
// would fail in the same way.
func isPermanent(err error) bool {
	var request *InvalidRequestError
	var invalid *InvalidURLClientError
	var scheme *NonHTTPURLClientError
	return errors.As(err, &request) || errors.As(err, &invalid) || errors.As(err, &scheme) ||
		errors.Is(err, ErrSessionClosed)
}

package asyncio_test

// Streams, with everything that can happen to a reader happening in one turn of the loop, in
// every order: data arrives, the peer ends its side, this side is closed, the reader is
// cancelled, the limit is reached.

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

// streamEvents are what happens to a stream with a limit of 8 bytes, with what of it is sent.
var streamEvents = map[string]string{"data": "line\n", "limit": "0123456789", "eof": "", "close": "", "cancel": ""}

func TestReaderInEveryOrder(t *testing.T) { // STR-02, STR-03, STR-11, CAN-20
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		orders := permutationsOfSubsets([]string{"data", "limit", "eof", "close", "cancel"}, 4)
		if len(orders) != 5+20+60+120 {
			t.Fatalf("got %d orders", len(orders))
		}
		for _, order := range orders {
			if err := readerInOrder(ctx, t, order); err != nil {
				return err
			}
			if t.Failed() {
				t.Fatalf("in the order %q", order)
			}
		}
		return nil
	})
}

func readerInOrder(ctx context.Context, t *testing.T, order []string) error {
	a, b := streamPair(ctx, t, asyncio.WithStreamLimit(8))
	defer a.w.Close()
	defer b.w.Close()
	reader := asyncio.CreateTask(ctx, func(ctx context.Context) ([]byte, error) { return a.r.ReadLine(ctx) })
	asyncio.Sleep(ctx, 0)
	sent := ""
	for _, event := range order {
		switch event {
		case "data", "limit":
			if b.w.WriteString(streamEvents[event]); !slices.Contains(order[:slices.Index(order, event)], "eof") {
				sent += streamEvents[event]
			}
		case "eof":
			b.w.WriteEOF()
		case "close":
			a.w.Close()
		case "cancel":
			reader.Cancel(errBoom)
		}
	}
	closed, cancelled := slices.Contains(order, "close"), slices.Contains(order, "cancel")
	if !slices.Contains(order, "eof") && !closed {
		b.w.WriteEOF() // nobody is to wait for ever
	}
	line, err := reader.Await(ctx)
	switch {
	case cancelled:
		wantErr(t, err, errBoom)
	case closed && err == io.EOF:
	default:
		wantLine(t, line, err, sent)
	}
	rest, restErr := a.r.ReadAll(ctx)
	var overrun *asyncio.LimitOverrunError
	switch {
	case closed: // what had not been read is lost with the connection
		if !strings.HasSuffix(sent, string(rest)) {
			t.Errorf("got %q behind %q of %q", rest, line, sent)
		}
	case errors.As(err, &overrun):
	default:
		wantBytes(t, []byte(string(line)+string(rest)), restErr, sent, nil)
	}
	a.w.Close()
	wantErr(t, a.w.WaitClosed(ctx), nil)
	return nil
}

// wantLine checks what ReadLine has made of a stream that is sent and then ends, which may
// arrive in pieces.
func wantLine(t *testing.T, line []byte, err error, sent string) {
	t.Helper()
	first, _, whole := strings.Cut(sent, "\n")
	if whole {
		first += "\n"
	}
	var overrun *asyncio.LimitOverrunError
	switch {
	case strings.Index(sent, "\n") > 8 || !whole && len(sent) > 8:
		if !errors.As(err, &overrun) {
			t.Errorf("got %q, %v, want a limit overrun", line, err)
		}
	case first == "":
		wantBytes(t, line, err, "", io.EOF)
	default:
		wantBytes(t, line, err, first, nil)
	}
}

// permutationsOfSubsets returns every order of every selection of at most n of the events.
func permutationsOfSubsets(events []string, n int) (orders [][]string) {
	var extend func(order []string)
	extend = func(order []string) {
		if len(order) > 0 {
			orders = append(orders, slices.Clone(order))
		}
		for _, e := range events {
			if len(order) < n && !slices.Contains(order, e) {
				extend(append(order, e))
			}
		}
	}
	extend(nil)
	return orders
}

func TestWriterInEveryOrder(t *testing.T) { // STR-09, STR-10, STR-11
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		orders := permutationsOfSubsets([]string{"read", "close", "abort", "peer aborts", "cancel"}, 2)
		orders = append(orders, permutationsOfSubsets([]string{"close", "peer aborts", "cancel"}, 3)...)
		for _, order := range orders {
			if err := writerInOrder(ctx, t, order); err != nil {
				return err
			}
			if t.Failed() {
				t.Fatalf("in the order %q", order)
			}
		}
		return nil
	})
}

func writerInOrder(ctx context.Context, t *testing.T, order []string) error {
	a, b := streamPair(ctx, t)
	defer b.w.Abort()
	slow(t, a.w)
	first, second := spawn(ctx, a.w.Drain), spawn(ctx, a.w.Drain)
	closing := spawn(ctx, a.w.WaitClosed)
	asyncio.Sleep(ctx, 0)
	var reading *asyncio.Task[int64]
	for _, event := range order {
		switch event {
		case "read":
			reading = asyncio.CreateTask(ctx, func(ctx context.Context) (int64, error) { return io.Copy(io.Discard, b.r.Reader(ctx)) })
		case "close":
			a.w.Close()
		case "abort":
			a.w.Abort()
		case "peer aborts":
			b.w.Abort()
		case "cancel":
			first.Cancel(errBoom)
		}
	}
	if !slices.Contains(order, "abort") && !slices.Contains(order, "peer aborts") && !slices.Contains(order, "read") {
		a.w.Abort() // nobody is to wait for ever
	}
	_, err := first.Await(ctx)
	if slices.Contains(order, "cancel") {
		wantErr(t, err, errBoom)
	}
	_, failed := second.Await(ctx)
	if ends := slices.Contains(order, "abort") || slices.Contains(order, "close"); (failed == nil) && ends {
		t.Error("a drain of a closed connection succeeded")
	}
	a.w.Close()
	_, err = closing.Await(ctx)
	if slices.Contains(order, "abort") && !slices.Contains(order, "peer aborts") {
		wantErr(t, err, nil)
	}
	if reading != nil {
		reading.Await(ctx)
	}
	return nil
}

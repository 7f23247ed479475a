package aiotest

// Cases about streams and servers of streams.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/aio-go/aio/asyncio"
)

// withStream is a case about a stream to a server that runs handle for each connection.
func withStream(handle asyncio.StreamHandler, f func(ctx context.Context, t *networkSuite, s *asyncio.Server, r *asyncio.StreamReader, w *asyncio.StreamWriter) error) func(context.Context, *networkSuite) error {
	return func(ctx context.Context, t *networkSuite) error {
		s, err := asyncio.StartServer(ctx, handle, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		closing(t, s)
		r, w, err := asyncio.OpenConnection(ctx, "tcp", s.Addr().String())
		if err != nil {
			return err
		}
		closing(t, w)
		err = errors.Join(f(ctx, t, s, r, w), w.Close())
		_ = w.WaitClosed(ctx) // its error is what the connection ended with, in some cases a reset
		return errors.Join(err, s.Shutdown(ctx))
	}
}

// upperLines answers each line in capitals, until the end.
func upperLines(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
	for {
		line, err := r.ReadLine(ctx)
		if len(line) == 0 || err != nil {
			return errors.Join(err, w.Close())
		}
		if _, err := w.WriteString(strings.ToUpper(string(line))); err != nil {
			return err
		}
		if err := w.Drain(ctx); err != nil {
			return err
		}
	}
}

// flood writes without end.
func flood(ctx context.Context, _ *asyncio.StreamReader, w *asyncio.StreamWriter) error {
	piece := make([]byte, 1<<16)
	for {
		if _, err := w.Write(piece); err != nil {
			return nil // the client is gone, as it is meant to be
		}
		if err := w.Drain(ctx); err != nil {
			return nil
		}
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
	}
}

var streamCases = []networkCase{
	{"lines are answered", withStream(upperLines, func(ctx context.Context, t *networkSuite, _ *asyncio.Server, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
		for i := range 20 {
			if _, err := fmt.Fprintf(w, "line %d\n", i); err != nil {
				return err
			}
		}
		for i := range 20 {
			line, err := r.ReadLine(ctx)
			if want := fmt.Sprintf("LINE %d\n", i); string(line) != want || err != nil {
				return fmt.Errorf("got %q, %w, want %q", line, err, want)
			}
		}
		return nil
	})},
	{"a line without an end is given at the end", withStream(upperLines, func(ctx context.Context, t *networkSuite, _ *asyncio.Server, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
		if _, err := w.WriteString("half a line"); err != nil {
			return err
		}
		if err := w.WriteEOF(); err != nil {
			return err
		}
		line, err := r.ReadLine(ctx)
		if string(line) != "HALF A LINE" || err != nil {
			t.Errorf("got %q, %v", line, err)
		}
		if rest, err := r.ReadAll(ctx); len(rest) > 0 || err != nil || !r.AtEOF() {
			t.Errorf("got %q, %v after the end", rest, err)
		}
		return nil
	})},
	{"too few bytes are an incomplete read", withStream(upperLines, func(ctx context.Context, t *networkSuite, _ *asyncio.Server, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
		if _, err := w.WriteString("abc\n"); err != nil {
			return err
		}
		if err := w.WriteEOF(); err != nil {
			return err
		}
		_, err := r.ReadExactly(ctx, 10)
		var short *asyncio.IncompleteReadError
		if !errors.As(err, &short) || string(short.Partial) != "ABC\n" || short.Expected != 10 {
			t.Errorf("got %v, want an *IncompleteReadError with what there was", err)
		}
		return nil
	})},
	{"much is written as fast as it is read", withStream(upperLines, func(ctx context.Context, t *networkSuite, _ *asyncio.Server, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
		const lines = 40_000
		line := strings.Repeat("x", 99) + "\n"
		writing := t.start(func(ctx context.Context) error {
			for range lines {
				if _, err := w.WriteString(line); err != nil {
					return err
				}
				if err := w.Drain(ctx); err != nil {
					return err
				}
			}
			return w.WriteEOF()
		})
		got, err := r.ReadAll(ctx)
		if len(got) != lines*len(line) || err != nil {
			return fmt.Errorf("received %d bytes, %w, want %d", len(got), err, lines*len(line))
		}
		_, err = writing.Await(ctx)
		return err
	})},
	{"a reset peer fails what is written", withStream(flood, func(ctx context.Context, t *networkSuite, s *asyncio.Server, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
		if _, err := r.ReadExactly(ctx, 1); err != nil {
			return err
		}
		s.AbortClients()
		_, err := r.ReadAll(ctx)
		t.is("read", err, syscall.ECONNRESET)
		return nil
	})},
}

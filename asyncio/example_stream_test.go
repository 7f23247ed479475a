package asyncio_test

import (
	"context"
	"fmt"

	"github.com/aio-go/aio/asyncio"
)

func ExampleOpenConnection() {
	asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		upper := func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			line, err := r.ReadLine(ctx)
			fmt.Fprintf(w, "you said %s", line)
			return err
		}
		server, err := asyncio.StartServer(ctx, upper, "tcp", "127.0.0.1:0")
		if err != nil {
			return struct{}{}, err
		}
		r, w, err := asyncio.OpenConnection(ctx, "tcp", server.Addr().String())
		if err != nil {
			return struct{}{}, err
		}
		defer w.Close()
		w.WriteString("hello\n")
		answer, err := r.ReadLine(ctx)
		fmt.Printf("%s", answer)
		return struct{}{}, err
	})
	// Output: you said hello
}

func ExampleStartServer() {
	asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		echo := func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			for line, err := range r.Lines(ctx) {
				if err != nil {
					return err
				}
				w.Write(line)
				if err := w.Drain(ctx); err != nil {
					return err
				}
			}
			return nil
		}
		server, err := asyncio.StartServer(ctx, echo, "tcp", "127.0.0.1:0")
		if err != nil {
			return struct{}{}, err
		}
		r, w, err := asyncio.OpenConnection(ctx, "tcp", server.Addr().String())
		if err != nil {
			return struct{}{}, err
		}
		w.WriteLines([][]byte{[]byte("one\n"), []byte("two\n")})
		w.WriteEOF()
		everything, err := r.ReadAll(ctx)
		fmt.Printf("%s", everything)
		w.Close()
		return struct{}{}, server.Shutdown(ctx)
	})
	// Output:
	// one
	// two
}

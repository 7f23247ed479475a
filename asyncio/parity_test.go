package asyncio_test

// Parity: small programs, each in Python with what CPython prints for it, in testdata/parity,
// and here once more in Go. Both must print the same. The Go twins run under virtual time.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// A printer prints like Python's print.
type printer func(args ...any)

// twins are the Go programs, by the names of their Python originals.
var twins = map[string]func(t *testing.T, print printer){}

// twin registers a program of which main is all, as with asyncio.run(main()).
func twin(name string, main func(ctx context.Context, print printer) error) bool {
	return barrenTwin(name, func(t *testing.T, print printer) {
		_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
			return none{}, main(ctx, print)
		}, virtual())
		wantErr(t, err, nil)
	})
}

// loopTwin registers a program that handles its loop itself.
func loopTwin(name string, program func(t *testing.T, l *asyncio.EventLoop, print printer)) bool {
	return barrenTwin(name, func(t *testing.T, print printer) { program(t, newLoop(t), print) })
}

// barrenTwin registers a program that has to make its own loop.
func barrenTwin(name string, program func(t *testing.T, print printer)) bool {
	if twins[name] != nil {
		panic("two twins of " + name)
	}
	twins[name] = program
	return true
}

func TestParity(t *testing.T) {
	scripts, err := filepath.Glob("testdata/parity/[0-9]*.py")
	if err != nil || len(scripts) < 60 {
		t.Fatalf("got %d programs, %v, want at least 60", len(scripts), err)
	}
	known := map[string]bool{}
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".py")
		known[name] = true
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile(strings.TrimSuffix(script, ".py") + ".out")
			if err != nil {
				t.Fatal(err)
			}
			program := twins[name]
			if program == nil {
				t.Fatal("has no twin in Go")
			}
			noGoroutineLeft(t)
			var got strings.Builder
			program(t, func(args ...any) {
				texts := make([]string, len(args))
				for i, arg := range args {
					texts[i] = python(arg)
				}
				got.WriteString(strings.Join(texts, " ") + "\n")
			})
			if wantText := strings.ReplaceAll(string(want), "\r\n", "\n"); got.String() != wantText {
				t.Errorf("got\n%s\nwant, as CPython,\n%s", got.String(), wantText)
			}
		})
	}
	for name := range twins {
		if !known[name] {
			t.Errorf("%s has no original in Python", name)
		}
	}
}

// python returns what Python's print shows for v.
func python(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case error:
		return pythonError(v)
	}
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Slice {
		return fmt.Sprint(v)
	}
	items := make([]string, r.Len())
	for i := range items {
		if item := r.Index(i); item.Kind() == reflect.String {
			items[i] = "'" + item.String() + "'"
		} else {
			items[i] = python(item.Interface())
		}
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// pythonError returns the name of the exception that err corresponds to, or its text.
func pythonError(err error) string {
	for name, target := range map[string]error{
		"CancelledError":    context.Canceled,
		"TimeoutError":      context.DeadlineExceeded,
		"InvalidStateError": asyncio.ErrInvalidState,
		"QueueEmpty":        asyncio.ErrQueueEmpty,
		"QueueFull":         asyncio.ErrQueueFull,
	} {
		if errors.Is(err, target) {
			return name
		}
	}
	return err.Error()
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// gather starts a task for each of fs and awaits them all, like asyncio.gather on
// coroutines.
func gather(ctx context.Context, fs ...func(ctx context.Context) error) error {
	var tasks []*asyncio.Task[none]
	for _, f := range fs {
		tasks = append(tasks, spawn(ctx, f))
	}
	_, err := asyncio.Gather(ctx, tasks...).Await(ctx)
	return err
}

// each asks every task for the same thing.
func each[T, V any](tasks []*asyncio.Task[T], f func(*asyncio.Task[T]) V) []V {
	var all []V
	for _, task := range tasks {
		all = append(all, f(task))
	}
	return all
}

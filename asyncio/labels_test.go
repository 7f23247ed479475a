package asyncio_test

import (
	"bytes"
	"context"
	"runtime/pprof"
	rtrace "runtime/trace"
	"strings"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

func TestTaskLabelsNameTheTaskInGoroutineProfiles(t *testing.T) {
	var profile bytes.Buffer
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		task := asyncio.CreateTask(ctx, func(ctx context.Context) (none, error) {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return none{}, err
			}
			return none{}, pprof.Lookup("goroutine").WriteTo(&profile, 1)
		}, asyncio.WithName("profiled"))
		return task.Await(ctx)
	}, asyncio.WithTaskLabels(true))
	if err != nil {
		t.Fatal(err)
	}
	if want := `"task":"profiled"`; !strings.Contains(profile.String(), want) {
		t.Errorf("the goroutine profile has no label %s", want)
	}
}

func TestTaskLabelsNameTheTaskInTraces(t *testing.T) {
	var traced bytes.Buffer
	if err := rtrace.Start(&traced); err != nil {
		t.Fatal(err)
	}
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		return asyncio.CreateTask(ctx, func(ctx context.Context) (none, error) {
			return none{}, asyncio.Sleep(ctx, 0)
		}, asyncio.WithName("traced task")).Await(ctx)
	}, asyncio.WithTaskLabels(true))
	rtrace.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(traced.Bytes(), []byte("traced task")) {
		t.Error("the trace does not know the task's name")
	}
}

func TestDebugModeRemembersWhereTasksWereCreated(t *testing.T) {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		f := asyncio.NewFuture[int](ctx)
		task := asyncio.CreateTask(ctx, f.Await)
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return none{}, err
		}
		if got := asyncio.CaptureCallGraph(ctx).String(); !strings.Contains(got, "created at") || !strings.Contains(got, "labels_test.go") {
			t.Errorf("got %s, want the place of creation", got)
		}
		_ = f.SetResult(1)
		_, err := task.Await(ctx)
		return none{}, err
	}, asyncio.WithDebug(true))
	if err != nil {
		t.Fatal(err)
	}
}

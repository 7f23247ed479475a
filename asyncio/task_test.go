package asyncio_test

// Tasks: when they start, what they are called, what becomes of their results, panics and
// exits, and eager starts.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func TestTasksStartInTheNextTurnInOrder(t *testing.T) { // TASK-01
	l := newLoop(t)
	var tr trace
	l.CallSoon(func() {
		for i := range 3 {
			spawn(l.Context(), func(context.Context) error { tr.add("task %d", i); return nil })
		}
		tr.add("created")
	})
	turn(t, l)
	tr.want(t, "created")
	turn(t, l)
	tr.want(t, "created", "task 0", "task 1", "task 2")
}

func TestTaskCannotBeCompletedFromOutside(t *testing.T) { // TASK-03, TASK-13
	simulate(t, func(ctx context.Context) error {
		task := asyncio.CreateTask(ctx, after(time.Second, 7, nil))
		wantErr(t, task.SetResult(1), asyncio.ErrInvalidState)
		wantErr(t, task.SetError(errBoom), asyncio.ErrInvalidState)
		if v, err := task.Await(ctx); v != 7 || err != nil {
			t.Errorf("got %v, %v, want 7", v, err)
		}
		wantErr(t, task.SetResult(1), asyncio.ErrInvalidState)
		return nil
	})
}

func TestDefaultNamesCount(t *testing.T) { // TASK-04
	simulate(t, func(ctx context.Context) error {
		var got []string
		for range 3 {
			got = append(got, asyncio.CreateTask(ctx, after(0, 0, nil)).Name())
		}
		if want := []string{"Task-2", "Task-3", "Task-4"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		named := asyncio.CreateTask(ctx, after(0, 0, nil), asyncio.WithName("first"))
		if got := named.Name(); got != "first" {
			t.Errorf("got %q, want first", got)
		}
		named.SetName("second")
		if got := named.Name(); got != "second" {
			t.Errorf("got %q, want second", got)
		}
		return asyncio.Sleep(ctx, 0)
	})
}

func TestAllTasksAreTheUnfinishedOnes(t *testing.T) { // TASK-07
	simulate(t, func(ctx context.Context) error {
		names := func() (names []string) {
			for _, task := range asyncio.AllTasks(ctx) {
				names = append(names, task.Name())
			}
			return names
		}
		main := asyncio.CurrentTask(ctx)
		main.SetName("main")
		for _, name := range []string{"a", "b"} {
			asyncio.CreateTask(ctx, after(time.Second, 0, nil), asyncio.WithName(name))
		}
		parent := spawn(ctx, func(ctx context.Context) error {
			asyncio.CreateTask(ctx, after(time.Minute, 0, nil), asyncio.WithName("child"))
			return nil
		}, asyncio.WithName("parent"))
		shielded := asyncio.CreateTask(context.WithoutCancel(ctx), after(time.Minute, 0, nil), asyncio.WithName("shielded"))
		if got, want := names(), []string{"main", "a", "b", "parent", "shielded"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		_, err := parent.Await(ctx)
		wantErr(t, err, nil)
		if got, want := names(), []string{"main", "a", "b", "shielded", "child"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		wantErr(t, asyncio.Sleep(ctx, time.Second*2), nil)
		if got, want := names(), []string{"main", "shielded", "child"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		_, err = shielded.Await(ctx)
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		return err
	})
}

func TestCurrentTaskIsTheOneThatRuns(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		main := asyncio.CurrentTask(ctx)
		var inside asyncio.AnyTask
		task := spawn(ctx, func(ctx context.Context) error {
			inside = asyncio.CurrentTask(ctx)
			derived, cancel := context.WithCancel(ctx)
			defer cancel()
			if asyncio.CurrentTask(derived) != inside {
				t.Error("a derived context has another task")
			}
			return nil
		})
		_, err := task.Await(ctx)
		if inside != asyncio.AnyTask(task) || main == inside || asyncio.CurrentTask(ctx) != main {
			t.Errorf("got %v inside %v, main %v", inside, task, main)
		}
		return err
	})
}

func TestSleepZeroLetsWhatIsReadyRun(t *testing.T) { // TASK-08
	simulate(t, func(ctx context.Context) error {
		for _, d := range []time.Duration{0, -time.Second} {
			var tr trace
			l := asyncio.RunningLoop(ctx)
			l.CallSoon(func() {
				tr.add("callback")
				l.CallSoon(tr.step("next turn"))
			})
			wantErr(t, asyncio.Sleep(ctx, d), nil)
			tr.want(t, "callback")
			wantErr(t, asyncio.Sleep(ctx, d), nil)
			tr.want(t, "callback", "next turn")
		}
		return nil
	})
}

func TestTaskMayReturnAFuture(t *testing.T) { // TASK-11
	simulate(t, func(ctx context.Context) error {
		f := asyncio.NewFuture[int](ctx)
		task := asyncio.CreateTask(ctx, func(context.Context) (*asyncio.Future[int], error) { return f, nil })
		if got, err := task.Await(ctx); got != f || err != nil {
			t.Errorf("got %v, %v, want the future itself", got, err)
		}
		return nil
	})
}

func TestResultAndErrorOfATask(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		failed := asyncio.CreateTask(ctx, after(0, 7, errBoom))
		v, err := failed.Await(ctx)
		wantErr(t, err, errBoom)
		if v != 7 {
			t.Errorf("got %d, want the value that came with the error", v)
		}
		if failed.Cancelled() {
			t.Error("a failed task is cancelled")
		}
		wrapped := spawn(ctx, func(context.Context) error { return fmt.Errorf("load: %w", context.Canceled) })
		_, err = wrapped.Await(ctx)
		if !wrapped.Cancelled() || err == nil || err.Error() != "load: context canceled" {
			t.Errorf("got %v, %v, want a cancelled task that keeps its error", wrapped, err)
		}
		return nil
	})
}

func TestPanicOfATaskIsItsError(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		task := spawn(ctx, func(context.Context) error { panic(errBoom) })
		_, err := task.Await(ctx)
		var p *asyncio.PanicError
		if !errors.As(err, &p) || p.Value != errBoom {
			t.Fatalf("got %v, want a *PanicError with the value", err)
		}
		wantErr(t, err, errBoom)
		if !strings.Contains(string(p.Stack), "TestPanicOfATaskIsItsError") {
			t.Errorf("the stack does not show where the panic was:\n%s", p.Stack)
		}
		if task.Cancelled() {
			t.Error("a task that panicked is cancelled")
		}
		// Not even a panic with a cancellation is one.
		odd := spawn(ctx, func(context.Context) error { panic(context.Canceled) })
		_, err = odd.Await(ctx)
		if odd.Cancelled() || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want a failed task", odd)
		}
		return nil
	})
}

func TestPanicAfterASuspensionLeavesTheLoopSound(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var tasks []*asyncio.Task[none]
		for i := range 50 {
			tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
				wantErr(t, asyncio.Sleep(ctx, time.Duration(i%7)), nil)
				if i%3 == 0 {
					panic(i)
				}
				return asyncio.Sleep(ctx, 1)
			}))
		}
		for i, task := range tasks {
			_, err := task.Await(ctx)
			var p *asyncio.PanicError
			if panicked := errors.As(err, &p); panicked != (i%3 == 0) || panicked && p.Value != i {
				t.Errorf("task %d: got %v", i, err)
			}
		}
		return nil
	})
}

func TestTaskCannotAwaitItself(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var task *asyncio.Task[none]
		task = spawn(ctx, func(ctx context.Context) error {
			_, err := task.Await(ctx)
			return err
		})
		_, err := task.Await(ctx)
		var p *asyncio.PanicError
		if !errors.As(err, &p) || !strings.Contains(fmt.Sprint(p.Value), "await itself") {
			t.Errorf("got %v, want a panic that says so", err)
		}
		return nil
	})
}

func TestStackShowsWhereATaskWaits(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		task := spawn(ctx, waitsHere)
		if got := task.Stack(); got != nil {
			t.Errorf("got %v, want no stack before the start", got)
		}
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		for range 2 {
			stack := task.Stack()
			if len(stack) == 0 || !strings.HasSuffix(stack[0].Function, "waitsHere") {
				t.Fatalf("got %v, want the function that waits first", stack)
			}
		}
		if got := asyncio.CurrentTask(ctx).Stack(); got != nil {
			t.Errorf("got %v, want no stack of a task that runs", got)
		}
		_, err := task.Await(ctx)
		if got := task.Stack(); got != nil {
			t.Errorf("got %v, want no stack of a task that is done", got)
		}
		return err
	})
}

func waitsHere(ctx context.Context) error { return asyncio.Sleep(ctx, time.Second) }

func TestStackOfATaskThatGivesWay(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var tr trace
		task := spawn(ctx, func(ctx context.Context) error {
			for i := range 3 {
				tr.add("%d", i)
				if err := asyncio.Sleep(ctx, 0); err != nil {
					return err
				}
			}
			return nil
		})
		for range 3 {
			wantErr(t, asyncio.Sleep(ctx, 0), nil)
			if stack := task.Stack(); len(stack) == 0 {
				t.Error("a task that is ready again has no stack")
			}
		}
		_, err := task.Await(ctx)
		tr.want(t, "0", "1", "2")
		return err
	})
}

func TestTasksDescribeThemselves(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		task := asyncio.CreateTask(ctx, after(time.Second, 0, errBoom), asyncio.WithName("t"))
		var got trace
		got.add("%v", task)
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		got.add("%v", task)
		_, err := task.Await(ctx)
		got.add("%v", task)
		got.want(t, "Task(t, created)", "Task(t, suspended)", "Task(t, failed: boom)")
		wantErr(t, err, errBoom)
		return nil
	})
}

func TestEagerTaskRunsInsideCreateTask(t *testing.T) { // EAGER-01, EAGER-03, EAGER-04, EAGER-05
	simulate(t, func(ctx context.Context) error {
		creator := asyncio.CurrentTask(ctx)
		var inside asyncio.AnyTask
		var listed bool
		task := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			inside = asyncio.CurrentTask(ctx)
			listed = slices.Contains(asyncio.AllTasks(ctx), inside)
			return 7, nil
		}, asyncio.WithEagerStart())
		if !task.Done() {
			t.Error("the task is not done when CreateTask returns")
		}
		if inside != asyncio.AnyTask(task) || asyncio.CurrentTask(ctx) != creator {
			t.Error("the current task is wrong in or after the eager step")
		}
		if !listed || slices.Contains(asyncio.AllTasks(ctx), asyncio.AnyTask(task)) {
			t.Error("AllTasks is wrong in or after the eager step")
		}
		if task.Cancel(nil) {
			t.Error("a finished task was cancelled")
		}
		if v, err := task.Await(ctx); v != 7 || err != nil {
			t.Errorf("got %v, %v, want 7", v, err)
		}
		return nil
	})
}

func TestEagerTaskThatBlocksGoesOnAsAnyOther(t *testing.T) { // EAGER-02
	simulate(t, func(ctx context.Context) error {
		var tr trace
		task := spawn(ctx, func(ctx context.Context) error {
			tr.add("eager step")
			if err := asyncio.Sleep(ctx, time.Second); err != nil {
				return err
			}
			tr.add("after the sleep")
			return nil
		}, asyncio.WithEagerStart())
		tr.add("created")
		if task.Done() {
			t.Error("the task is done")
		}
		wantErr(t, asyncio.Sleep(ctx, 0), nil) // the creator still suspends as itself
		_, err := task.Await(ctx)
		tr.want(t, "eager step", "created", "after the sleep")
		return err
	})
}

func TestEagerTasksNest(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var tr trace
		var inner *asyncio.Task[none]
		outer := spawn(ctx, func(ctx context.Context) error {
			tr.add("outer")
			inner = spawn(ctx, func(ctx context.Context) error {
				tr.add("inner")
				err := asyncio.Sleep(ctx, 0)
				tr.add("inner again")
				return err
			}, asyncio.WithEagerStart())
			tr.add("outer again")
			if stack := asyncio.CurrentTask(ctx).Stack(); stack != nil {
				t.Error("a running task has a stack")
			}
			_, err := inner.Await(ctx)
			tr.add("outer at last")
			return err
		}, asyncio.WithEagerStart())
		tr.add("main")
		_, err := outer.Await(ctx)
		tr.want(t, "outer", "inner", "outer again", "main", "inner again", "outer at last")
		return err
	})
}

func TestEagerTaskUnderAnEndedContextDoesNotRun(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		ended, cancel := asyncio.WithTimeout(ctx, time.Hour)
		cancel()
		task := spawn(ended, func(context.Context) error {
			t.Error("the task ran")
			return nil
		}, asyncio.WithEagerStart())
		if !task.Cancelled() {
			t.Errorf("got %v, want a cancelled task", task)
		}
		return nil
	})
}

func TestEagerTaskInACallbackAndBeforeTheRun(t *testing.T) {
	l := newLoop(t)
	var tr trace
	body := func(context.Context) error { tr.add("task"); return nil }
	l.CallSoon(func() {
		spawn(l.Context(), body, asyncio.WithEagerStart())
		tr.add("callback")
	})
	turn(t, l)
	tr.want(t, "task", "callback")
	// A loop at rest runs nothing.
	spawn(l.Context(), body, asyncio.WithEagerStart())
	tr.want(t, "task", "callback")
	turn(t, l)
	tr.want(t, "task", "callback", "task")
}

func TestEagerTaskThatPanics(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		task := spawn(ctx, func(context.Context) error { panic("ouch") }, asyncio.WithEagerStart())
		var p *asyncio.PanicError
		if !errors.As(task.Err(), &p) {
			t.Errorf("got %v, want a task that panicked", task)
		}
		return asyncio.Sleep(ctx, 0)
	})
}

// Workers are pooled: a burst of tasks, all suspended at once, twice.
func TestManyTasksAtOnce(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		for range 2 {
			var tasks []*asyncio.Task[int]
			for i := range 5000 {
				tasks = append(tasks, asyncio.CreateTask(ctx, after(time.Duration(i%10), i, nil)))
			}
			all, err := asyncio.Gather(ctx, tasks...).Await(ctx)
			if err != nil {
				return err
			}
			for i, v := range all {
				if i != v {
					t.Fatalf("got %d at %d", v, i)
				}
			}
		}
		return nil
	}, aiotest.WithLoopOptions(asyncio.WithDebug(false)))
}

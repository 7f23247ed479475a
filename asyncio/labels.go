package asyncio

// Names of tasks where Go's own tools look for them: in CPU profiles as the label "task", and
// in execution traces as a task with a region for every step. And, in debug mode, where a
// task was created.

import (
	"context"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
)

// WithTaskLabels makes the loop name its tasks in CPU profiles (pprof label "task") and in
// execution traces (runtime/trace: a task with a region "step" from each resumption to the next
// suspension). It costs some hundred nanoseconds a task. The default is off.
func WithTaskLabels(on bool) LoopOption { return func(o *loopOptions) { o.labels = on } }

// labels are the names of a worker's task in a trace.
type labels struct {
	ctx    context.Context // carries the trace's task
	span   *trace.Task
	region *trace.Region
}

// runLabelled runs the worker's task under its name. It is called on the worker.
func (w *worker) runLabelled() {
	name := w.task().title()
	ctx, span := trace.NewTask(context.Background(), name)
	ctx = pprof.WithLabels(ctx, pprof.Labels("task", name))
	pprof.SetGoroutineLabels(ctx)
	named := &w.beside().labels
	named.ctx, named.span = ctx, span
	w.labelled, w.special = true, true
	named.resume()
	defer func() {
		named.pause()
		named.span.End()
		w.labelled, w.special = false, false
		pprof.SetGoroutineLabels(context.Background())
	}()
	w.task().body().execute()
}

func (b *labels) pause() { b.region.End() }

func (b *labels) resume() { b.region = trace.StartRegion(b.ctx, "step") }

// maxCreationDepth is how much of the stack debug mode remembers of a task's creation.
const maxCreationDepth = 16

// noteCreation remembers, in debug mode, where the task is created.
func (t *task) noteCreation() {
	if t.loop.options.debug {
		pcs := make([]uintptr, maxCreationDepth)
		t.extension().created = pcs[:runtime.Callers(3, pcs)]
	}
}

// createdAt returns where the task was created, nearest call first, if debug mode saw it.
func (t *task) createdAt() []runtime.Frame {
	if x := t.ext.Load(); x != nil {
		return userFrames(x.created)
	}
	return nil
}

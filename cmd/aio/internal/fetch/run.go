package fetch

// The run as a whole: it starts the reader of the list, keeps up to Concurrency workers busy, and ends when there is
// nothing left, or early when it is stopped. All state belongs to the loop; there are no locks.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/middleware"
	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/cmd/aio/internal/frontier"
	"github.com/aio-go/aio/cmd/aio/internal/outname"
	"github.com/aio-go/aio/cmd/aio/internal/progress"
	"github.com/aio-go/aio/cmd/aio/internal/report"
	"github.com/aio-go/aio/cmd/aio/internal/sink"
	"github.com/aio-go/aio/cmd/aio/internal/urllist"
)

// ErrInterrupted is the reason for stopping that a signal gives.
var ErrInterrupted = errors.New("interrupted")

type run struct {
	cfg       *Config
	loop      *asyncio.EventLoop
	list      *urllist.Reader
	session   *aiohttp.ClientSession
	connector aiohttp.Connector
	options   []aiohttp.RequestOption

	ctx    context.Context // of the workers; ends when the run is stopped
	cancel context.CancelCauseFunc

	frontier   *frontier.Frontier[*item]
	names      *outname.Set
	parked     map[*job]*asyncio.TimerHandle
	dropped    int64 // read, but not started when the run was stopped
	active     int
	room       *asyncio.Future[struct{}] // the reader waits for room in the window
	listDone   bool
	listErr    error
	total      int64
	totalKnown bool
	over       *asyncio.Future[struct{}] // completes when nothing is left

	dir     *sink.Dir
	dirErr  error // why bodies cannot be written
	disk    disk
	buffers buffers
	results *results
	budget  *middleware.RetryBudget

	received int64 // body bytes, those of unfinished and failed attempts included
	display  *progress.Display
	ticker   *asyncio.TimerHandle
	begun    time.Duration
	sum      report.Summary
}

// Run fetches everything on list with the loop that ctx carries, and returns what came of it. The error is about the run,
// not about single URLs: the list or the results broke off. stop, called by the caller's signal handler through the
// function handed to onStop, ends the run early but in order.
func Run(ctx context.Context, cfg *Config, list *urllist.Reader, onStop func(stop func(error))) (*report.Summary, error) {
	r := newRun(ctx, cfg, list)
	defer r.cancel(nil)
	if err := r.openOutput(ctx); err != nil {
		r.dirErr = err // every URL will say so
	}
	defer r.closeOutput()
	r.session, r.options = r.newSession(), r.requestOptions()
	defer r.closeSession()
	onStop(r.stop)
	if cfg.MaxTime > 0 {
		limit := r.loop.CallLater(cfg.MaxTime, func() { r.stop(fmt.Errorf("--max-time %v is over", cfg.MaxTime)) })
		defer limit.Cancel()
	}
	r.startProgress()
	reader := asyncio.CreateTask(r.ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, r.readList(ctx) },
		asyncio.WithName("read list"))
	reader.AddDoneCallback(func(f *asyncio.Future[struct{}]) { r.listEnded(f.Err()) })
	_, err := r.over.Await(ctx)
	if err != nil { // the caller's ctx ended
		r.stop(context.Cause(ctx))
		_, _ = r.over.Await(context.WithoutCancel(ctx))
	}
	return r.finish(context.WithoutCancel(ctx))
}

func newRun(ctx context.Context, cfg *Config, list *urllist.Reader) *run {
	loop := asyncio.RunningLoop(ctx)
	r := &run{
		cfg: cfg, loop: loop, list: list,
		frontier: frontier.New[*item](cfg.window(), cfg.PerHost),
		names:    outname.NewSet(),
		parked:   make(map[*job]*asyncio.TimerHandle),
		over:     asyncio.NewFuture[struct{}](ctx),
		disk:     disk{loop: loop, lanes: lanesUnsynced},
		budget:   middleware.NewRetryBudget(cfg.RetryBudget, 0),
		begun:    loop.Time(),
	}
	if cfg.Sync != sink.SyncNone {
		r.disk.lanes = lanesSynced
	}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	if cfg.Results {
		r.results = &results{loop: loop, out: cfg.Stdout, enc: report.NewEncoder(), failed: r.stop}
	}
	return r
}

// dispatch starts workers while there are jobs for them.
func (r *run) dispatch() {
	for r.active < r.cfg.Concurrency && r.ctx.Err() == nil {
		j, ok := r.frontier.Take()
		if !ok {
			return
		}
		r.active++
		asyncio.CreateTask(r.ctx, func(ctx context.Context) (struct{}, error) {
			r.work(ctx, j)
			return struct{}{}, nil
		}).AddDoneCallback(func(f *asyncio.Future[struct{}]) { r.workerEnded(j, f) })
	}
}

// work is a worker: it carries out j and then whatever is next, and ends when there is nothing.
func (r *run) work(ctx context.Context, j *job) {
	for {
		r.process(ctx, j)
		if r.ctx.Err() != nil {
			return
		}
		next, ok := r.frontier.Take()
		if !ok {
			return
		}
		j = next
	}
}

// workerEnded accounts for a worker; first is the job it was started with. A task that was cancelled before it began has
// not touched that job; one that panicked has told nobody.
func (r *run) workerEnded(first *job, f *asyncio.Future[struct{}]) {
	r.active--
	if err := f.Err(); err != nil {
		r.stop(fmt.Errorf("internal error: %w", err))
		if first.Value.started == 0 {
			r.dropped++
			r.frontier.Release(first)
		}
	}
	r.settle()
}

// process makes one attempt at a job and finishes it or parks it for the next.
func (r *run) process(ctx context.Context, j *job) {
	it := j.Value
	if it.started == 0 {
		it.started = r.loop.Time()
		it.rec.Times.Queued = it.started - it.added
	}
	err := it.err
	switch {
	case err != nil:
		it.last = failure{Failure: report.Failure{Kind: report.KindURL, Message: progress.Visible(err.Error())}}
	case r.dirErr != nil:
		it.last = classify(&outputError{r.dirErr}, nil)
	default:
		it.rec.Attempts++
		it.last = failure{}
		r.attempt(ctx, it)
		if r.again(j) {
			return
		}
	}
	r.conclude(ctx, j)
}

// again parks j if its failure is worth another attempt.
func (r *run) again(j *job) bool {
	it := j.Value
	if it.rec.Attempts == 1 {
		r.budget.Earn()
	}
	if it.last.Kind == "" || r.ctx.Err() != nil {
		return false
	}
	f := middleware.Failure{
		Status: it.last.status, RetryAfter: it.last.retryAfter,
		Transient: it.last.transient, Sent: it.last.sent, Method: r.cfg.Method,
	}
	delay, ok := r.cfg.Retry.Next(f, it.rec.Attempts, r.loop.Rand().Float64(), r.loop.Wall())
	if !ok || !r.budget.Spend() {
		return false
	}
	r.frontier.Park(j)
	r.parked[j] = r.loop.CallLater(delay, func() {
		delete(r.parked, j)
		r.frontier.Resume(j)
		r.dispatch()
	})
	return true
}

// conclude ends the work on j.
func (r *run) conclude(ctx context.Context, j *job) {
	it := j.Value
	r.report(it)
	r.release(j)
	if it.rec.Err != nil && r.cfg.FailFast {
		r.stop(fmt.Errorf("--fail-fast after %s", it.rec.URL))
	}
	if r.results != nil {
		r.results.catchUp(ctx)
	}
}

// report counts the outcome of it and tells the user.
func (r *run) report(it *item) {
	if it.last.Kind != "" {
		it.rec.Err = &report.Failure{Kind: it.last.Kind, Message: it.last.Message}
	}
	if it.started > 0 {
		it.rec.Times.Total = r.loop.Time() - it.started
	}
	r.sum.Add(&it.rec, it.took)
	switch {
	case r.results != nil:
		r.results.add(&it.rec)
	case it.rec.Err != nil:
		r.display.Println("aio: " + it.rec.URL + ": " + it.rec.Err.Message)
	}
	if it.name != nil {
		it.name.Release()
	}
}

// release gives the slot of j back and lets the reader of the list go on if there is room for a batch again.
func (r *run) release(j *job) {
	r.frontier.Release(j)
	if r.room != nil && r.frontier.Room() >= min(batchSize, r.cfg.window()/2) {
		r.room.SetResult(struct{}{})
		r.room = nil
	}
}

// stop ends the run early: nothing new is started, what is in flight is cancelled, what waits for a retry is reported
// with its last failure.
func (r *run) stop(why error) {
	if r.ctx.Err() != nil {
		return
	}
	r.sum.Interrupted = errors.Is(why, ErrInterrupted)
	if !r.sum.Interrupted {
		r.sum.Stopped = why.Error()
	}
	r.cancel(why)
	r.frontier.Drop(func(*job) { r.dropped++ })
	waiting := make([]*job, 0, len(r.parked))
	for j, timer := range r.parked {
		timer.Cancel()
		waiting = append(waiting, j)
	}
	clear(r.parked)
	slices.SortFunc(waiting, func(a, b *job) int { return int(a.Value.rec.Index - b.Value.rec.Index) })
	for _, j := range waiting {
		r.report(j.Value)
	}
	r.updateProgress()
	r.settle()
}

// listEnded is called when the reader is done.
func (r *run) listEnded(err error) {
	r.listDone = true
	if err != nil && r.ctx.Err() == nil {
		r.listErr = err
	}
	r.settle()
}

// settle ends the run when nothing is left to wait for.
func (r *run) settle() {
	if r.listDone && r.active == 0 && r.frontier.Queued() == 0 && len(r.parked) == 0 && !r.over.Done() {
		r.over.SetResult(struct{}{})
	}
}

// finish writes what is still to be said.
func (r *run) finish(ctx context.Context) (*report.Summary, error) {
	if r.ticker != nil {
		r.ticker.Cancel()
	}
	r.display.Finish()
	r.sum.Wall = r.loop.Time() - r.begun
	r.sum.NotStarted = r.dropped
	if r.ctx.Err() != nil {
		if r.sum.ListOpen = !r.totalKnown; r.totalKnown {
			r.sum.NotStarted = max(0, r.total-r.sum.OK-r.sum.Failed)
		}
	}
	err := r.listErr
	if r.results != nil {
		if r.cfg.JSONSummary {
			r.results.pending = r.results.enc.Summary(r.results.pending, &r.sum)
		}
		err = errors.Join(err, r.results.finish(ctx))
	}
	return &r.sum, err
}

package fetch

// Reading the list: batches come from the executor, become jobs with a name for their body, and wait in the frontier.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/cmd/aio/internal/frontier"
	"github.com/aio-go/aio/cmd/aio/internal/outname"
	"github.com/aio-go/aio/cmd/aio/internal/report"
	"github.com/aio-go/aio/cmd/aio/internal/urllist"
)

// batchSize is how many URLs one hand-off brings at most.
const batchSize = 512

// item is one URL on its way through the run.
type item struct {
	rec     report.Record
	url     *url.URL
	err     error         // why it will not be requested
	name    *outname.Name // nil unless bodies go to a directory
	added   time.Duration // loop time
	started time.Duration // first attempt
	took    time.Duration // last attempt
	last    failure
	phases  phases
}

type job = frontier.Job[*item]

// parsed is an entry with its URL; made on the executor.
type parsed struct {
	urllist.Entry
	url *url.URL
}

// readList feeds the frontier until the list ends or ctx does. It waits while the window is full.
func (r *run) readList(ctx context.Context) error {
	var batch []urllist.Entry
	for {
		limit := min(r.frontier.Room(), batchSize)
		if limit == 0 {
			r.room = asyncio.NewFuture[struct{}](ctx)
			if _, err := r.room.Await(ctx); err != nil {
				return err
			}
			continue
		}
		entries, err := asyncio.ToThread(ctx, func(ctx context.Context) ([]parsed, error) {
			var err error
			batch, err = r.list.ReadBatch(ctx, batch[:0], limit)
			return parseAll(batch), err
		})
		// Not ctx, which learns of the end a moment later; and the function may still be running.
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
		for _, e := range entries {
			r.frontier.Add(r.newJob(e))
		}
		r.total, r.totalKnown = r.list.Total()
		r.dispatch()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func parseAll(batch []urllist.Entry) []parsed {
	entries := make([]parsed, len(batch))
	for i, e := range batch {
		entries[i].Entry = e
		if e.Err == nil {
			entries[i].url, entries[i].Err = ParseURL(e.Raw)
		}
	}
	return entries
}

// newJob makes a job of an entry. Names are reserved here, in the order of the list, so that they do not depend on which
// of two URLs answers first.
func (r *run) newJob(e parsed) *job {
	it := &item{url: e.url, err: e.Err, added: r.loop.Time()}
	it.rec.Index, it.rec.URL = e.Index, e.Raw
	j := &job{Value: it}
	if e.Err == nil {
		j.Host = e.url.Host
		if r.dir != nil {
			it.name = r.names.Reserve(e.url, e.Index)
		}
	}
	return j
}

// ParseURL accepts absolute http and https URLs, and says in a few words what is wrong with anything else.
func ParseURL(raw string) (*url.URL, error) {
	if i := strings.IndexFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f }); i >= 0 {
		return nil, fmt.Errorf("malformed URL: %q in it", raw[i])
	}
	if scheme, _, ok := strings.Cut(raw, "://"); !ok || scheme == "" || strings.ContainsAny(scheme, "/?#") {
		return nil, errors.New("malformed URL: no http:// or https:// in front")
	}
	u, err := url.Parse(raw)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return nil, fmt.Errorf("malformed URL: %w", err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("scheme %q is not http or https", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("malformed URL: no host")
	}
	if _, err := strconv.ParseUint(cmp.Or(u.Port(), "0"), 10, 16); err != nil {
		return nil, fmt.Errorf("malformed URL: port %s is out of range", u.Port())
	}
	return u, nil
}

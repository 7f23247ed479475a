package fetch

// The times of a request's phases, told by the client's trace. Only runs that report results pay for it.

import (
	"context"
	"time"

	"github.com/aio-go/aio/aiohttp"
)

// phases are the moments at which the present look-up and connection began, and the totals over an attempt, which may
// make several when it is redirected.
type phases struct {
	resolving, connecting time.Duration // loop time; 0 when not under way
	dns, connect          time.Duration
}

// trace returns callbacks that keep it.phases, where it is the data of the request.
func (r *run) trace() *aiohttp.TraceConfig {
	now := r.loop.Time
	return &aiohttp.TraceConfig{
		DNSResolveHostStart: func(_ context.Context, t *aiohttp.TraceInfo, _ string) {
			t.Data.(*item).phases.resolving = now()
		},
		DNSResolveHostEnd: func(_ context.Context, t *aiohttp.TraceInfo, _ string) {
			p := &t.Data.(*item).phases
			p.dns += now() - p.resolving
		},
		ConnectionCreateStart: func(_ context.Context, t *aiohttp.TraceInfo) {
			p := &t.Data.(*item).phases
			p.connecting, p.resolving = now(), 0
		},
		ConnectionCreateEnd: func(_ context.Context, t *aiohttp.TraceInfo) {
			p := &t.Data.(*item).phases
			p.connect += now() - p.connecting
			p.connecting = 0
		},
	}
}

package web

// The access log: one record per answered request, to a function or through slog.

import (
	"context"
	"log/slog"
	"time"
)

// AccessRecord tells about one answered request.
type AccessRecord struct {
	Request  *Request
	Status   int   // 0: the connection was dropped without an answer
	Bytes    int64 // of the response body
	Duration time.Duration
}

// WithAccessLog logs every request through l at level Info, with the attributes remote, method, target, version,
// status, bytes, duration, referer and user_agent. Default: no access log.
func WithAccessLog(l *slog.Logger) RunOption {
	return WithAccessLogger(func(ctx context.Context, r AccessRecord) {
		if !l.Enabled(ctx, slog.LevelInfo) {
			return
		}
		l.LogAttrs(ctx, slog.LevelInfo, "request",
			slog.String("remote", r.Request.Remote()),
			slog.String("method", r.Request.Method),
			slog.String("target", r.Request.Target),
			slog.String("version", r.Request.Version()),
			slog.Int("status", r.Status),
			slog.Int64("bytes", r.Bytes),
			slog.Duration("duration", r.Duration),
			slog.String("referer", r.Request.Headers.Get("Referer")),
			slog.String("user_agent", r.Request.Headers.Get("User-Agent")),
		)
	})
}

// WithAccessLogger calls f after every request. f runs on the loop and must not block. Default: no access log.
func WithAccessLogger(f func(context.Context, AccessRecord)) RunOption {
	return runOption(func(o *runOptions) { o.server.accessLog = f })
}

// logAccess reports an answered request; o is nil if there was no answer.
func (s *server) logAccess(req *Request, o *outgoing) {
	if s.options.accessLog == nil {
		return
	}
	r := AccessRecord{Request: req, Duration: s.loop.Time() - req.started}
	if o != nil {
		r.Status, r.Bytes = o.status, o.sent
	}
	s.options.accessLog(s.ctx, r)
}

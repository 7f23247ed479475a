package middleware

// A log of requests, one line for each, without secrets in it.

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// redacted stands where a secret was.
const redacted = "REDACTED"

// secretHeaders are never logged with their values.
var secretHeaders = []string{
	"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "Www-Authenticate", "Proxy-Authenticate",
	"Authentication-Info", "X-Api-Key", "X-Auth-Token", "X-Csrf-Token", "X-Amz-Security-Token",
}

// secretParams are the names of query parameters whose values are never logged.
var secretParams = []string{
	"access_token", "api_key", "apikey", "auth", "client_secret", "code", "id_token", "key", "passwd", "password", "pwd",
	"refresh_token", "secret", "session", "sig", "signature", "token", "x-amz-credential", "x-amz-security-token",
	"x-amz-signature", "x-goog-credential", "x-goog-signature",
}

// LogOption configures Logging.
type LogOption func(*logConfig)

type logConfig struct {
	level   slog.Level
	start   bool
	headers bool
	secrets []string // names of headers and parameters, in lower case
}

// WithLogLevel sets the level of requests that went well. An answer with a status of 400
// or more is a warning, and no answer an error, whatever this says. Default:
// slog.LevelInfo.
func WithLogLevel(l slog.Level) LogOption { return func(c *logConfig) { c.level = l } }

// WithLogStart also logs the beginning of each request, at slog.LevelDebug. Default: only
// its end.
func WithLogStart() LogOption { return func(c *logConfig) { c.start = true } }

// WithLogHeaders also logs the headers of request and response. Default: none.
func WithLogHeaders() LogOption { return func(c *logConfig) { c.headers = true } }

// WithRedacted adds names of headers and query parameters, regardless of case, whose values
// are replaced by REDACTED. Default: those that are known to carry credentials, among
// them Authorization, Cookie, Set-Cookie, X-Api-Key, and token, key, password, signature.
func WithRedacted(names ...string) LogOption {
	return func(c *logConfig) {
		for _, name := range names {
			c.secrets = append(c.secrets, strings.ToLower(name))
		}
	}
}

// Logging logs each request to l, nil being slog.Default, when the body of its response
// has been read or given up: method, url, status, duration (until the head was there),
// total (until the body was), bytes (of the body, as they came over the wire) and, in a
// retry, attempt. A body that was not read to its end adds incomplete, a request without
// an answer error. It sees each hop of a redirect and, inside of Retry, each attempt.
func Logging(l *slog.Logger, opts ...LogOption) aiohttp.ClientMiddleware {
	c := &logConfig{level: slog.LevelInfo}
	for _, o := range opts {
		o(c)
	}
	for _, name := range slices.Concat(secretHeaders, secretParams) {
		c.secrets = append(c.secrets, strings.ToLower(name))
	}
	return func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		line := &logLine{config: c, logger: l, loop: asyncio.RunningLoop(ctx)}
		if line.logger == nil {
			line.logger = slog.Default()
		}
		line.begin(ctx, req)
		resp, err := next(ctx, req)
		line.took = line.loop.Time() - line.begun
		if err != nil {
			line.failed(err)
			return nil, err
		}
		line.resp = resp
		resp.Tap(ctx, line)
		return resp, nil
	}
}

// logLine is the line of one request, and follows its body.
type logLine struct {
	config *logConfig
	logger *slog.Logger
	loop   *asyncio.EventLoop
	ctx    context.Context
	attrs  []slog.Attr
	resp   *aiohttp.ClientResponse
	begun  time.Duration
	took   time.Duration // until the head was there
	bytes  int64
}

func (l *logLine) begin(ctx context.Context, req *aiohttp.ClientRequest) {
	l.ctx, l.begun = ctx, l.loop.Time()
	l.attrs = append(l.attrs, slog.String("method", req.Method), slog.String("url", l.config.url(req.URL)))
	if n := Attempt(ctx); n > 1 {
		l.attrs = append(l.attrs, slog.Int("attempt", n))
	}
	if l.config.headers {
		l.attrs = append(l.attrs, l.config.group("request", req.Headers))
	}
	if l.config.start {
		l.logger.LogAttrs(ctx, slog.LevelDebug, "request started", l.attrs...)
	}
}

func (l *logLine) failed(err error) {
	l.attrs = append(l.attrs, slog.Duration("duration", l.took), slog.String("error", l.config.text(err)))
	l.logger.LogAttrs(l.ctx, slog.LevelError, "request failed", l.attrs...)
}

// Data implements aiohttp.BodyTap.
func (l *logLine) Data(p []byte) { l.bytes += int64(len(p)) }

// End implements aiohttp.BodyTap.
func (l *logLine) End(context.Context) { l.finished(nil) }

// Abandoned implements aiohttp.BodyTap.
func (l *logLine) Abandoned(err error) { l.finished(err) }

func (l *logLine) finished(err error) {
	level := l.config.level
	if l.resp.Status >= 400 {
		level = max(level, slog.LevelWarn)
	}
	l.attrs = append(l.attrs, slog.Int("status", l.resp.Status), slog.Duration("duration", l.took),
		slog.Duration("total", l.loop.Time()-l.begun), slog.Int64("bytes", l.bytes))
	if err != nil {
		l.attrs = append(l.attrs, slog.String("incomplete", l.config.text(err)))
	}
	if l.config.headers {
		l.attrs = append(l.attrs, l.config.group("response", l.resp.Headers))
	}
	l.logger.LogAttrs(l.ctx, level, "request", l.attrs...)
}

// url is u without credentials.
func (c *logConfig) url(u *url.URL) string {
	clean := *u
	if clean.User != nil {
		clean.User = url.User(redacted)
	}
	clean.RawQuery = c.query(clean.RawQuery)
	return clean.String()
}

// query replaces the values of secret parameters and leaves everything else as it is
// spelled.
func (c *logConfig) query(raw string) string {
	if raw == "" {
		return raw
	}
	pairs := strings.Split(raw, "&")
	for i, pair := range pairs {
		name, _, found := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if found && (err != nil || c.secret(plain)) {
			pairs[i] = name + "=" + redacted
		}
	}
	return strings.Join(pairs, "&")
}

func (c *logConfig) secret(name string) bool {
	return slices.Contains(c.secrets, strings.ToLower(name))
}

// text is the text of an error, in which the client has put the URL of the request: its
// query is cleaned like every other.
func (c *logConfig) text(err error) string {
	words := strings.Split(err.Error(), " ")
	for i, word := range words {
		if bare, query, ok := strings.Cut(word, "?"); ok && strings.Contains(bare, "://") {
			words[i] = bare + "?" + c.query(query)
		}
	}
	return strings.Join(words, " ")
}

// group makes an attribute of headers, in alphabetical order.
func (c *logConfig) group(name string, h http.Header) slog.Attr {
	var attrs []slog.Attr
	for key, values := range h {
		value := strings.Join(values, ", ")
		if c.secret(key) {
			value = redacted
		}
		attrs = append(attrs, slog.String(key, value))
	}
	slices.SortFunc(attrs, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	return slog.Attr{Key: name, Value: slog.GroupValue(attrs...)}
}

// Package middleware has the client middlewares that most programs end up needing:
// retries, rate limits, a cache, a log, and Digest authentication.
//
//	limiter := middleware.NewRateLimiter(middleware.WithRatePerHost(5, 10))
//	session := aiohttp.NewClientSession(aiohttp.WithMiddlewares(
//		middleware.Logging(slog.Default()),
//		middleware.NewCache(middleware.NewMemoryStore(64<<20)).Middleware,
//		middleware.Retry(middleware.RetryPolicy{}),
//		limiter.Middleware,
//	))
//
// The first one is outermost, and the order matters: what stands above retries sees one
// request however many attempts it takes, what stands below sees every attempt. An
// answer from the cache should not wait for the rate limit, so the cache stands above it.
//
// Everything here runs on the loop of the session: waiting is in loop time, jitter comes
// from the loop's random numbers, so that under a virtual clock an hour of back-off takes
// no time and comes out the same in every run.
package middleware

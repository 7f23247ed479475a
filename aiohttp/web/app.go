// Package web is an HTTP server framework on the event loop, in the manner of aiohttp's server side.
//
//	func hello(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
//		return web.Text("Hello, " + req.MatchInfo().Get("name")), nil
//	}
//
//	func main() {
//		app := web.NewApplication()
//		app.AddRoutes(
//			web.Get("/{name}", hello),
//		)
//		if err := web.RunApp(context.Background(), app, web.WithPort(8080)); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// Each request is handled by a task of its own; all handlers of a loop run one at a time, between their suspensions,
// so they share plain variables without locks.
package web

// An Application holds what a service is made of: routes, middlewares, shared values and what to do when it starts and
// stops. It is put together before it starts and frozen then: the middleware chain of every route is built once, and
// nothing that handlers share changes under them.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// Application is a web application. In Python: web.Application.
type Application struct {
	router      *Router
	middlewares []Middleware
	log         *slog.Logger
	maxSize     int64
	values      valueStore
	onStartup   []AppHook
	onShutdown  []AppHook
	onCleanup   []AppHook
	onPrepare   []PrepareHook
	contexts    []CleanupContext
	exits       []AppHook // of the contexts entered
	unmatched   Handler   // answers 404 and 405, inside the middlewares
	malformed   Handler   // answers what is no request, inside the middlewares
	state       appState
}

// appState is where an application is in its life.
type appState uint8

const (
	appOpen   appState = iota // being put together
	appFrozen                 // starting, serving or stopped
)

// String names the state.
func (s appState) String() string { return [...]string{"open", "frozen"}[s] }

// AppHook is called when an application starts or stops. It may suspend.
type AppHook func(ctx context.Context, app *Application) error

// PrepareHook is called before the head of a response is sent, and may change its headers. It may suspend.
type PrepareHook func(ctx context.Context, req *Request, resp AnyResponse) error

// CleanupContext acquires something when the application starts and returns how to release it when it stops; a nil
// release is skipped.
type CleanupContext func(ctx context.Context, app *Application) (release func(ctx context.Context) error, err error)

// defaultClientMaxSize is the limit on request bodies read as a whole.
const defaultClientMaxSize = 1 << 20

// NewApplication makes an empty application.
func NewApplication(opts ...AppOption) *Application {
	app := &Application{router: newRouter(), maxSize: defaultClientMaxSize}
	for _, opt := range opts {
		opt.applyApp(app)
	}
	return app
}

// AppOption is an option of [NewApplication].
type AppOption interface{ applyApp(*Application) }

type appOption func(*Application)

func (f appOption) applyApp(app *Application) { f(app) }

// WithMiddlewares adds middlewares, the outermost first. Default: none.
func WithMiddlewares(m ...Middleware) AppOption {
	return appOption(func(app *Application) { app.middlewares = append(app.middlewares, m...) })
}

// WithClientMaxSize limits the request bodies that Read, Text, JSON and Post accept, in bytes; 0 means no limit.
// Default: 1 MiB.
func WithClientMaxSize(n int64) AppOption {
	return appOption(func(app *Application) { app.maxSize = max(n, 0) })
}

// WithLogger sets where handler errors are logged. Default: [slog.Default].
func WithLogger(l *slog.Logger) AppOption {
	return appOption(func(app *Application) { app.log = l })
}

// Router returns the application's routes.
func (a *Application) Router() *Router { return a.router }

// AddRoutes registers route definitions in order; see [Get] and its siblings. It panics with a [*RouteError] if one
// cannot be registered.
func (a *Application) AddRoutes(defs ...RouteDef) { a.router.AddRoutes(defs...) }

// Logger returns where handler errors are logged.
func (a *Application) Logger() *slog.Logger {
	if a.log == nil {
		return slog.Default()
	}
	return a.log
}

// OnStartup adds a hook that runs before the first request, after those added earlier. An error stops the start.
func (a *Application) OnStartup(h AppHook) {
	a.mustBeOpen("OnStartup")
	a.onStartup = append(a.onStartup, h)
}

// OnShutdown adds a hook that runs when the application stops accepting, while handlers still run: the place to end
// long-lived responses.
func (a *Application) OnShutdown(h AppHook) {
	a.mustBeOpen("OnShutdown")
	a.onShutdown = append(a.onShutdown, h)
}

// OnCleanup adds a hook that runs after the last handler has ended, in the order of adding.
func (a *Application) OnCleanup(h AppHook) {
	a.mustBeOpen("OnCleanup")
	a.onCleanup = append(a.onCleanup, h)
}

// OnResponsePrepare adds a hook that runs before each response's head is sent.
func (a *Application) OnResponsePrepare(h PrepareHook) {
	a.mustBeOpen("OnResponsePrepare")
	a.onPrepare = append(a.onPrepare, h)
}

// AddCleanupContext adds something to acquire at the start, before the startup hooks, and to release after the cleanup
// hooks, in reverse order. In Python: cleanup_ctx.
func (a *Application) AddCleanupContext(c CleanupContext) {
	a.mustBeOpen("AddCleanupContext")
	a.contexts = append(a.contexts, c)
}

func (a *Application) mustBeOpen(method string) {
	if a.state != appOpen {
		panic("web: " + method + " after the application has started; call it before")
	}
}

// Frozen reports whether the application has been started.
func (a *Application) Frozen() bool { return a.state != appOpen }

// freeze builds the middleware chains and ends the time of changes.
func (a *Application) freeze() {
	if a.state != appOpen {
		return
	}
	a.state = appFrozen
	a.router.frozen = true
	for _, res := range a.router.resources {
		for _, route := range res.routes {
			route.chain = a.wrap(route.handler)
		}
	}
	a.unmatched = a.wrap(refuseUnmatched)
	a.malformed = a.wrap(refuseMalformed)
}

// wrap puts the middlewares round a handler, the first one outermost.
func (a *Application) wrap(h Handler) Handler {
	for _, m := range slices.Backward(a.middlewares) {
		next := h
		h = func(ctx context.Context, req *Request) (AnyResponse, error) { return m(ctx, req, next) }
	}
	return h
}

// route finds what answers a request.
func (a *Application) route(req *Request) {
	if req.malformed != nil {
		req.match.chain = a.malformed
		return
	}
	v := a.router.resolve(req.Method, req.path, nil)
	if v.route == nil {
		req.match = MatchInfo{allowed: v.allowed, chain: a.unmatched}
		return
	}
	req.match = MatchInfo{route: v.route, values: v.values, chain: v.route.chain}
}

func refuseUnmatched(_ context.Context, req *Request) (AnyResponse, error) {
	if allowed := req.match.allowed; len(allowed) > 0 {
		return nil, HTTPMethodNotAllowed(req.Method, allowed)
	}
	return nil, HTTPNotFound()
}

func refuseMalformed(_ context.Context, req *Request) (AnyResponse, error) {
	return nil, req.malformed
}

// beforePrepare runs the prepare hooks.
func (a *Application) beforePrepare(ctx context.Context, req *Request, resp AnyResponse) error {
	for _, h := range a.onPrepare {
		if err := h(ctx, req, resp); err != nil {
			return err
		}
	}
	return nil
}

// startup freezes the application, enters its cleanup contexts and runs the startup hooks.
func (a *Application) startup(ctx context.Context) error {
	if a.state != appOpen {
		return errors.New("web: the application was started before; make a new one")
	}
	a.freeze()
	for _, enter := range a.contexts {
		release, err := enter(ctx, a)
		if err != nil {
			return fmt.Errorf("enter cleanup context: %w", err)
		}
		if release != nil {
			a.exits = append(a.exits, func(ctx context.Context, _ *Application) error { return release(ctx) })
		}
	}
	for _, h := range a.onStartup {
		if err := h(ctx, a); err != nil {
			return fmt.Errorf("startup hook: %w", err)
		}
	}
	return nil
}

// shutdown runs the shutdown hooks. An error does not keep the later ones from running.
func (a *Application) shutdown(ctx context.Context) error {
	return a.runAll(ctx, "shutdown hook", a.onShutdown)
}

// cleanup runs the cleanup hooks, then leaves the cleanup contexts in reverse order.
func (a *Application) cleanup(ctx context.Context) error {
	exits := a.exits
	a.exits = nil
	slices.Reverse(exits)
	return errors.Join(
		a.runAll(ctx, "cleanup hook", a.onCleanup),
		a.runAll(ctx, "leave cleanup context", exits),
	)
}

func (a *Application) runAll(ctx context.Context, what string, hooks []AppHook) error {
	var errs []error
	for _, h := range hooks {
		if err := h(ctx, a); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	return errors.Join(errs...)
}

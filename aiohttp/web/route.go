package web

// Resources, routes and route definitions: what an application is told about its URLs, in the two spellings of
// aiohttp. app.Router().AddGet("/", index) registers at once; app.AddRoutes(web.Get("/", index), …) takes values
// that can be made and collected before there is an application.

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
)

// Handler answers one request. It runs in a task of its own, which may suspend with ctx. It returns a response, or an
// error: a [ResponseError] anywhere in the error's chain decides the response, a timeout gives 504, a cancellation
// drops the connection, anything else gives 500. Errors that are answered with 500 or more are logged, with the stack if
// the handler panicked.
type Handler func(ctx context.Context, req *Request) (AnyResponse, error)

// Middleware runs around a handler: it may look at the request, answer itself, call next, and change what comes back.
// The HTTP errors of handlers reach it as errors, not as responses.
type Middleware func(ctx context.Context, req *Request, next Handler) (AnyResponse, error)

// ExpectHandler decides about a request with an Expect header before its handler runs. A nil response lets the
// handler run; it has to call [Request.SendContinue] itself if the client is to send its body at once.
type ExpectHandler func(ctx context.Context, req *Request) (AnyResponse, error)

// anyMethod is the method of a route that takes every method.
const anyMethod = "*"

// Resource is a path pattern with the routes registered for it.
type Resource struct {
	name    string
	pattern *pattern
	routes  []*Route
}

// Name returns the name given with [WithName], or "".
func (r *Resource) Name() string { return r.name }

// Pattern returns the path as it was registered.
func (r *Resource) Pattern() string { return r.pattern.text }

// Routes returns the routes in registration order.
func (r *Resource) Routes() []*Route { return slices.Clone(r.routes) }

// URLFor builds the path of the resource from pairs of variable name and value, quoting the values. It fails if a
// variable has no value, if there is a value too many, or if the result would not lead back to this resource.
// In Python: url_for.
func (r *Resource) URLFor(pairs ...string) (*url.URL, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("web: URLFor takes pairs of name and value, got %d strings", len(pairs))
	}
	values := make(map[string]string, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	u, err := r.pattern.build(values)
	if err != nil {
		return nil, fmt.Errorf("web: URL for %s: %w", r.pattern.text, err)
	}
	return u, nil
}

func (r *Resource) routeFor(method string) *Route {
	for _, route := range r.routes {
		if route.method == method || route.method == anyMethod {
			return route
		}
	}
	return nil
}

func (r *Resource) appendMethods(methods []string) []string {
	for _, route := range r.routes {
		if !slices.Contains(methods, route.method) {
			methods = append(methods, route.method)
		}
	}
	return methods
}

// Route is one method of a resource with its handler.
type Route struct {
	method   string
	handler  Handler
	chain    Handler // handler inside the application's middlewares, set when the router is frozen
	expect   ExpectHandler
	resource *Resource
}

// Method returns the method the route answers, "*" for all.
func (r *Route) Method() string { return r.method }

// Handler returns the registered handler, without middlewares.
func (r *Route) Handler() Handler { return r.handler }

// Resource returns the resource the route belongs to.
func (r *Route) Resource() *Resource { return r.resource }

// Name returns the name of the route's resource.
func (r *Route) Name() string { return r.resource.name }

// URLFor is [Resource.URLFor] of the route's resource.
func (r *Route) URLFor(pairs ...string) (*url.URL, error) { return r.resource.URLFor(pairs...) }

// MatchInfo holds the route of a request and the values of the variables in its path. In Python: UrlMappingMatchInfo.
type MatchInfo struct {
	route   *Route
	values  []string
	allowed []string // the methods the path takes, when none of its routes does
	chain   Handler  // what answers: the handler, or a refusal, inside the middlewares
}

// Get returns the decoded value of a variable, "" if the pattern has none of that name.
func (m *MatchInfo) Get(name string) string {
	value, _ := m.Lookup(name)
	return value
}

// Lookup returns the decoded value of a variable and whether the pattern has one of that name.
func (m *MatchInfo) Lookup(name string) (string, bool) {
	if m.route == nil {
		return "", false
	}
	for i, n := range m.route.resource.pattern.names {
		if n == name {
			return m.values[i], true
		}
	}
	return "", false
}

// All yields the names and values of the variables in the order they have in the pattern.
func (m *MatchInfo) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if m.route == nil {
			return
		}
		for i, name := range m.route.resource.pattern.names {
			if !yield(name, m.values[i]) {
				return
			}
		}
	}
}

// Route returns the matched route; nil when the request is answered with 404 or 405.
func (m *MatchInfo) Route() *Route { return m.route }

// RouteOption is an option of a route.
type RouteOption interface{ applyRoute(*routeOptions) }

type routeOptions struct {
	name      string
	expect    ExpectHandler
	allowHead bool
}

type routeOption func(*routeOptions)

func (f routeOption) applyRoute(o *routeOptions) { f(o) }

// WithName names the resource of a route, for [Router.Named] and [Resource.URLFor]. Default: no name.
func WithName(name string) RouteOption {
	return routeOption(func(o *routeOptions) { o.name = name })
}

// WithExpectHandler sets who answers requests with an Expect header. By default 100-continue is sent when the handler
// first reads the body, and any other expectation is answered with 417.
func WithExpectHandler(h ExpectHandler) RouteOption {
	return routeOption(func(o *routeOptions) { o.expect = h })
}

// WithoutHead keeps a GET route from answering HEAD as well. In Python: allow_head=False.
func WithoutHead() RouteOption {
	return routeOption(func(o *routeOptions) { o.allowHead = false })
}

// RouteDef is a route that is not registered yet; see [Application.AddRoutes].
type RouteDef struct {
	register func(*Router)
}

// Get defines a route for GET and HEAD.
func Get(path string, h Handler, opts ...RouteOption) RouteDef {
	return RouteDef{func(r *Router) { r.AddGet(path, h, opts...) }}
}

// Head defines a route for HEAD.
func Head(path string, h Handler, opts ...RouteOption) RouteDef {
	return NewRouteDef("HEAD", path, h, opts...)
}

// Post defines a route for POST.
func Post(path string, h Handler, opts ...RouteOption) RouteDef {
	return NewRouteDef("POST", path, h, opts...)
}

// Put defines a route for PUT.
func Put(path string, h Handler, opts ...RouteOption) RouteDef {
	return NewRouteDef("PUT", path, h, opts...)
}

// Patch defines a route for PATCH.
func Patch(path string, h Handler, opts ...RouteOption) RouteDef {
	return NewRouteDef("PATCH", path, h, opts...)
}

// Delete defines a route for DELETE.
func Delete(path string, h Handler, opts ...RouteOption) RouteDef {
	return NewRouteDef("DELETE", path, h, opts...)
}

// Options defines a route for OPTIONS.
func Options(path string, h Handler, opts ...RouteOption) RouteDef {
	return NewRouteDef("OPTIONS", path, h, opts...)
}

// NewRouteDef defines a route for any method; "*" stands for all of them. In Python: web.route.
func NewRouteDef(method, path string, h Handler, opts ...RouteOption) RouteDef {
	return RouteDef{func(r *Router) { r.mustAdd(method, path, h, opts...) }}
}

// RouteError says why a route could not be registered.
type RouteError struct {
	Method, Path string
	Err          error
}

// Error implements error.
func (e *RouteError) Error() string {
	return fmt.Sprintf("web: route %s %s: %v", e.Method, e.Path, e.Err)
}

// Unwrap returns the reason.
func (e *RouteError) Unwrap() error { return e.Err }

var (
	errRouterFrozen = errors.New("the application has started; routes are added before that")
	errNilHandler   = errors.New("nil handler")
	errBadMethod    = errors.New("method is not a token")
)

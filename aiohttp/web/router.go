package web

// The Router finds the route of a request. Resources without variables sit in one map, so a literal path always beats
// a pattern and costs one look-up. Patterns are indexed by the literal prefix before their first variable; a look-up
// walks from the whole path up to the root, longest prefix first, and tries what is registered under each prefix in
// registration order. A resource that matches but lacks the method does not end the search: its methods are collected
// for the Allow header of the 405, and a later resource may still answer.

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aio-go/aio/internal/http1"
)

// Router maps methods and paths to handlers. An [Application] owns one; it is frozen when the application starts.
// In Python: UrlDispatcher.
type Router struct {
	resources []*Resource
	literal   map[string]*Resource
	patterns  map[string][]*Resource
	named     map[string]*Resource
	frozen    bool
}

func newRouter() *Router {
	return &Router{
		literal:  make(map[string]*Resource),
		patterns: make(map[string][]*Resource),
		named:    make(map[string]*Resource),
	}
}

// AddRoute registers a handler for a method ("*" for any) and a path pattern. It fails with a [*RouteError] if the
// method is not a token, the pattern or the name is malformed, the route exists already or can never be reached, or
// the router is frozen. The Add methods named after a verb panic with the same error instead.
func (r *Router) AddRoute(method, path string, h Handler, opts ...RouteOption) (*Route, error) {
	o := routeOptions{allowHead: true}
	for _, opt := range opts {
		opt.applyRoute(&o)
	}
	route, err := r.add(method, path, h, o)
	if err != nil {
		return nil, &RouteError{Method: method, Path: path, Err: err}
	}
	return route, nil
}

func (r *Router) add(method, path string, h Handler, o routeOptions) (*Route, error) {
	switch {
	case r.frozen:
		return nil, errRouterFrozen
	case h == nil:
		return nil, errNilHandler
	case !http1.ValidMethod(method):
		return nil, errBadMethod
	}
	res, err := r.resource(path, o.name)
	if err != nil {
		return nil, err
	}
	route := &Route{method: method, handler: h, expect: o.expect, resource: res}
	if err := r.admit(res, route); err != nil {
		return nil, err
	}
	if len(res.routes) == 0 {
		r.enlist(res)
	}
	res.routes = append(res.routes, route)
	return route, nil
}

// resource finds the resource a new route belongs to, or makes one that is not enlisted yet. Patterns share a
// resource only with the one registered just before: joining an earlier one would change the order of matching.
func (r *Router) resource(path, name string) (*Resource, error) {
	if name != "" {
		if !validName(name) {
			return nil, fmt.Errorf("name %q is not a sequence of identifiers separated by dots, colons or dashes", name)
		}
		if other := r.named[name]; other != nil && other.pattern.text != path {
			return nil, fmt.Errorf("name %q already belongs to %s", name, other.pattern.text)
		}
	}
	p, err := parsePattern(path)
	if err != nil {
		return nil, err
	}
	var found *Resource
	if p.static() {
		found = r.literal[p.scan]
	} else if n := len(r.resources); n > 0 && r.resources[n-1].pattern.text == path {
		found = r.resources[n-1]
	}
	if found == nil {
		return &Resource{name: name, pattern: p}, nil
	}
	if name != "" && found.name != name {
		if found.name != "" {
			return nil, fmt.Errorf("path already has the name %q", found.name)
		}
		found.name = name
		r.named[name] = found
	}
	return found, nil
}

// admit refuses a route that could never be reached.
func (r *Router) admit(res *Resource, route *Route) error {
	for _, other := range r.resources {
		if other.pattern.text != res.pattern.text {
			continue
		}
		for _, rt := range other.routes {
			if rt.method == route.method || rt.method == anyMethod {
				return fmt.Errorf("never reached: method %s is already registered for this path", rt.method)
			}
		}
	}
	return nil
}

func (r *Router) enlist(res *Resource) {
	r.resources = append(r.resources, res)
	if res.name != "" {
		r.named[res.name] = res
	}
	if res.pattern.static() {
		r.literal[res.pattern.scan] = res
		return
	}
	key := res.pattern.indexKey()
	r.patterns[key] = append(r.patterns[key], res)
}

// AddRoutes registers route definitions in order; see [Get] and its siblings. It panics with a [*RouteError] if one
// cannot be registered.
func (r *Router) AddRoutes(defs ...RouteDef) {
	for _, def := range defs {
		def.register(r)
	}
}

// AddGet registers a handler for GET and, unless [WithoutHead] is given, for HEAD. It panics with a [*RouteError] if
// that is not possible.
func (r *Router) AddGet(path string, h Handler, opts ...RouteOption) *Route {
	o := routeOptions{allowHead: true}
	for _, opt := range opts {
		opt.applyRoute(&o)
	}
	route := r.mustAdd("GET", path, h, opts...)
	if o.allowHead {
		r.mustAdd("HEAD", path, h, opts...)
	}
	return route
}

// AddHead registers a handler for HEAD. It panics as AddGet does.
func (r *Router) AddHead(path string, h Handler, opts ...RouteOption) *Route {
	return r.mustAdd("HEAD", path, h, opts...)
}

// AddPost registers a handler for POST. It panics as AddGet does.
func (r *Router) AddPost(path string, h Handler, opts ...RouteOption) *Route {
	return r.mustAdd("POST", path, h, opts...)
}

// AddPut registers a handler for PUT. It panics as AddGet does.
func (r *Router) AddPut(path string, h Handler, opts ...RouteOption) *Route {
	return r.mustAdd("PUT", path, h, opts...)
}

// AddPatch registers a handler for PATCH. It panics as AddGet does.
func (r *Router) AddPatch(path string, h Handler, opts ...RouteOption) *Route {
	return r.mustAdd("PATCH", path, h, opts...)
}

// AddDelete registers a handler for DELETE. It panics as AddGet does.
func (r *Router) AddDelete(path string, h Handler, opts ...RouteOption) *Route {
	return r.mustAdd("DELETE", path, h, opts...)
}

// AddOptions registers a handler for OPTIONS. It panics as AddGet does.
func (r *Router) AddOptions(path string, h Handler, opts ...RouteOption) *Route {
	return r.mustAdd("OPTIONS", path, h, opts...)
}

// AddAny registers a handler for every method. It panics as AddGet does.
func (r *Router) AddAny(path string, h Handler, opts ...RouteOption) *Route {
	return r.mustAdd(anyMethod, path, h, opts...)
}

func (r *Router) mustAdd(method, path string, h Handler, opts ...RouteOption) *Route {
	route, err := r.AddRoute(method, path, h, opts...)
	if err != nil {
		panic(err)
	}
	return route
}

// Named returns the resource registered under a name with [WithName], nil if there is none.
func (r *Router) Named(name string) *Resource { return r.named[name] }

// Resources returns all resources in registration order.
func (r *Router) Resources() []*Resource { return slices.Clone(r.resources) }

// verdict is what a look-up found: a route with the values of its variables, or no route and the methods that the
// path would have accepted (none: the path is unknown).
type verdict struct {
	route   *Route
	values  []string
	allowed []string
}

// resolve finds the route of a method and a canonical path. The values are appended to the given slice.
func (r *Router) resolve(method, path string, values []string) verdict {
	var allowed []string
	if res := r.literal[path]; res != nil {
		if route := res.routeFor(method); route != nil {
			return verdict{route: route}
		}
		allowed = res.appendMethods(allowed)
	}
	if len(r.patterns) == 0 {
		return verdict{allowed: allowed}
	}
	for key := path; key != ""; key = parentKey(key) {
		for _, res := range r.patterns[key] {
			found, ok := res.pattern.match(path, values)
			if !ok {
				continue
			}
			if route := res.routeFor(method); route != nil {
				return verdict{route: route, values: found}
			}
			allowed = res.appendMethods(allowed)
		}
	}
	return verdict{allowed: allowed}
}

// parentKey gives the next shorter prefix: /a/b, /a, /, then nothing.
func parentKey(key string) string {
	if key == "/" {
		return ""
	}
	i := strings.LastIndexByte(key, '/')
	if i < 0 {
		return ""
	}
	return key[:max(i, 1)]
}

// validName accepts identifiers joined by dots, colons or dashes.
func validName(name string) bool {
	for {
		end := strings.IndexAny(name, ".:-")
		if end < 0 {
			return isIdentifier(name)
		}
		if !isIdentifier(name[:end]) {
			return false
		}
		name = name[end+1:]
	}
}

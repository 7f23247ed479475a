package web

// Static files: a directory served below a prefix. Every access goes through os.Root, so no spelling of a path and no
// symbolic link leads out of the directory; whatever would is a 404, like a file that is not there.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Static defines a route for the files of a directory below a prefix.
func Static(prefix, dir string, opts ...RouteOption) RouteDef {
	return RouteDef{func(r *Router) {
		if _, err := r.AddStatic(prefix, dir, opts...); err != nil {
			panic(err)
		}
	}}
}

// AddStatic serves the files of a directory below a prefix, for GET and HEAD. Directories are not listed: asking for
// one is a 403. It fails with a [*RouteError] if the prefix is malformed or the directory cannot be opened.
func (r *Router) AddStatic(prefix, dir string, opts ...RouteOption) (*Resource, error) {
	path := strings.TrimRight(prefix, "/") + "/{filename:.*}"
	refuse := func(err error) (*Resource, error) {
		return nil, &RouteError{Method: "GET", Path: prefix, Err: err}
	}
	if strings.ContainsAny(prefix, "{}") {
		return refuse(fmt.Errorf("prefix of static files has variables"))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return refuse(err)
	}
	h := func(_ context.Context, req *Request) (AnyResponse, error) {
		return staticFile(root, req.match.Get("filename"))
	}
	for _, method := range []string{"GET", "HEAD"} {
		if _, err := r.AddRoute(method, path, h, opts...); err != nil {
			root.Close()
			return refuse(err)
		}
	}
	return r.resources[len(r.resources)-1], nil
}

// staticFile makes a response of a file in a directory.
func staticFile(root *os.Root, name string) (AnyResponse, error) {
	if name == "" {
		return nil, HTTPForbidden()
	}
	if slices.Contains(strings.Split(name, "/"), "..") || strings.ContainsAny(name, "\\\x00") {
		return nil, HTTPNotFound()
	}
	local := filepath.FromSlash(name)
	if !filepath.IsLocal(local) {
		return nil, HTTPNotFound()
	}
	return &FileResponse{Path: local, root: root}, nil
}

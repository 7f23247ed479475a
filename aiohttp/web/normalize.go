package web

// The middleware that redirects to the spelling of a path that has a route: with or without a slash at the end, and
// without runs of slashes.

import (
	"context"
	"strings"
)

// NormalizeOption is an option of [NormalizePathMiddleware].
type NormalizeOption interface{ applyNormalize(*normalizer) }

type normalizeOption func(*normalizer)

func (f normalizeOption) applyNormalize(n *normalizer) { f(n) }

// WithoutAppendSlash keeps the middleware from trying a slash at the end. Default: it tries.
func WithoutAppendSlash() NormalizeOption {
	return normalizeOption(func(n *normalizer) { n.appendSlash = false })
}

// WithRemoveSlash makes the middleware try without the slash at the end. It needs WithoutAppendSlash. Default: it does
// not try.
func WithRemoveSlash() NormalizeOption {
	return normalizeOption(func(n *normalizer) { n.removeSlash = true })
}

// WithoutMergeSlashes leaves runs of slashes as they are. Default: they are merged.
func WithoutMergeSlashes() NormalizeOption {
	return normalizeOption(func(n *normalizer) { n.mergeSlashes = false })
}

// WithRedirectStatus sets the status of the redirect: 301, 302, 303, 307 or 308. Default: 308.
func WithRedirectStatus(status int) NormalizeOption {
	return normalizeOption(func(n *normalizer) { n.status = status })
}

type normalizer struct {
	appendSlash, removeSlash, mergeSlashes bool
	status                                 int
}

// NormalizePathMiddleware makes a middleware that answers requests without a route with a redirect to a spelling of
// their path that has one, keeping the query. It panics if it should both append and remove slashes.
func NormalizePathMiddleware(opts ...NormalizeOption) Middleware {
	n := &normalizer{appendSlash: true, mergeSlashes: true, status: 308}
	for _, opt := range opts {
		opt.applyNormalize(n)
	}
	if n.appendSlash && n.removeSlash {
		panic("web: NormalizePathMiddleware cannot both append and remove slashes; add WithoutAppendSlash")
	}
	return func(ctx context.Context, req *Request, next Handler) (AnyResponse, error) {
		if req.match.route == nil && req.malformed == nil {
			if location := n.find(req); location != "" {
				return nil, locationError(n.status, location, nil)
			}
		}
		return next(ctx, req)
	}
}

// find returns the first spelling with a route, "" if there is none. A location never begins with two slashes, which
// would make its first segment a host; a backslash counts as a slash there, since browsers take it for one.
func (n *normalizer) find(req *Request) string {
	raw := req.RawPath()
	for _, candidate := range n.candidates(raw) {
		candidate = "/" + strings.TrimLeft(candidate, `/\`)
		if candidate == raw {
			continue
		}
		canonical, ok := canonicalPath(candidate)
		if !ok || req.app.router.resolve(req.Method, canonical, nil).route == nil {
			continue
		}
		if req.rawQuery != "" {
			candidate += "?" + req.rawQuery
		}
		return candidate
	}
	return ""
}

func (n *normalizer) candidates(path string) []string {
	forms := []string{path}
	if n.mergeSlashes {
		if merged := mergeSlashes(path); merged != path {
			forms = append(forms, merged)
		}
	}
	all := forms[1:len(forms):len(forms)]
	for _, form := range forms {
		switch slash := strings.HasSuffix(form, "/"); {
		case n.appendSlash && !slash:
			all = append(all, form+"/")
		case n.removeSlash && slash:
			all = append(all, form[:len(form)-1])
		}
	}
	return all
}

func mergeSlashes(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

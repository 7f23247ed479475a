// Package demo is a small web server that behaves well and badly on demand: bodies of known content, delays, redirects,
// compression, errors that pass and errors that stay. The fetch command uses it to show what it does without a network,
// and the tests use it as a partner.
package demo

import (
	"context"
	"fmt"
	"html"
	"strings"

	"github.com/aio-go/aio/aiohttp/web"
)

// endpoint is one row of the table that the routes and the index page are made from.
type endpoint struct {
	method  string
	path    string
	example string
	about   string
	handler web.Handler
}

// Server holds what the endpoints remember.
type Server struct {
	tries map[string]int // failures so far of the flaky endpoints, by path and key
}

// maxTries bounds the memory of the flaky endpoints.
const maxTries = 100_000

// New returns a server that has seen nothing yet.
func New() *Server { return &Server{tries: make(map[string]int)} }

func (s *Server) endpoints() []endpoint {
	return []endpoint{
		{"GET", "/", "/", "this page", s.index},
		{"GET", "/hello", "/hello", "a greeting", hello},
		{"GET", "/delay/{seconds}", "/delay/0.5", "answers after a while, at most an hour", delay},
		{"GET", "/bytes/{n}", "/bytes/1024", "n bytes, the same ones every time; X-Sha256 gives their digest", sized},
		{"GET", "/sha256/{n}", "/sha256/1024", "the digest of /bytes/n alone", digest},
		{"GET", "/chunked/{n}", "/chunked/100000", "the bytes of /bytes/n in chunked coding", chunked},
		{"GET", "/slow-body/{seconds}", "/slow-body/1", "ten pieces of 1,000 bytes spread over that time", slowBody},
		{"GET", "/gzip", "/gzip", "a page compressed with gzip", gzipped},
		{"GET", "/redirect/{n}", "/redirect/3", "n redirects, then /hello", redirect},
		{"GET", "/redirect-loop", "/redirect-loop", "redirects to itself for ever", loop},
		{"GET", "/status/{code}", "/status/404", "an answer with that status", status},
		{"GET", "/flaky/{k}", "/flaky/2?key=x", "503 with Retry-After for the first k tries of a key, then fine", s.flaky},
		{"GET", "/drops/{k}", "/drops/1?key=x", "breaks off in mid-body for the first k tries of a key, then fine", s.drops},
		{"GET", "/drop", "/drop", "always breaks off in the middle of a chunked body", drop},
		{"GET", "/truncated", "/truncated", "promises 1,000 bytes and sends 500", truncated},
		{"GET", "/headers", "/headers", "the request's headers as JSON", headers},
		{"*", "/echo", "/echo", "method, headers and body of any request, as JSON", echo},
		{"GET", "/links", "/links?n=20", "a list of URLs for aio fetch -i", links},
	}
}

// Routes returns the endpoints for a web.Application.
func (s *Server) Routes() []web.RouteDef {
	var defs []web.RouteDef
	for _, e := range s.endpoints() {
		if e.method == "GET" {
			defs = append(defs, web.Get(e.path, e.handler)) // and HEAD
			continue
		}
		defs = append(defs, web.NewRouteDef(e.method, e.path, e.handler))
	}
	return defs
}

func (s *Server) index(_ context.Context, req *web.Request) (web.AnyResponse, error) {
	var b strings.Builder
	b.WriteString("<!doctype html>\n<meta charset=utf-8>\n<title>aio demo server</title>\n<h1>aio demo server</h1>\n<dl>\n")
	for _, e := range s.endpoints() {
		fmt.Fprintf(&b, "<dt><a href=%q>%s</a>\n<dd>%s\n", e.example, html.EscapeString(e.path), html.EscapeString(e.about))
	}
	fmt.Fprintf(&b, "</dl>\n<p>Fetch a mix of them: <code>aio fetch -i &lt;(curl -s %s/links)</code></p>\n",
		html.EscapeString(origin(req)))
	return &web.Response{Text: b.String(), ContentType: "text/html"}, nil
}

// origin is scheme and host of the server as the client knows it.
func origin(req *web.Request) string { return req.Scheme() + "://" + req.Host() }

package web

import (
	"strings"
	"testing"
)

// C108, C109, C110
func TestNormalizePathRedirectsToASpellingWithARoute(t *testing.T) {
	remove := []NormalizeOption{WithoutAppendSlash(), WithRemoveSlash()}
	for _, c := range []struct {
		opts    []NormalizeOption
		request string
		want    string // status and location
	}{
		{nil, "GET /resource1", "200"},
		{nil, "GET /resource1/", "404"},
		{nil, "GET /resource2", "308 /resource2/"},
		{nil, "GET /resource2?p1=1&p2=2", "308 /resource2/?p1=1&p2=2"},
		{nil, "GET //resource1//a//b", "308 /resource1/a/b"},
		{nil, "GET ///resource2", "308 /resource2/"},
		{nil, "GET /resource2/a%2Fb", "308 /resource2/a%2Fb/"},
		{nil, "POST /resource2", "404"},
		{nil, "PUT /both", "308 /both/"},
		{nil, "GET /paymethod", "404"},
		{nil, "GET //evil.example/x", "308 /evil.example/x/"},
		{nil, `GET /\evil.example/x`, "308 /evil.example/x/"},
		{nil, "GET /a%zz", "400"},
		{remove, "GET /resource1/", "308 /resource1"},
		{remove, "GET /resource1/?x", "308 /resource1?x"},
		{remove, "GET /resource2", "404"},
		{[]NormalizeOption{WithoutMergeSlashes()}, "GET //resource1", "404"},
		{[]NormalizeOption{WithoutMergeSlashes()}, "GET /resource1//a/b", "404"},
		{[]NormalizeOption{WithRedirectStatus(301)}, "GET /resource2", "301 /resource2/"},
	} {
		app := NewApplication(WithMiddlewares(NormalizePathMiddleware(c.opts...)))
		app.AddRoutes(
			Get("/resource1", hello), Get("/resource1/a/b", hello), Get("/resource2/", hello), Get("/resource2/{x}/", hello),
			Get("/both", hello), Put("/both/", hello), Get("/paymethods", hello), Get("/evil.example/x/", hello),
		)
		talk(t, app, func(w *wire) {
			w.Send(c.request + " HTTP/1.1\r\nHost: a\r\n\r\n")
			out := w.Output()
			got := strings.Fields(status(out))[1]
			if location := field(out, "Location"); location != "-" {
				got += " " + location
			}
			if got != c.want {
				t.Errorf("%s: got %s, want %s", c.request, got, c.want)
			}
		})
	}
	defer func() {
		if recover() == nil {
			t.Error("append and remove together did not panic")
		}
	}()
	NormalizePathMiddleware(WithRemoveSlash())
}

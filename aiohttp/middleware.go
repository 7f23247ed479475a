package aiohttp

// Client middlewares: functions around the sending of each hop.

import "context"

// ClientHandler sends a request and returns the response.
type ClientHandler func(ctx context.Context, req *ClientRequest) (*ClientResponse, error)

// ClientMiddleware wraps the sending of a request. It may change the request, call
// next once, several times (to retry) or not at all (to answer itself), and look at
// the response. It runs once per hop, hence again after a redirect. Responses it does
// not return it must close.
type ClientMiddleware func(ctx context.Context, req *ClientRequest, next ClientHandler) (*ClientResponse, error)

// chain puts the middlewares around last, the first one outermost.
func chain(list []ClientMiddleware, last ClientHandler) ClientHandler {
	handler := last
	for i := len(list) - 1; i >= 0; i-- {
		m, next := list[i], handler
		handler = func(ctx context.Context, req *ClientRequest) (*ClientResponse, error) {
			return m(ctx, req, next)
		}
	}
	return handler
}

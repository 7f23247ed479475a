package web

// The catalogue of HTTP errors, under aiohttp's names. The few that need more than a status come first.

import (
	"fmt"
	"slices"
	"strings"
)

// HTTPMethodNotAllowed is status 405; allowed becomes the Allow header, sorted.
func HTTPMethodNotAllowed(method string, allowed []string, opts ...ErrorOption) *HTTPError {
	e := NewHTTPError(405, opts...)
	e.SetHeader("Allow", strings.Join(slices.Sorted(slices.Values(allowed)), ","))
	if e.Err == nil {
		e.Err = fmt.Errorf("method %s", method)
	}
	return e
}

// HTTPRequestEntityTooLarge is status 413, for a body of at least actual bytes where limit are allowed.
func HTTPRequestEntityTooLarge(limit, actual int64, opts ...ErrorOption) *HTTPError {
	e := NewHTTPError(413, opts...)
	if e.Text == "" {
		e.Text = fmt.Sprintf("Maximum request body size %d exceeded, actual body size %d", limit, actual)
	}
	return e
}

// HTTPUnavailableForLegalReasons is status 451; link, if not empty, names who demanded it.
func HTTPUnavailableForLegalReasons(link string, opts ...ErrorOption) *HTTPError {
	e := NewHTTPError(451, opts...)
	if link != "" {
		e.SetHeader("Link", "<"+link+">; rel=\"blocked-by\"")
	}
	return e
}

// HTTPMultipleChoices is a redirect with status 300. It panics if location is empty.
func HTTPMultipleChoices(location string, opts ...ErrorOption) *HTTPError {
	return locationError(300, location, opts)
}

// HTTPMovedPermanently is a redirect with status 301. It panics if location is empty.
func HTTPMovedPermanently(location string, opts ...ErrorOption) *HTTPError {
	return locationError(301, location, opts)
}

// HTTPFound is a redirect with status 302. It panics if location is empty.
func HTTPFound(location string, opts ...ErrorOption) *HTTPError {
	return locationError(302, location, opts)
}

// HTTPSeeOther is a redirect with status 303. It panics if location is empty.
func HTTPSeeOther(location string, opts ...ErrorOption) *HTTPError {
	return locationError(303, location, opts)
}

// HTTPUseProxy is a redirect with status 305. It panics if location is empty.
func HTTPUseProxy(location string, opts ...ErrorOption) *HTTPError {
	return locationError(305, location, opts)
}

// HTTPTemporaryRedirect is a redirect with status 307. It panics if location is empty.
func HTTPTemporaryRedirect(location string, opts ...ErrorOption) *HTTPError {
	return locationError(307, location, opts)
}

// HTTPPermanentRedirect is a redirect with status 308. It panics if location is empty.
func HTTPPermanentRedirect(location string, opts ...ErrorOption) *HTTPError {
	return locationError(308, location, opts)
}

// HTTPOk is status 200.
func HTTPOk(opts ...ErrorOption) *HTTPError { return NewHTTPError(200, opts...) }

// HTTPCreated is status 201.
func HTTPCreated(opts ...ErrorOption) *HTTPError { return NewHTTPError(201, opts...) }

// HTTPAccepted is status 202.
func HTTPAccepted(opts ...ErrorOption) *HTTPError { return NewHTTPError(202, opts...) }

// HTTPNonAuthoritativeInformation is status 203.
func HTTPNonAuthoritativeInformation(opts ...ErrorOption) *HTTPError {
	return NewHTTPError(203, opts...)
}

// HTTPNoContent is status 204.
func HTTPNoContent(opts ...ErrorOption) *HTTPError { return NewHTTPError(204, opts...) }

// HTTPResetContent is status 205.
func HTTPResetContent(opts ...ErrorOption) *HTTPError { return NewHTTPError(205, opts...) }

// HTTPPartialContent is status 206.
func HTTPPartialContent(opts ...ErrorOption) *HTTPError { return NewHTTPError(206, opts...) }

// HTTPNotModified is status 304.
func HTTPNotModified(opts ...ErrorOption) *HTTPError { return NewHTTPError(304, opts...) }

// HTTPBadRequest is status 400.
func HTTPBadRequest(opts ...ErrorOption) *HTTPError { return NewHTTPError(400, opts...) }

// HTTPUnauthorized is status 401.
func HTTPUnauthorized(opts ...ErrorOption) *HTTPError { return NewHTTPError(401, opts...) }

// HTTPPaymentRequired is status 402.
func HTTPPaymentRequired(opts ...ErrorOption) *HTTPError { return NewHTTPError(402, opts...) }

// HTTPForbidden is status 403.
func HTTPForbidden(opts ...ErrorOption) *HTTPError { return NewHTTPError(403, opts...) }

// HTTPNotFound is status 404.
func HTTPNotFound(opts ...ErrorOption) *HTTPError { return NewHTTPError(404, opts...) }

// HTTPNotAcceptable is status 406.
func HTTPNotAcceptable(opts ...ErrorOption) *HTTPError { return NewHTTPError(406, opts...) }

// HTTPProxyAuthenticationRequired is status 407.
func HTTPProxyAuthenticationRequired(opts ...ErrorOption) *HTTPError {
	return NewHTTPError(407, opts...)
}

// HTTPRequestTimeout is status 408.
func HTTPRequestTimeout(opts ...ErrorOption) *HTTPError { return NewHTTPError(408, opts...) }

// HTTPConflict is status 409.
func HTTPConflict(opts ...ErrorOption) *HTTPError { return NewHTTPError(409, opts...) }

// HTTPGone is status 410.
func HTTPGone(opts ...ErrorOption) *HTTPError { return NewHTTPError(410, opts...) }

// HTTPLengthRequired is status 411.
func HTTPLengthRequired(opts ...ErrorOption) *HTTPError { return NewHTTPError(411, opts...) }

// HTTPPreconditionFailed is status 412.
func HTTPPreconditionFailed(opts ...ErrorOption) *HTTPError { return NewHTTPError(412, opts...) }

// HTTPRequestURITooLong is status 414.
func HTTPRequestURITooLong(opts ...ErrorOption) *HTTPError { return NewHTTPError(414, opts...) }

// HTTPUnsupportedMediaType is status 415.
func HTTPUnsupportedMediaType(opts ...ErrorOption) *HTTPError { return NewHTTPError(415, opts...) }

// HTTPRequestRangeNotSatisfiable is status 416.
func HTTPRequestRangeNotSatisfiable(opts ...ErrorOption) *HTTPError {
	return NewHTTPError(416, opts...)
}

// HTTPExpectationFailed is status 417.
func HTTPExpectationFailed(opts ...ErrorOption) *HTTPError { return NewHTTPError(417, opts...) }

// HTTPMisdirectedRequest is status 421.
func HTTPMisdirectedRequest(opts ...ErrorOption) *HTTPError { return NewHTTPError(421, opts...) }

// HTTPUnprocessableEntity is status 422.
func HTTPUnprocessableEntity(opts ...ErrorOption) *HTTPError { return NewHTTPError(422, opts...) }

// HTTPFailedDependency is status 424.
func HTTPFailedDependency(opts ...ErrorOption) *HTTPError { return NewHTTPError(424, opts...) }

// HTTPUpgradeRequired is status 426.
func HTTPUpgradeRequired(opts ...ErrorOption) *HTTPError { return NewHTTPError(426, opts...) }

// HTTPPreconditionRequired is status 428.
func HTTPPreconditionRequired(opts ...ErrorOption) *HTTPError { return NewHTTPError(428, opts...) }

// HTTPTooManyRequests is status 429.
func HTTPTooManyRequests(opts ...ErrorOption) *HTTPError { return NewHTTPError(429, opts...) }

// HTTPRequestHeaderFieldsTooLarge is status 431.
func HTTPRequestHeaderFieldsTooLarge(opts ...ErrorOption) *HTTPError {
	return NewHTTPError(431, opts...)
}

// HTTPInternalServerError is status 500.
func HTTPInternalServerError(opts ...ErrorOption) *HTTPError { return NewHTTPError(500, opts...) }

// HTTPNotImplemented is status 501.
func HTTPNotImplemented(opts ...ErrorOption) *HTTPError { return NewHTTPError(501, opts...) }

// HTTPBadGateway is status 502.
func HTTPBadGateway(opts ...ErrorOption) *HTTPError { return NewHTTPError(502, opts...) }

// HTTPServiceUnavailable is status 503.
func HTTPServiceUnavailable(opts ...ErrorOption) *HTTPError { return NewHTTPError(503, opts...) }

// HTTPGatewayTimeout is status 504.
func HTTPGatewayTimeout(opts ...ErrorOption) *HTTPError { return NewHTTPError(504, opts...) }

// HTTPVersionNotSupported is status 505.
func HTTPVersionNotSupported(opts ...ErrorOption) *HTTPError { return NewHTTPError(505, opts...) }

// HTTPVariantAlsoNegotiates is status 506.
func HTTPVariantAlsoNegotiates(opts ...ErrorOption) *HTTPError { return NewHTTPError(506, opts...) }

// HTTPInsufficientStorage is status 507.
func HTTPInsufficientStorage(opts ...ErrorOption) *HTTPError { return NewHTTPError(507, opts...) }

// HTTPNotExtended is status 510.
func HTTPNotExtended(opts ...ErrorOption) *HTTPError { return NewHTTPError(510, opts...) }

// HTTPNetworkAuthenticationRequired is status 511.
func HTTPNetworkAuthenticationRequired(opts ...ErrorOption) *HTTPError {
	return NewHTTPError(511, opts...)
}

package aiohttp_test

// The signatures that docs and other people's programs are written against, spelled out: this
// file does not compile if one changes. Behaviour is tested elsewhere.

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aio-go/aio/aiohttp"
)

type (
	responseT = *aiohttp.ClientResponse
	sessionT  = *aiohttp.ClientSession
	requester = func(sessionT, context.Context, string, ...aiohttp.RequestOption) (responseT, error)
)

// Requests.
var (
	_ func(context.Context, string, string, ...aiohttp.RequestOption) (responseT, error)           = aiohttp.Request
	_ func(...aiohttp.SessionOption) sessionT                                                      = aiohttp.NewClientSession
	_ func(sessionT) error                                                                         = sessionT.Close
	_ func(sessionT, context.Context, string, string, ...aiohttp.RequestOption) (responseT, error) = sessionT.Request
	_                                                                                              = []requester{
		sessionT.Get, sessionT.Head, sessionT.Options, sessionT.Post, sessionT.Put, sessionT.Patch, sessionT.Delete,
	}
	_ = sessionT.WSConnect
)

// Responses.
var (
	_ = aiohttp.ClientResponse{
		Status: 0, Reason: "", Headers: http.Header{}, URL: (*url.URL)(nil),
		History: []*aiohttp.ClientResponse{}, Content: (*aiohttp.StreamReader)(nil),
	}
	_ func(responseT, context.Context) ([]byte, error)                          = responseT.Read
	_ func(responseT, context.Context, ...aiohttp.TextOption) (string, error)   = responseT.Text
	_ func(responseT, context.Context, any, ...aiohttp.JSONOption) error        = responseT.JSON
	_ func(responseT) []*http.Cookie                                            = responseT.Cookies
	_ func(responseT) error                                                     = responseT.RaiseForStatus
	_ func(responseT) error                                                     = responseT.Close
	_ func(*aiohttp.StreamReader, context.Context, []byte) (int, error)         = (*aiohttp.StreamReader).Read
	_ func(*aiohttp.StreamReader, context.Context) ([]byte, error)              = (*aiohttp.StreamReader).ReadLine
	_ func(*aiohttp.StreamReader, int) iter.Seq2[[]byte, error]                 = (*aiohttp.StreamReader).IterChunked
	_ func(context.Context, responseT, ...aiohttp.JSONOption) (struct{}, error) = aiohttp.DecodeJSON[struct{}]
)

// Options: those that mean the same for both are options of sessions and of requests.
var (
	_ = []interface {
		aiohttp.SessionOption
		aiohttp.RequestOption
	}{
		aiohttp.WithHeaders(http.Header{}), aiohttp.WithTimeout(aiohttp.ClientTimeout{}), aiohttp.WithMaxRedirects(0),
		aiohttp.WithRaiseForStatus(), aiohttp.WithAuth("", ""), aiohttp.WithCookies(),
	}
	_ = func() []aiohttp.RequestOption {
		return []aiohttp.RequestOption{
			aiohttp.WithParams(url.Values{}), aiohttp.WithJSON(nil), aiohttp.WithForm(url.Values{}),
			aiohttp.WithData([]byte{}), aiohttp.WithData(""), aiohttp.WithData(strings.NewReader("")),
			aiohttp.WithData((*os.File)(nil)), aiohttp.WithData(iter.Seq2[[]byte, error](nil)),
		}
	}
	_ = aiohttp.ClientTimeout{
		Total: time.Second, Pool: time.Second, DNS: time.Second, Dial: time.Second, TLS: time.Second,
		WriteRequest: time.Second, ResponseHeader: time.Second, ReadIdle: time.Second,
	}
)

// The connector.
var (
	_ = aiohttp.NewTCPConnector
	_ = []aiohttp.ConnectorOption{
		aiohttp.WithLimit(100), aiohttp.WithLimitPerHost(0), aiohttp.WithKeepaliveTimeout(0), aiohttp.WithTTLDNSCache(0),
		aiohttp.WithForceClose(), aiohttp.WithHappyEyeballsDelay(0), aiohttp.WithResolver(nil),
	}
)

package bench

// The HTTP client's work done by other Go clients, from as many goroutines as
// there are connections.

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

func getNetHTTP(r Round) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: Connections, TLSClientConfig: unverified.Clone(), ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	batches(r, func() error {
		resp, err := client.Get(r.URL)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		return errors.Join(r.check(resp.StatusCode, len(body), err), resp.Body.Close())
	})
}

// reuseNetHTTP reads every body into a buffer from a pool, as careful users do.
func reuseNetHTTP(r Round) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: Connections}}
	defer client.CloseIdleConnections()
	spare := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	batches(r, func() error {
		resp, err := client.Get(r.URL)
		if err != nil {
			return err
		}
		body := spare.Get().(*bytes.Buffer)
		defer spare.Put(body)
		body.Reset()
		body.Grow(int(resp.ContentLength) + bytes.MinRead)
		_, err = body.ReadFrom(resp.Body)
		return errors.Join(r.check(resp.StatusCode, body.Len(), err), resp.Body.Close())
	})
}

// getFastHTTP uses the memory of responses again, large ones included: fasthttp knows no other
// way.
func getFastHTTP(r Round) {
	client := &fasthttp.Client{MaxConnsPerHost: Connections, MaxIdleConnDuration: time.Hour}
	defer client.CloseIdleConnections()
	batches(r, func() error {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.SetRequestURI(r.URL)
		err := client.Do(req, resp)
		return r.check(resp.StatusCode(), len(resp.Body()), err)
	})
}

// batches makes r's requests with get from as many goroutines as connections.
func batches(r Round, get func() error) {
	batch := func(requests int64) {
		var left atomic.Int64
		left.Store(requests)
		var wg sync.WaitGroup
		for range r.AtOnce {
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					if err := get(); err != nil {
						panic("bench: " + err.Error())
					}
				}
			})
		}
		wg.Wait()
	}
	batch(int64(r.AtOnce))
	for r.Loop() {
		batch(int64(r.N))
	}
}

package bench

// The HTTP client's work: many requests for one file over kept-alive connections,
// every body read to its end. An iteration is one batch of N requests made by 64
// workers that share a counter; connections live on from batch to batch, and the
// ones needed are opened before the first.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// Connections is how many requests are in flight at a time.
const Connections = 64

// Client is the work of an HTTP client, by the size of the body.
var Client = []Work{
	{Op: "get100B", About: "GET of 100 bytes, 64 connections", N: 6400, Steps: 1, Body: 100, AtOnce: Connections, Impls: slices.Concat(clients, floor)},
	{Op: "getOne", About: "GET of 100 bytes, one at a time", N: 1000, Steps: 1, Body: 100, AtOnce: 1, Impls: clients},
	{Op: "get10KiB", About: "GET of 10 KiB, 64 connections", N: 6400, Steps: 1, Body: 10 << 10, AtOnce: Connections, Impls: slices.Concat(clients, floor)},
	{Op: "get1MiB", About: "GET of 1 MiB, 64 connections", N: 640, Steps: 1, Body: 1 << 20, AtOnce: Connections, Impls: clients},
	{
		Op: "reuse1MiB", About: "GET of 1 MiB into memory used before, 64 connections", N: 640, Steps: 1, Body: 1 << 20, AtOnce: Connections,
		Impls: []Impl{{"aio", reuseAio}, {"nethttp", reuseNetHTTP}, {"fasthttp", getFastHTTP}},
	},
}

var clients = []Impl{{"aio", getAio}, {"nethttp", getNetHTTP}, {"fasthttp", getFastHTTP}}

// HTTP2 is the same over HTTP/2: 64 requests at a time on one connection.
var HTTP2 = []Work{
	{Op: "h2get100B", About: "GET of 100 bytes over HTTP/2, 64 at a time", N: 6400, Steps: 1, Body: 100, AtOnce: Connections, Impls: clientsHTTP2},
	{Op: "h2get10KiB", About: "GET of 10 KiB over HTTP/2, 64 at a time", N: 6400, Steps: 1, Body: 10 << 10, AtOnce: Connections, Impls: clientsHTTP2},
	{Op: "h2get1MiB", About: "GET of 1 MiB over HTTP/2, 64 at a time", N: 320, Steps: 1, Body: 1 << 20, AtOnce: Connections, Impls: clientsHTTP2},
}

var clientsHTTP2 = []Impl{{"aio", getAio}, {"nethttp", getNetHTTP}}

// unverified accepts the certificate of any server.
var unverified = &tls.Config{InsecureSkipVerify: true}

var errLength = errors.New("body of a wrong length")

func getAio(r Round) {
	clientAio(r, func(ctx context.Context, resp *aiohttp.ClientResponse) (int, error) {
		body, err := resp.Read(ctx)
		return len(body), err
	})
}

// reuseAio keeps the memory of bodies that were read, from batch to batch, as the pools of its
// rivals do.
func reuseAio(r Round) {
	var spare [][]byte
	clientAio(r, func(ctx context.Context, resp *aiohttp.ClientResponse) (int, error) {
		var body []byte
		if last := len(spare) - 1; last >= 0 { // no lock: nobody else runs between two awaits
			body, spare = spare[last], spare[:last]
		}
		body, err := resp.ReadInto(ctx, body)
		spare = append(spare, body[:0])
		return len(body), err
	})
}

// bodyReader reads a body to its end and tells how long it was.
type bodyReader func(context.Context, *aiohttp.ClientResponse) (int, error)

func clientAio(r Round, read bodyReader) {
	run(func(ctx context.Context) error {
		session := aiohttp.NewClientSession(aiohttp.WithTLSConfig(unverified))
		defer session.Close()
		if err := batchAio(ctx, session, r, r.AtOnce, read); err != nil {
			return err
		}
		for r.Loop() {
			if err := batchAio(ctx, session, r, r.N, read); err != nil {
				return err
			}
		}
		return nil
	})
}

func batchAio(ctx context.Context, session *aiohttp.ClientSession, r Round, requests int, read bodyReader) error {
	worker := func(ctx context.Context) (struct{}, error) {
		for requests > 0 { // no lock here either
			requests--
			resp, err := session.Get(ctx, r.URL)
			if err != nil {
				return struct{}{}, err
			}
			n, err := read(ctx, resp)
			if err := r.check(resp.Status, n, err); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	}
	workers := make([]*asyncio.Task[struct{}], r.AtOnce)
	for i := range workers {
		workers[i] = asyncio.CreateTask(ctx, worker)
	}
	_, err := asyncio.Gather(ctx, workers...).Await(ctx)
	return err
}

// check returns an error unless a request has ended as it should.
func (r Round) check(status, length int, err error) error {
	switch {
	case err != nil:
		return err
	case status != http.StatusOK:
		return fmt.Errorf("%s: status %d", r.URL, status)
	case length != r.Body:
		return fmt.Errorf("%s: %w: %d, want %d", r.URL, errLength, length, r.Body)
	}
	return nil
}

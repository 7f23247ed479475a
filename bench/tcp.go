package bench

// TCP servers that send back what they get. They are the work of the I/O rows: the
// load comes from outside, the same for all.

import (
	"context"
	"io"
	"net"

	"github.com/aio-go/aio/asyncio"
)

// A TCPServer is one way to write an echo server.
type TCPServer struct {
	Name string
	// Serve listens on two free ports of 127.0.0.1, tells ready of them and serves until
	// stop is closed.
	Serve func(ready func(addrs []net.Addr), stop <-chan struct{}) error
}

// TCPServers are ours, layer by layer, and package net's.
var TCPServers = []TCPServer{
	{"aio protocol", serveOnLoop(echoProtocols)},
	{"aio conn", serveOnLoop(echoConns)},
	{"aio streams", serveOnLoop(echoStreams)},
	{"net", serveNet},
}

const echoBlock = 64 << 10

// serveOnLoop makes a server of a function that begins to serve on one address.
func serveOnLoop(begin func(ctx context.Context) (net.Addr, error)) func(func([]net.Addr), <-chan struct{}) error {
	return func(ready func([]net.Addr), stop <-chan struct{}) error {
		_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
			var addrs []net.Addr
			for range 2 {
				addr, err := begin(ctx)
				if err != nil {
					return struct{}{}, err
				}
				addrs = append(addrs, addr)
			}
			ready(addrs)
			_, _, err := asyncio.Recv(ctx, stop)
			return struct{}{}, err
		})
		return err
	}
}

// echoProtocol answers without a task.
type echoProtocol struct {
	asyncio.BaseProtocol
	transport *asyncio.Transport
}

func (p *echoProtocol) ConnectionMade(t *asyncio.Transport) { p.transport = t }
func (p *echoProtocol) DataReceived(b []byte)               { p.transport.Write(b) }

func echoProtocols(ctx context.Context) (net.Addr, error) {
	s, err := asyncio.CreateServer(ctx, func() asyncio.Protocol { return new(echoProtocol) }, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return s.Addr(), nil
}

// echoConns has a task for each connection, written as for package net.
func echoConns(ctx context.Context) (net.Addr, error) {
	ln, err := asyncio.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
		for {
			c, err := ln.Accept(ctx)
			if err != nil {
				return struct{}{}, err
			}
			asyncio.CreateTask(ctx, func(context.Context) (struct{}, error) { return struct{}{}, echo(c) })
		}
	})
	return ln.Addr(), nil
}

// echo sends back what arrives on c, of whichever package it is, until it ends.
func echo(c net.Conn) error {
	defer c.Close()
	buf := make([]byte, echoBlock)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return nil // the client has gone
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return nil
		}
	}
}

// echoStreams is asyncio's TCP echo server using streams.
func echoStreams(ctx context.Context) (net.Addr, error) {
	s, err := asyncio.StartServer(ctx, func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
		for {
			data, err := r.ReadAny(ctx)
			if err != nil {
				return nil
			}
			w.Write(data)
			if err := w.Drain(ctx); err != nil {
				return nil
			}
		}
	}, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return s.Addr(), nil
}

// serveNet has a goroutine for each connection.
func serveNet(ready func([]net.Addr), stop <-chan struct{}) error {
	var addrs []net.Addr
	var doors []io.Closer
	for range 2 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		doors = append(doors, ln)
		addrs = append(addrs, ln.Addr())
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go echo(c)
			}
		}()
	}
	ready(addrs)
	<-stop
	for _, d := range doors {
		d.Close()
	}
	return nil
}

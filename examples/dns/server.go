package main

// A name server for the demonstration: one protocol, and no task at all.

import (
	"context"
	"net/netip"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/aio-go/aio/asyncio"
)

// records are the names that the server knows.
var records = map[string][][4]byte{
	"www.example.":   {{192, 0, 2, 1}, {192, 0, 2, 2}},
	"mail.example.":  {{192, 0, 2, 25}},
	"lossy.example.": {{192, 0, 2, 3}},
}

// server answers questions about records, except for the first one about lossy.example.
type server struct {
	asyncio.BaseDatagramProtocol
	transport *asyncio.DatagramTransport
	lost      bool
}

func startServer(ctx context.Context) (*asyncio.DatagramTransport, error) {
	return asyncio.CreateDatagramEndpoint(ctx, new(server), "udp", asyncio.WithLocalAddr("127.0.0.1:0"))
}

// ConnectionMade implements asyncio.DatagramProtocol.
func (s *server) ConnectionMade(t *asyncio.DatagramTransport) { s.transport = t }

// DatagramReceived implements asyncio.DatagramProtocol.
func (s *server) DatagramReceived(p []byte, from netip.AddrPort) {
	var m dnsmessage.Message
	if err := m.Unpack(p); err != nil || m.Response || len(m.Questions) != 1 {
		return // not a question; an answer would serve nobody
	}
	q := m.Questions[0]
	if q.Name.String() == "lossy.example." && !s.lost {
		s.lost = true
		return
	}
	addrs, known := records[q.Name.String()]
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionDesired: m.RecursionDesired},
		Questions: m.Questions,
	}
	if !known {
		reply.RCode = dnsmessage.RCodeNameError
	}
	for _, a := range addrs {
		reply.Answers = append(reply.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 60},
			Body:   &dnsmessage.AResource{A: a},
		})
	}
	if answer, err := reply.Pack(); err == nil {
		s.transport.SendTo(answer, from)
	}
}

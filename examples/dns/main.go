// Command dns asks a name server for the addresses of several names at once, over UDP: each
// question has a socket and a task of its own, is asked again when no answer comes in time, and
// takes only the answer to what it asked. The names are taken from the command line after the
// server's address, as in
//
//	dns 127.0.0.1:53 localhost example.com
//
// Without any, a tiny server in the same process answers, which loses every first question about
// one of the names. In Python it would be create_datagram_endpoint with a protocol on both sides.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/aio-go/aio/asyncio"
)

const (
	attempts = 4
	patience = 200 * time.Millisecond // for the answer to one attempt
	largest  = 1232                   // bytes of an answer that fit into one packet on most ways
)

// lookup asks server for the IPv4 addresses of name (RFC 1035 §4.1, §4.2.1).
func lookup(server, name string) asyncio.Coroutine[[]netip.Addr] {
	return func(ctx context.Context) ([]netip.Addr, error) {
		conn, err := asyncio.DialPacket(ctx, "udp", server)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		id := uint16(rand.Uint32())
		question, query, err := newQuery(id, name)
		if err != nil {
			return nil, fmt.Errorf("question about %s: %w", name, err)
		}
		for range attempts {
			if _, err = conn.Write(query); err != nil {
				return nil, err
			}
			var answer []netip.Addr
			answer, err = asyncio.Timeout(ctx, patience, func(ctx context.Context) ([]netip.Addr, error) {
				return awaitAnswer(conn.WithContext(ctx), id, question)
			})
			if !errors.Is(err, context.DeadlineExceeded) {
				return answer, err
			}
		}
		return nil, fmt.Errorf("ask %s for %s: no answer to %d questions: %w", server, name, attempts, err)
	}
}

// newQuery makes a question and the message that carries it.
func newQuery(id uint16, name string) (dnsmessage.Question, []byte, error) {
	n, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return dnsmessage.Question{}, nil, err
	}
	q := dnsmessage.Question{Name: n, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{q},
	}
	query, err := m.Pack()
	return q, query, err
}

// awaitAnswer reads until the answer to the question comes. Everybody can send a datagram that
// looks like one; what does not match is passed over.
func awaitAnswer(conn *asyncio.PacketConn, id uint16, question dnsmessage.Question) ([]netip.Addr, error) {
	buf := make([]byte, largest)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		var m dnsmessage.Message
		if err := m.Unpack(buf[:n]); err != nil || !m.Response || m.ID != id || len(m.Questions) != 1 || m.Questions[0] != question {
			continue
		}
		if m.RCode != dnsmessage.RCodeSuccess {
			return nil, fmt.Errorf("%s: %s", question.Name, m.RCode)
		}
		var addrs []netip.Addr
		for _, r := range m.Answers {
			if a, ok := r.Body.(*dnsmessage.AResource); ok {
				addrs = append(addrs, netip.AddrFrom4(a.A))
			}
		}
		return addrs, nil
	}
}

// program prints the addresses of names, in their order.
func program(server string, names []string) error {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		if server == "" {
			s, err := startServer(ctx)
			if err != nil {
				return struct{}{}, err
			}
			defer s.Abort()
			server, names = s.LocalAddr().String(), []string{"www.example", "mail.example", "lossy.example", "nobody.example"}
		}
		var tasks []*asyncio.Task[[]netip.Addr]
		for _, name := range names {
			tasks = append(tasks, asyncio.CreateTask(ctx, lookup(server, name)))
		}
		outcomes, err := asyncio.GatherSettled(ctx, tasks...).Await(ctx)
		for i, o := range outcomes {
			if o.Err != nil {
				fmt.Println(names[i], "–", o.Err)
			} else {
				fmt.Println(names[i], o.Value)
			}
		}
		return struct{}{}, err
	})
	return err
}

func main() {
	server, names := "", []string(nil)
	if len(os.Args) > 2 {
		server, names = os.Args[1], os.Args[2:]
	}
	if err := program(server, names); err != nil {
		log.Fatal(err)
	}
}

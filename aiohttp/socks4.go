package aiohttp

// SOCKS 4 and 4a, which older proxies speak.
//
// There is no RFC: the protocol is that of "SOCKS: A protocol for TCP proxy across firewalls"
// by Ying-Da Lee, one request of nine bytes and a user name, one answer of eight. Version 4
// is told an IPv4 address, 4a a name, for which an address that cannot be, 0.0.0.1, stands.
// Neither knows IPv6 or passwords.

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/aio-go/aio/asyncio"
)

const (
	socks4Connect = 1
	socks4Granted = 90
)

// socks4Refusals are the other answers.
var socks4Refusals = map[byte]string{
	91: "rejected or failed",
	92: "the proxy cannot reach identd here",
	93: "identd here names another user",
}

// An errSOCKS4Family is the reason for a target that the protocol has no room for.
var errSOCKS4Family = errors.New("SOCKS4 knows no IPv6 addresses: use socks4a with a host name, or another kind of proxy")

// socks4Request is what asks for a connection to target as user.
func socks4Request(target, user string) ([]byte, error) {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil:
		return nil, err
	case strings.IndexByte(user+host, 0) >= 0:
		return nil, errors.New("a NUL byte in the login or the host")
	}
	request := binary.BigEndian.AppendUint16([]byte{4, socks4Connect}, uint16(n))
	ip, err := netip.ParseAddr(host)
	switch ip = ip.Unmap(); {
	case err != nil:
		request = append(request, 0, 0, 0, 1)
	case !ip.Is4():
		return nil, errSOCKS4Family
	default:
		request = append(request, ip.AsSlice()...)
	}
	request = append(append(request, user...), 0)
	if err != nil {
		request = append(append(request, host...), 0)
	}
	return request, nil
}

// askSOCKS4 opens the tunnel. It reads no more than the answer: what follows is the origin's.
func askSOCKS4(ctx context.Context, r *ClientRequest, conn *asyncio.Conn, target string) error {
	request, err := socks4Request(target, r.via.login)
	if err != nil {
		return err
	}
	if _, err := conn.WriteContext(ctx, request); err != nil {
		return err
	}
	var answer [8]byte
	if _, err := io.ReadFull(conn.WithContext(ctx), answer[:]); err != nil {
		return err
	}
	switch {
	case answer[0] != 0 && answer[0] != 4: // some proxies repeat the version
		return fmt.Errorf("SOCKS4 connection to %s: the proxy answers in another protocol", target)
	case answer[1] != socks4Granted:
		reason, ok := socks4Refusals[answer[1]]
		if !ok {
			reason = fmt.Sprintf("unknown answer %d", answer[1])
		}
		return fmt.Errorf("SOCKS4 connection to %s: %s", target, reason)
	}
	return nil
}

package wsproto

// The pure part of the opening handshake: keys, and the header with which permessage-deflate is agreed on. Who may open a
// WebSocket, and where, is decided elsewhere.

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// AcceptKey returns the Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (RFC 6455 §4.2.2).
func AcceptKey(key string) string {
	sum := sha1.Sum([]byte(key + guid))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// ValidKey reports whether a Sec-WebSocket-Key is the base64 of 16 bytes.
func ValidKey(key string) bool {
	b, err := base64.StdEncoding.Strict().DecodeString(key)
	return err == nil && len(b) == 16 && !strings.ContainsAny(key, "\r\n")
}

// Deflate is an offer of permessage-deflate, or what was agreed on. Bits are 8 to 15; 0 leaves them open.
type Deflate struct {
	ClientNoTakeover bool // the client begins every message without a history
	ServerNoTakeover bool // the server does
	ClientBits       int  // the client's matches reach back 2^ClientBits bytes at most
	ServerBits       int  // the server's
}

// extension is one element of a Sec-WebSocket-Extensions header.
type extension struct {
	name   string
	params []param
}

type param struct {
	name, value string
	hasValue    bool
}

// parseExtensions reads Sec-WebSocket-Extensions headers (RFC 6455 §9.1). ok is false if they are malformed.
func parseExtensions(headers []string) (list []extension, ok bool) {
	for _, h := range headers {
		for element := range strings.SplitSeq(h, ",") {
			var e extension
			for i, part := range strings.Split(element, ";") {
				name, value, has := strings.Cut(part, "=")
				name = trim(name)
				if i == 0 && has || !isToken(name) {
					return nil, false
				}
				if i == 0 {
					e.name = name
					continue
				}
				value = trim(value)
				if unquoted, quoted := unquote(value); quoted {
					value = unquoted
				}
				if has && !isToken(value) {
					return nil, false
				}
				e.params = append(e.params, param{name, value, has})
			}
			list = append(list, e)
		}
	}
	return list, true
}

func trim(s string) string { return strings.Trim(s, " \t") }

func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s, false
	}
	return s[1 : len(s)-1], true
}

func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

const extensionName = "permessage-deflate"

// readDeflate reads the parameters of one element (RFC 7692 §7.1). In an offer client_max_window_bits may stand without a
// value; clientBits then is 0 and openBits is true.
func readDeflate(e extension, offer bool) (d Deflate, openBits bool, err error) {
	seen := map[string]bool{}
	for _, p := range e.params {
		if seen[p.name] {
			return d, false, fmt.Errorf("parameter %s twice", p.name)
		}
		seen[p.name] = true
		bits, wantsBits := 0, strings.HasSuffix(p.name, "_max_window_bits")
		if wantsBits && p.hasValue {
			bits, err = strconv.Atoi(p.value)
			if err != nil || bits < 8 || bits > 15 || strconv.Itoa(bits) != p.value {
				return d, false, fmt.Errorf("parameter %s=%q, want 8 to 15", p.name, p.value)
			}
		}
		switch {
		case p.name == "server_no_context_takeover" && !p.hasValue:
			d.ServerNoTakeover = true
		case p.name == "client_no_context_takeover" && !p.hasValue:
			d.ClientNoTakeover = true
		case p.name == "server_max_window_bits" && p.hasValue:
			d.ServerBits = bits
		case p.name == "client_max_window_bits" && (p.hasValue || offer):
			d.ClientBits, openBits = bits, true
		default:
			return d, false, fmt.Errorf("parameter %.40q", p.name)
		}
	}
	return d, openBits, nil
}

// AcceptOffer chooses among the offers in a client's Sec-WebSocket-Extensions headers: the first that can be agreed to.
// want is what the server asks for on top. The header is the answer; ok is false if there is none to give.
func AcceptOffer(headers []string, want Deflate) (agreed Deflate, header string, ok bool) {
	offers, valid := parseExtensions(headers)
	if !valid {
		return Deflate{}, "", false
	}
	for _, e := range offers {
		if e.name != extensionName {
			continue
		}
		d, openBits, err := readDeflate(e, true)
		if err != nil {
			continue
		}
		d.ServerNoTakeover = d.ServerNoTakeover || want.ServerNoTakeover
		d.ClientNoTakeover = d.ClientNoTakeover || want.ClientNoTakeover
		d.ServerBits = smaller(d.ServerBits, want.ServerBits)
		if openBits {
			d.ClientBits = smaller(d.ClientBits, want.ClientBits)
		}
		return d, d.header(), true
	}
	return Deflate{}, "", false
}

// smaller is the smaller of two window sizes of which 0 is the open one.
func smaller(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func (d Deflate) header() string {
	h := extensionName
	if d.ServerNoTakeover {
		h += "; server_no_context_takeover"
	}
	if d.ClientNoTakeover {
		h += "; client_no_context_takeover"
	}
	if d.ServerBits != 0 {
		h += "; server_max_window_bits=" + strconv.Itoa(d.ServerBits)
	}
	if d.ClientBits != 0 {
		h += "; client_max_window_bits=" + strconv.Itoa(d.ClientBits)
	}
	return h
}

// Offer returns the Sec-WebSocket-Extensions header with which a client offers d. That it understands
// client_max_window_bits is part of every offer.
func (d Deflate) Offer() string {
	h := d.header()
	if d.ClientBits == 0 {
		h += "; client_max_window_bits"
	}
	return h
}

// CheckAnswer reads a server's Sec-WebSocket-Extensions headers against what was offered, nil for nothing. It returns what
// was agreed on, nil for no compression. An answer that the offer does not cover is an error: the connection must fail
// (RFC 6455 §4.1, RFC 7692 §5.1).
func CheckAnswer(headers []string, offered *Deflate) (*Deflate, error) {
	list, ok := parseExtensions(headers)
	switch {
	case len(headers) == 0:
		return nil, nil
	case !ok:
		return nil, fmt.Errorf("malformed Sec-WebSocket-Extensions %.80q", strings.Join(headers, ", "))
	case len(list) != 1 || offered == nil || list[0].name != extensionName:
		return nil, fmt.Errorf("server chose extensions that were not offered: %.80q", strings.Join(headers, ", "))
	}
	d, _, err := readDeflate(list[0], false)
	switch {
	case err != nil:
		return nil, fmt.Errorf("server answered %s with %w", extensionName, err)
	case offered.ServerBits != 0 && (d.ServerBits == 0 || d.ServerBits > offered.ServerBits):
		return nil, fmt.Errorf("server answered %s with server_max_window_bits=%d, want at most %d", extensionName, d.ServerBits, offered.ServerBits)
	case offered.ClientBits != 0 && d.ClientBits > offered.ClientBits:
		return nil, fmt.Errorf("server answered %s with client_max_window_bits=%d, want at most %d", extensionName, d.ClientBits, offered.ClientBits)
	case offered.ServerNoTakeover && !d.ServerNoTakeover:
		return nil, fmt.Errorf("server answered %s without server_no_context_takeover", extensionName)
	}
	d.ClientNoTakeover = d.ClientNoTakeover || offered.ClientNoTakeover
	d.ClientBits = smaller(d.ClientBits, offered.ClientBits)
	return &d, nil
}

// Rules returns how to read what a peer sends: server says that we are the server.
func (d *Deflate) Rules(server bool, maxMessage int64) Rules {
	r := Rules{Server: server, MaxMessage: maxMessage}
	if d != nil {
		r.Inflate = true
		r.NoTakeover = server && d.ClientNoTakeover || !server && d.ServerNoTakeover
	}
	return r
}

// Deflater returns the compressor for what we send, nil if nothing was agreed on.
func (d *Deflate) Deflater(server bool) *Deflater {
	if d == nil {
		return nil
	}
	bits, noTakeover := d.ClientBits, d.ClientNoTakeover
	if server {
		bits, noTakeover = d.ServerBits, d.ServerNoTakeover
	}
	if bits == 0 {
		bits = 15
	}
	return NewDeflater(bits, !noTakeover)
}

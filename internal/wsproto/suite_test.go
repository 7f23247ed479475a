package wsproto_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aio-go/aio/internal/wsproto"
)

// The cases of the Autobahn test suite, sections 1 to 7, by their numbers: what a peer sends, and what an endpoint has to
// make of it. The suite itself needs an interpreter that is no longer to be had; its cases are those of RFC 6455. Each is
// played to a client and to a server, and cut in every way, which stands for the cases that differ only in their chops.
// Sections 9 and 10 are about speed, 12 and 13 about compression: see decoder_test.go and encoder_test.go.

// sent is one frame of a case.
type sent struct {
	first   byte // FIN, reserved bits and opcode
	payload string
}

// play encodes the frames as a client or as a server sends them.
func play(frames []sent, masked bool) (out []byte) {
	for i, f := range frames {
		at := len(out)
		key := uint32(0x9e3779b9 * (i + 1))
		out = wsproto.AppendFrame(out, wsproto.Opcode(f.first&0xf), false, []byte(f.payload), masked, key)
		out[at] = f.first
	}
	return out
}

const (
	fin    = 0x80
	text   = byte(wsproto.Text)
	binary = byte(wsproto.Binary)
	cont   = byte(wsproto.Continuation)
	ping   = byte(wsproto.Ping)
	pong   = byte(wsproto.Pong)
	shut   = byte(wsproto.Close)
)

// suite gathers the cases.
type suite struct{ rows []suiteCase }

type suiteCase struct {
	id     string
	frames []sent
	want   string // the events
	fails  int    // the close code of the error, 0 for none
}

func (s *suite) add(id string, fails int, want string, frames ...sent) {
	s.rows = append(s.rows, suiteCase{id, frames, want, fails})
}

func got(kind, data string) string          { return fmt.Sprintf("Event%s 0 %q", kind, data) }
func closed(code int, reason string) string { return fmt.Sprintf("EventClose %d %q", code, reason) }
func lines(l ...string) string              { return strings.Join(l, "\n") }
func closing(code int, reason string) sent {
	return sent{fin | shut, string([]byte{byte(code >> 8), byte(code)}) + reason}
}

var (
	hello = sent{fin | text, "Hello, world!"}
	heard = got("Text", "Hello, world!")
)

func TestAutobahnCases(t *testing.T) {
	var s suite
	for _, section := range []func(*suite){lengths, pings, reservedBits, reservedOpcodes, fragments, texts, closes} {
		section(&s)
	}
	for _, c := range s.rows {
		for role, rules := range map[string]wsproto.Rules{"client": client, "server": server} {
			t.Run(c.id+" "+role, func(t *testing.T) {
				tr := decodeEveryWay(t, rules, play(c.frames, rules.Server))
				fails := 0
				if tr.err != nil {
					fails = tr.err.Code
				}
				if events := strings.Join(tr.events, "\n"); events != c.want || fails != c.fails {
					t.Errorf("got\n%.300s\nand error %d (%v), want\n%.300s\nand %d", events, fails, tr.err, c.want, c.fails)
				}
			})
		}
	}
}

// Section 1.
func lengths(s *suite) {
	for i, n := range []int{0, 125, 126, 127, 128, 65535, 65536} {
		letters := strings.Repeat("*", n)
		s.add(fmt.Sprintf("1.1.%d", i+1), 0, got("Text", letters), sent{fin | text, letters})
		letters = strings.Repeat("\xfe", n)
		s.add(fmt.Sprintf("1.2.%d", i+1), 0, got("Binary", letters), sent{fin | binary, letters})
	}
}

// Section 2.
func pings(s *suite) {
	raw := "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
	most := strings.Repeat("\xfe", 125)
	s.add("2.1", 0, got("Ping", ""), sent{fin | ping, ""})
	s.add("2.2", 0, got("Ping", "Hello, world!"), sent{fin | ping, "Hello, world!"})
	s.add("2.3", 0, got("Ping", raw), sent{fin | ping, raw})
	s.add("2.4", 0, got("Ping", most), sent{fin | ping, most})
	s.add("2.5", 1002, "", sent{fin | ping, most + "\xfe"})
	s.add("2.7", 0, got("Pong", ""), sent{fin | pong, ""})
	s.add("2.8", 0, got("Pong", "unsolicited pong payload"), sent{fin | pong, "unsolicited pong payload"})
	s.add("2.9", 0, lines(got("Pong", "unsolicited"), got("Ping", "ping payload")), sent{fin | pong, "unsolicited"}, sent{fin | ping, "ping payload"})
	var all []sent
	var pinged []string
	for i := range 10 {
		all = append(all, sent{fin | ping, fmt.Sprint("payload-", i)})
		pinged = append(pinged, got("Ping", fmt.Sprint("payload-", i)))
	}
	s.add("2.10", 0, lines(pinged...), all...)
}

// Section 3.
func reservedBits(s *suite) {
	for i, bits := range []byte{0x40, 0x20, 0x30, 0x10, 0x50, 0x60, 0x70} {
		first := []byte{fin | text, fin | text, fin | text, fin | text, fin | binary, fin | ping, fin | shut}[i]
		if i == 0 || i > 3 {
			s.add(fmt.Sprintf("3.%d", i+1), 1002, "", sent{first | bits, "Hello, world!"}, hello)
		} else {
			s.add(fmt.Sprintf("3.%d", i+1), 1002, heard, hello, sent{first | bits, "Hello, world!"}, sent{fin | ping, ""})
		}
	}
}

// Section 4.
func reservedOpcodes(s *suite) {
	for i, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		section, n := 1+i/5, i%5+1
		switch n {
		case 1:
			s.add(fmt.Sprintf("4.%d.1", section), 1002, "", sent{fin | op, ""})
		case 2:
			s.add(fmt.Sprintf("4.%d.2", section), 1002, "", sent{fin | op, "reserved opcode payload"})
		default:
			payload := map[bool]string{true: "", false: "payload"}[n == 3]
			s.add(fmt.Sprintf("4.%d.%d", section, n), 1002, heard, hello, sent{fin | op, payload}, sent{fin | ping, ""})
		}
	}
}

// Section 5.
func fragments(s *suite) {
	s.add("5.1", 1002, "", sent{ping, "fragment1"}, sent{fin | cont, "fragment2"})
	s.add("5.2", 1002, "", sent{pong, "fragment1"}, sent{fin | cont, "fragment2"})
	s.add("5.3", 0, got("Text", "fragment1fragment2"), sent{text, "fragment1"}, sent{fin | cont, "fragment2"})
	s.add("5.6", 0, lines(got("Ping", "ping payload"), got("Text", "fragment1fragment2")), sent{text, "fragment1"}, sent{fin | ping, "ping payload"}, sent{fin | cont, "fragment2"})
	s.add("5.9", 1002, "", sent{fin | cont, "non-continuation payload"}, hello)
	s.add("5.12", 1002, "", sent{cont, "non-continuation payload"}, hello)
	s.add("5.15", 1002, got("Text", "fragment1fragment2"), sent{text, "fragment1"}, sent{fin | cont, "fragment2"}, sent{cont, "fragment3"}, sent{fin | text, "fragment4"})
	s.add("5.16", 1002, "", sent{cont, "fragment1"}, sent{text, "fragment2"}, sent{fin | cont, "fragment3"})
	s.add("5.17", 1002, "", sent{fin | cont, "fragment1"}, sent{text, "fragment2"}, sent{fin | cont, "fragment3"})
	s.add("5.18", 1002, "", sent{text, "fragment1"}, sent{fin | text, "fragment2"})
	s.add("5.19", 0, lines(got("Ping", "pongme 1!"), got("Ping", "pongme 2!"), got("Text", "fragment1fragment2fragment3fragment4fragment5")),
		sent{text, "fragment1"}, sent{cont, "fragment2"}, sent{fin | ping, "pongme 1!"}, sent{cont, "fragment3"}, sent{cont, "fragment4"},
		sent{fin | ping, "pongme 2!"}, sent{fin | cont, "fragment5"})
}

// Section 6.
func texts(s *suite) {
	const lorem = "Hello-µ@ßöäüàá-UTF-8!!"
	s.add("6.1.1", 0, got("Text", ""), sent{fin | text, ""})
	s.add("6.1.2", 0, got("Text", ""), sent{text, ""}, sent{cont, ""}, sent{fin | cont, ""})
	s.add("6.1.3", 0, got("Text", "middle frame payload"), sent{text, ""}, sent{cont, "middle frame payload"}, sent{fin | cont, ""})
	s.add("6.2.1", 0, got("Text", lorem), sent{fin | text, lorem})
	s.add("6.2.2", 0, got("Text", lorem), sent{text, lorem[:12]}, sent{fin | cont, lorem[12:]})
	var letters []sent
	for i := range len(lorem) {
		letters = append(letters, sent{map[bool]byte{true: text, false: cont}[i == 0], lorem[i : i+1]})
	}
	s.add("6.2.3", 0, got("Text", lorem), append(letters, sent{fin | cont, ""})...)
	for id, bad := range notUTF8 {
		s.add(id, 1007, "", sent{fin | text, bad})
		s.add(id+" after text", 1007, "", sent{text, lorem}, sent{cont, bad}, sent{fin | cont, "edited"})
	}
	for id, good := range goodUTF8 {
		s.add(id, 0, got("Text", good), sent{fin | text, good})
	}
}

// Section 7.
func closes(s *suite) {
	s.add("7.1.1", 0, lines(heard, closed(1000, "")), hello, closing(1000, ""))
	s.add("7.1.2", 0, closed(1000, ""), closing(1000, ""), closing(1000, ""))
	s.add("7.1.3", 0, closed(1000, ""), closing(1000, ""), sent{fin | ping, ""})
	s.add("7.1.4", 0, closed(1000, ""), closing(1000, ""), hello)
	s.add("7.1.5", 0, closed(1000, ""), sent{text, "fragment1"}, closing(1000, ""), sent{fin | cont, "fragment2"})
	s.add("7.3.1", 0, closed(1005, ""), sent{fin | shut, ""})
	s.add("7.3.2", 1002, "", sent{fin | shut, "a"})
	s.add("7.3.3", 0, closed(1000, ""), closing(1000, ""))
	s.add("7.3.4", 0, closed(1000, "Hello World!"), closing(1000, "Hello World!"))
	s.add("7.3.5", 0, closed(1000, strings.Repeat("*", 123)), closing(1000, strings.Repeat("*", 123)))
	s.add("7.3.6", 1002, "", closing(1000, strings.Repeat("*", 124)))
	s.add("7.5.1", 1007, "", closing(1000, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"))
	for i, n := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		s.add(fmt.Sprintf("7.7.%d", i+1), 0, closed(n, ""), closing(n, ""))
	}
	for i, n := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535} {
		s.add(fmt.Sprintf("7.9.%d", i+1), 1002, "", closing(n, ""))
	}
}

// 6.4: text that can no longer be valid ends the connection at that byte, not at the end of the frame or message.
func TestAutobahnFailsFast(t *testing.T) {
	const valid = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
	for id, c := range map[string]struct {
		bad string
		at  int // bytes of bad that must be there
	}{
		"6.4.1": {"\xf4\x90\x80\x80", 2}, "6.4.2": {"\xf4\x90", 2}, "6.4.3 surrogate": {"\xed\xa0\x80", 2}, "6.4.4 overlong": {"\xc0\xaf", 1},
		"6.4 overlong in three": {"\xe0\x80\xaf", 2}, "6.4 beyond": {"\xf8\x88", 1}, "6.4 cut short": {"\xe2\x82a", 3},
	} {
		in := play([]sent{{1, valid + c.bad + strings.Repeat("x", 100)}}, false)
		whole := len(in) - 100 - len(c.bad) + c.at
		if tr := decode(t, client, in[:whole-1]); tr.err != nil {
			t.Errorf("%s: got %v before it was wrong", id, tr.err)
		}
		if tr := decode(t, client, single(in[:whole])...); tr.err == nil || tr.err.Code != wsproto.CodeInvalidData {
			t.Errorf("%s: got %v at the byte that makes it wrong, want an error 1007", id, tr.err)
		}
	}
}

// Sequences that are no UTF-8 (6.3, and the rows of 6.6 to 6.21 that have to fail).
var notUTF8 = map[string]string{
	"6.3.1":                  "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
	"6.6.1 cut":              "\xce",
	"6.6.3 cut":              "\xce\xba\xe1",
	"6.6.4 cut":              "\xce\xba\xe1\xbd",
	"6.8.1 five bytes":       "\xf8\x88\x80\x80\x80",
	"6.8.2 six bytes":        "\xfc\x84\x80\x80\x80\x80",
	"6.10.1 beyond U+10FFFF": "\xf7\xbf\xbf\xbf",
	"6.10.2":                 "\xfb\xbf\xbf\xbf\xbf",
	"6.10.3":                 "\xfd\xbf\xbf\xbf\xbf\xbf",
	"6.11.5":                 "\xf4\x90\x80\x80",
	"6.12.1 lone":            "\x80",
	"6.12.2":                 "\xbf",
	"6.12.3":                 "\x80\xbf",
	"6.12.7":                 "\x80\xbf\x80\xbf\x80\xbf",
	"6.13.1 first alone":     "\xc0 \xc1 \xc2 \xdf ",
	"6.13.2":                 "\xe0 \xe1 \xef ",
	"6.13.3":                 "\xf0 \xf4 \xf7 ",
	"6.14.1 last missing":    "\xc0",
	"6.14.2":                 "\xe0\x80",
	"6.14.3":                 "\xf0\x80\x80",
	"6.14.7":                 "\xef\xbf",
	"6.14.8":                 "\xf7\xbf\xbf",
	"6.15.1 in a row":        "\xc0\xe0\x80\xf0\x80\x80",
	"6.16.1":                 "\xfe",
	"6.16.2":                 "\xff",
	"6.16.3":                 "\xfe\xfe\xff\xff",
	"6.17.1 overlong":        "\xc0\xaf",
	"6.17.2":                 "\xe0\x80\xaf",
	"6.17.3":                 "\xf0\x80\x80\xaf",
	"6.18.1 longest of them": "\xc1\xbf",
	"6.18.2":                 "\xe0\x9f\xbf",
	"6.18.3":                 "\xf0\x8f\xbf\xbf",
	"6.19.1 overlong NUL":    "\xc0\x80",
	"6.20.1 surrogate":       "\xed\xa0\x80",
	"6.20.4":                 "\xed\xaf\xbf",
	"6.20.7":                 "\xed\xbf\xbf",
	"6.21.1 pair":            "\xed\xa0\x80\xed\xb0\x80",
	"6.21.8":                 "\xed\xaf\xbf\xed\xbf\xbf",
}

// Sequences that are (the other rows of 6.5 to 6.23), characters that are nothing included.
var goodUTF8 = map[string]string{
	"6.5.1":  "Hello",
	"6.6.2":  "\xce\xba",
	"6.6.5":  "\xce\xba\xe1\xbd\xb9",
	"6.7.1":  "\x00",
	"6.7.2":  "\xc2\x80",
	"6.7.3":  "\xe0\xa0\x80",
	"6.7.4":  "\xf0\x90\x80\x80",
	"6.9.1":  "\x7f",
	"6.9.2":  "\xdf\xbf",
	"6.9.3":  "\xef\xbf\xbf",
	"6.9.4":  "\xf4\x8f\xbf\xbf",
	"6.11.1": "\xed\x9f\xbf",
	"6.11.2": "\xee\x80\x80",
	"6.11.3": "\xef\xbf\xbd",
	"6.22.1": "\xef\xbf\xbe",
	"6.22.3": "\xf0\x9f\xbf\xbe",
	"6.23.7": "\xef\xbf\xbd",
}

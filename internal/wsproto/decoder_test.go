package wsproto_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/aio-go/aio/internal/wsproto"
)

// What a decoder says to every kind of frame, right and wrong. Each row is decoded whole and in pieces.

// RFC 6455 §5.7 has most of these.
func TestFramesOfThePeerBecomeEvents(t *testing.T) {
	long, longer := strings.Repeat("x", 300), strings.Repeat("y", 70_000)
	for name, row := range map[string]struct {
		rules wsproto.Rules
		in    []byte
		want  string
	}{
		"text":                    {client, bin(0x81, 5, "Hello"), `EventText 0 "Hello"`},
		"masked text":             {server, bin(0x81, 0x85, "\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), `EventText 0 "Hello"`},
		"empty text":              {client, bin(0x81, 0), `EventText 0 ""`},
		"empty masked":            {server, bin(0x82, 0x80, "abcd"), `EventBinary 0 ""`},
		"binary":                  {client, bin(0x82, 3, "\xff\x00\xfe"), `EventBinary 0 "\xff\x00\xfe"`},
		"16-bit length":           {client, bin(0x82, 126, 1, 44, long), `EventBinary 0 "` + long + `"`},
		"64-bit length":           {client, bin(0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70, longer), `EventBinary 0 "` + longer + `"`},
		"fragments":               {client, bin(0x01, 3, "Hel", 0x00, 0, 0x80, 2, "lo"), `EventText 0 "Hello"`},
		"ping between fragments":  {client, bin(0x01, 3, "Hel", 0x89, 1, "?", 0x80, 2, "lo"), "EventPing 0 \"?\"\nEventText 0 \"Hello\""},
		"character cut":           {client, bin(0x01, 1, "\xe2", 0x00, 1, "\x82", 0x80, 1, "\xac"), `EventText 0 "€"`},
		"pong":                    {client, bin(0x8a, 0), `EventPong 0 ""`},
		"longest control frame":   {client, bin(0x89, 125, strings.Repeat("p", 125)), `EventPing 0 "` + strings.Repeat("p", 125) + `"`},
		"close":                   {client, bin(0x88, 0), `EventClose 1005 ""`},
		"close with reason":       {client, bin(0x88, 6, 3, 0xe8, "done"), `EventClose 1000 "done"`},
		"nothing after close":     {client, bin(0x88, 2, 3, 0xe9, "\xff\xff\xff garbage"), `EventClose 1001 ""`},
		"two messages":            {client, bin(0x81, 1, "a", 0x82, 1, "b"), "EventText 0 \"a\"\nEventBinary 0 \"b\""},
		"incomplete":              {client, bin(0x81, 5, "Hel"), ``},
		"limit reached exactly":   {limited(client, 5), bin(0x01, 3, "Hel", 0x80, 2, "lo"), `EventText 0 "Hello"`},
		"control above the limit": {limited(client, 1), bin(0x89, 2, "hi"), `EventPing 0 "hi"`},
		// RFC 7692 §7.2.3
		"compressed":                 {deflate, bin(0xc1, 7, "\xf2\x48\xcd\xc9\xc9\x07\x00"), `EventText 0 "Hello"`},
		"compressed fragments":       {deflate, bin(0x41, 3, "\xf2\x48\xcd", 0x80, 4, "\xc9\xc9\x07\x00"), `EventText 0 "Hello"`},
		"with takeover":              {deflate, bin(0xc1, 7, "\xf2\x48\xcd\xc9\xc9\x07\x00", 0xc1, 5, "\xf2\x00\x11\x00\x00"), "EventText 0 \"Hello\"\nEventText 0 \"Hello\""},
		"stored block":               {deflate, bin(0xc1, 11, "\x00\x05\x00\xfa\xffHello\x00"), `EventText 0 "Hello"`},
		"stream that ends":           {deflate, bin(0xc1, 8, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), `EventText 0 "Hello"`},
		"two blocks":                 {deflate, bin(0xc1, 13, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), `EventText 0 "Hello"`},
		"plain where deflate agreed": {deflate, bin(0x81, 5, "Hello"), `EventText 0 "Hello"`},
		"compressed empty":           {deflate, bin(0xc2, 1, 0), `EventBinary 0 ""`},
	} {
		t.Run(name, func(t *testing.T) {
			got := decodeEveryWay(t, row.rules, row.in)
			if got.print() != row.want {
				t.Errorf("got\n%.300s\nwant\n%.300s", got.print(), row.want)
			}
		})
	}
}

// C143, C144, C145, C147, C148, D4: what has to end a connection, and with which code.
func TestWrongFramesAreRefused(t *testing.T) {
	hundred := strings.Repeat("z", 100)
	notTaken := wsproto.Rules{Inflate: true, NoTakeover: true}
	for name, row := range map[string]struct {
		rules  wsproto.Rules
		in     []byte
		code   int
		detail string
	}{
		"C143 garbage":                   {client, bin("garbage"), 1002, "reserved bits"},
		"C144 not negotiated":            {client, bin(0xc1, 1, "x"), 1002, "reserved bits"},
		"C144 RSV1 on control":           {deflate, bin(0xc9, 0), 1002, "RSV1 on a ping"},
		"C144 RSV1 on continuation":      {deflate, bin(0x41, 1, 0, 0xc0, 0), 1002, "RSV1 on a continuation"},
		"C145 RSV2":                      {deflate, bin(0xa1, 0), 1002, "reserved bits"},
		"C145 RSV3":                      {deflate, bin(0x91, 0), 1002, "reserved bits"},
		"C145 fragmented control":        {client, bin(0x09, 0), 1002, "fragmented control"},
		"C145 long control":              {client, bin(0x89, 126, 0, 126), 1002, "longer than 125"},
		"C145 opcode 3":                  {client, bin(0x83), 1002, "reserved opcode 0x3"},
		"C145 opcode 7":                  {client, bin(0x87), 1002, "reserved opcode 0x7"},
		"C145 opcode B":                  {client, bin(0x8b), 1002, "reserved opcode 0xb"},
		"C145 opcode F":                  {client, bin(0x8f), 1002, "reserved opcode 0xf"},
		"C145 continuation first":        {client, bin(0x80, 0), 1002, "without a message"},
		"C145 text inside a message":     {client, bin(0x01, 1, "a", 0x81, 1, "b"), 1002, "inside a fragmented"},
		"C145 continuation after end":    {client, bin(0x81, 1, "a", 0x80, 1, "b"), 1002, "without a message"},
		"D4 unmasked from client":        {server, bin(0x81, 1, "a"), 1002, "unmasked"},
		"D4 masked from server":          {client, bin(0x81, 0x81, "keysa"), 1002, "masked frame from a server"},
		"16-bit length too wide":         {client, bin(0x82, 126, 0, 125), 1002, "more bytes than needed"},
		"64-bit length too wide":         {client, bin(0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff), 1002, "more bytes than needed"},
		"C147 above U+10FFFF":            {client, bin(0x81, 4, "\xf4\x90\x80\x80"), 1007, "UTF-8"},
		"surrogate":                      {client, bin(0x81, 3, "\xed\xa0\x80"), 1007, "UTF-8"},
		"text ends in a character":       {client, bin(0x81, 2, "\xe2\x82"), 1007, "UTF-8"},
		"character cut by a bad one":     {client, bin(0x01, 1, "\xe2", 0x80, 1, "x"), 1007, "UTF-8"},
		"bad text in the first part":     {client, bin(0x01, 2, "\xff\xff"), 1007, "UTF-8"},
		"bad compressed text":            {deflate, bin(0xc1, 7, "\x00\x01\x00\xfe\xff\xff\x00"), 1007, "UTF-8"},
		"C148 declared 1 MiB":            {limited(client, 256), bin(0x82, 127, 0, 0, 0, 0, 0, 16, 0, 0), 1009, "limit is 256"},
		"C148 third fragment":            {limited(client, 256), bin(0x02, 100, hundred, 0x00, 100, hundred, 0x80, 100), 1009, "300 bytes"},
		"C148 compressed and declared":   {limited(deflate, 256), bin(0xc2, 126, 4, 0), 1009, "limit is 256"},
		"C148 2^63, no limit":            {client, bin(0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0), 1009, "bytes"},
		"C148 2^64-1, no limit":          {client, bin(0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 1009, "bytes"},
		"C148 2^63 together, no limit":   {client, bin(0x02, 1, "a", 0x80, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 1009, "bytes"},
		"close with half a code":         {client, bin(0x88, 1, 3), 1002, "half a code"},
		"close reason not UTF-8":         {client, bin(0x88, 3, 3, 0xe8, 0xff), 1007, "UTF-8"},
		"compressed rubbish":             {deflate, bin(0xc2, 2, "\x07\xff"), 1007, "decompress"},
		"takeover that was not agreed":   {notTaken, bin(0xc1, 7, "\xf2\x48\xcd\xc9\xc9\x07\x00", 0xc1, 5, "\xf2\x00\x11\x00\x00"), 1007, "decompress"},
		"reference before the beginning": {deflate, bin(0xc1, 5, "\xf2\x00\x11\x00\x00"), 1007, "decompress"},
	} {
		t.Run(name, func(t *testing.T) {
			got := decodeEveryWay(t, row.rules, row.in)
			if got.err == nil || got.err.Code != row.code || !strings.Contains(got.err.Detail, row.detail) {
				t.Errorf("got %v, want code %d and %q", got.print(), row.code, row.detail)
			}
		})
	}
}

// C145, C148: a header is refused when its first wrong byte is there, without what should follow it.
func TestHeadersAreRefusedBeforeTheirPayload(t *testing.T) {
	for name, row := range map[string]struct {
		rules wsproto.Rules
		in    []byte
	}{
		"opcode": {client, bin(0x83)},
		"mask":   {server, bin(0x81, 5)},
		"length": {limited(client, 256), bin(0x82, 126, 1, 1)},
	} {
		if got := decode(t, row.rules, row.in); got.err == nil {
			t.Errorf("%s: not refused after %x", name, row.in)
		}
	}
}

// Which codes may stand in a Close frame: RFC 6455 §7.4, and what the registry has added.
func TestCloseCodesOnTheWire(t *testing.T) {
	allowed := map[int]bool{}
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		allowed[code] = true
	}
	for _, code := range []int{0, 1, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016,
		1100, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 65535} {
		got := decode(t, client, bin(0x88, 2, code>>8, code))
		if ok := got.err == nil; ok != allowed[code] {
			t.Errorf("code %d: got %s, want allowed %t", code, got.print(), allowed[code])
		}
	}
}

// C148: a message that is short on the wire and long when decompressed stops at the limit. Memory follows the limit, not
// what is claimed.
func TestBombsStopAtTheLimit(t *testing.T) {
	z := wsproto.NewDeflater(15, true)
	bomb, ok := z.Deflate(make([]byte, 64<<20))
	if !ok {
		t.Fatal("zeros do not compress")
	}
	const limit = 256 << 10
	frame := wsproto.AppendFrame(nil, wsproto.Binary, true, bomb, false, 0)
	if len(frame) > limit {
		t.Fatalf("the bomb has %d bytes, want a header that passes", len(frame))
	}
	used := allocated(func() {
		if got := decode(t, limited(deflate, limit), frame); got.err == nil || got.err.Code != 1009 {
			t.Errorf("got %v, want 1009", got.err)
		}
	})
	if most := uint64(len(frame) + 8*limit); used > most {
		t.Errorf("allocated %d bytes, want at most %d", used, most)
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// §3B: a flood of DEFLATE streams inside one message.
func TestStreamsInAMessageAreCounted(t *testing.T) {
	empty := bin(0x01, 0, 0, 0xff, 0xff) // a last block without content
	frame := func(n int) []byte {
		return wsproto.AppendFrame(nil, wsproto.Binary, true, append(bytes.Repeat(empty, n), 0), false, 0)
	}
	if got := decode(t, deflate, frame(1000)).print(); got != `EventBinary 0 ""` {
		t.Errorf("1000 streams: got %s", got)
	}
	if got := decode(t, deflate, frame(1100)); got.err == nil || got.err.Code != 1009 {
		t.Errorf("1100 streams: got %s, want 1009", got.print())
	}
}

// C149: fragments without content cost nothing.
func TestEmptyFragmentsHoldNoMemory(t *testing.T) {
	d := wsproto.NewDecoder(client)
	d.Next(bin(0x02, 0))
	in := bytes.Repeat(bin(0x00, 0), 1000)
	if n := testing.AllocsPerRun(10, func() { d.Next(in) }); n != 0 {
		t.Errorf("got %v allocations for 1000 empty fragments", n)
	}
}

// An announced length alone reserves little.
func TestAnnouncedLengthReservesNothing(t *testing.T) {
	frame := bin(0x82, 127, 0, 0, 0, 0, 0x40, 0, 0, 0, "first bytes")
	if used := allocated(func() { decode(t, client, frame) }); used > 32<<10 {
		t.Errorf("1 GiB announced: %d bytes allocated", used)
	}
}

// In steady state frames are decoded and encoded without allocating.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	frame := wsproto.AppendFrame(nil, wsproto.Text, false, []byte(strings.Repeat("hello ", 20)), true, 0x11223344)
	d := wsproto.NewDecoder(server)
	in := make([]byte, len(frame))
	out := make([]byte, 0, 4096)
	whole := func() {
		copy(in, frame)
		d.Next(in)
		out = wsproto.AppendFrame(out[:0], wsproto.Binary, false, in[:100], true, 7)
	}
	pieces := func() {
		copy(in, frame)
		d.Next(in[:1])
		d.Next(in[1:50])
		d.Next(in[50:])
	}
	for name, f := range map[string]func(){"whole": whole, "pieces": pieces} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: got %v allocations a frame", name, n)
		}
	}
}

func TestIdleBetweenMessagesOnly(t *testing.T) {
	in := bin(0x01, 1, "a", 0x80, 1, "b")
	d := wsproto.NewDecoder(client)
	for i := range in {
		if got := d.Idle(); got != (i == 0) {
			t.Errorf("before byte %d: Idle is %t", i, got)
		}
		d.Next(in[i : i+1])
	}
	if !d.Idle() {
		t.Error("not idle after the message")
	}
}

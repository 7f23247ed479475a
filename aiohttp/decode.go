package aiohttp

// Content codings of responses.
//
// A decoder is a plain io.Reader that pulls the coded bytes from the connection in
// the task that reads the body: no queue, and back-pressure for free, because what nobody
// asks for is not read; the decoding of large bodies leaves the loop (offload.go). Input that is made to hurt is bounded
// here: one step yields at most 256 KiB, members follow one another at most 1,024
// times, a zstd window is at most 8 MiB (RFC 9659), and rubbish behind the end is
// an error.

import (
	"bufio"
	"errors"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

const (
	decodeStepSize = 256 << 10
	maxMembers     = 1024
	maxZstdWindow  = 8 << 20
	acceptEncoding = "gzip, deflate, br, zstd"
)

var (
	errTooManyMembers = errors.New("more than 1024 concatenated members")
	errTrailingData   = errors.New("data behind the end of the stream")
)

// contentCoding is one coding this client can decode.
type contentCoding uint8

const (
	codingIdentity contentCoding = iota
	codingGzip
	codingDeflate
	codingBrotli
	codingZstd
)

// String returns the name of the coding in Content-Encoding.
func (c contentCoding) String() string {
	return [...]string{"identity", "gzip", "deflate", "br", "zstd"}[c]
}

// codingOf finds the coding for a Content-Encoding value. What is not known, and
// what only looks like a known name when Unicode folds case, is left as it came.
func codingOf(v string) contentCoding {
	switch asciiLower(v) {
	case "gzip", "x-gzip":
		return codingGzip
	case "deflate":
		return codingDeflate
	case "br":
		return codingBrotli
	case "zstd":
		return codingZstd
	}
	return codingIdentity
}

// decoder turns coded bytes into content.
type decoder struct {
	coding  contentCoding
	source  *bufio.Reader // over the connection
	stream  io.Reader     // nil until the first byte is there
	members int
	err     error // sticky
	pool    *decoderPool
	busy    bool        // a read is under way, perhaps on another goroutine: only that touches the rest
	step    *decodeStep // of that read, if it is on a coroutine
	dropped bool        // while it was busy
}

// Read implements io.Reader in steps of at most 256 KiB. An empty body is valid in
// every coding: servers announce a coding and then have nothing to send.
func (d *decoder) Read(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	if len(p) > decodeStepSize {
		p = p[:decodeStepSize]
	}
	if d.stream == nil {
		if _, err := d.source.Peek(1); err != nil {
			d.finish(err)
			return 0, d.err
		}
		if err := d.open(); err != nil {
			d.finish(err)
			return 0, d.err
		}
	}
	for {
		n, err := d.stream.Read(p)
		if err == io.EOF {
			err = d.nextMember()
		}
		if err != nil {
			d.finish(err)
			err = d.err
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// open starts decoding at the first byte of the source.
func (d *decoder) open() (err error) {
	d.members = 1
	switch d.coding {
	case codingGzip:
		z := d.pool.gzip.take()
		if z == nil {
			z, err = gzip.NewReader(d.source)
		} else {
			err = z.Reset(d.source)
		}
		if err != nil {
			return err
		}
		z.Multistream(false)
		d.stream = z
	case codingDeflate:
		d.stream, err = openDeflate(d.source)
	case codingBrotli:
		d.stream = d.pool.brotli.take()
		if d.stream == (*brotli.Reader)(nil) {
			d.stream = brotli.NewReader(d.source)
		} else {
			err = d.stream.(*brotli.Reader).Reset(d.source)
		}
	case codingZstd:
		z := d.pool.zstd.take()
		counted := &zstdFrames{source: d.source}
		if z == nil {
			z, err = zstd.NewReader(counted, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxWindow(maxZstdWindow))
		} else {
			err = z.Reset(counted)
		}
		d.stream = z
	}
	return err
}

// openDeflate tells zlib from raw deflate by the first byte: a zlib header has 8 in
// its low half, and no encoder starts a raw stream like that.
func openDeflate(source *bufio.Reader) (io.Reader, error) {
	first, err := source.Peek(1)
	if err != nil {
		return nil, err
	}
	if first[0]&0x0f == 8 {
		return zlib.NewReader(source)
	}
	return flate.NewReader(source), nil
}

// nextMember is called at the end of a stream: gzip may go on, the others may not.
// zstd and brotli watch their ends themselves.
func (d *decoder) nextMember() error {
	_, err := d.source.Peek(1)
	if err != nil {
		return err
	}
	z, ok := d.stream.(*gzip.Reader)
	if !ok {
		return errTrailingData
	}
	if d.members++; d.members > maxMembers {
		return errTooManyMembers
	}
	if err := z.Reset(d.source); err != nil {
		if err == gzip.ErrHeader {
			return errTrailingData
		}
		return err
	}
	z.Multistream(false)
	return nil
}

// finish notes how the stream ended.
func (d *decoder) finish(err error) {
	if err != io.EOF {
		d.err = &ContentEncodingError{Coding: d.coding.String(), Err: err}
	} else {
		d.err = io.EOF
	}
}

// release may be called at any time; the decoder yields nothing more afterwards. What a
// read under way is using is not given back before that has returned.
func (d *decoder) release() {
	if d.busy {
		d.dropped = true
		return
	}
	if d.source == nil {
		return
	}
	if d.err == nil {
		d.err = ErrResponseClosed
	}
	switch z := d.stream.(type) {
	case *gzip.Reader:
		d.pool.gzip.put(z)
	case *brotli.Reader:
		d.pool.brotli.put(z)
	case *zstd.Decoder:
		if z.Reset(nil) == nil {
			d.pool.zstd.put(z)
		}
	}
	d.source.Reset(nil)
	d.pool.buffers.put(d.source)
	d.stream, d.source = nil, nil
}

// decoderPool keeps the machinery of finished decoders: it is large compared with
// most bodies. It belongs to one session, hence to one loop.
type decoderPool struct {
	gzip    freeList[gzip.Reader]
	brotli  freeList[brotli.Reader]
	zstd    freeList[zstd.Decoder]
	buffers freeList[bufio.Reader]
}

func (p *decoderPool) decoder(coding contentCoding, source io.Reader) *decoder {
	b := p.buffers.take()
	if b == nil {
		b = bufio.NewReaderSize(source, 16<<10)
	} else {
		b.Reset(source)
	}
	return &decoder{coding: coding, source: b, pool: p}
}

// freeList is a short stack of objects to reuse.
type freeList[T any] struct{ items []*T }

// maxFree bounds what a free list keeps.
const maxFree = 16

// take returns nil if there is none.
func (f *freeList[T]) take() *T {
	n := len(f.items)
	if n == 0 {
		return nil
	}
	item := f.items[n-1]
	f.items[n-1] = nil
	f.items = f.items[:n-1]
	return item
}

func (f *freeList[T]) put(item *T) {
	if len(f.items) < maxFree {
		f.items = append(f.items, item)
	}
}

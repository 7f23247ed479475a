package aiohttp

// Compressed uploads: a payload around a payload.

import (
	"bytes"
	"context"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
)

// compressPayload sends another payload in a content coding. A body in memory is
// compressed before it is sent, so that its length can be announced; a stream is
// compressed on the way and sent in chunks.
type compressPayload struct {
	inner  payload
	coding contentCoding
	data   []byte // the compressed body, if the inner one is in memory
	whole  bool
}

func (p *compressPayload) prepare(ctx context.Context) error {
	if err := p.inner.prepare(ctx); err != nil || p.whole {
		return err
	}
	if _, ok := p.inner.memory(); !ok {
		return nil
	}
	var out bytes.Buffer
	err := p.compress(ctx, func(b []byte) error { out.Write(b); return nil })
	p.data, p.whole = out.Bytes(), err == nil
	return err
}

func (p *compressPayload) size() int64 {
	if p.whole {
		return int64(len(p.data))
	}
	return -1
}

func (p *compressPayload) contentType() string    { return p.inner.contentType() }
func (p *compressPayload) memory() ([]byte, bool) { return p.data, p.whole }
func (p *compressPayload) close() error           { return p.inner.close() }

func (p *compressPayload) push(ctx context.Context, to sink) error {
	if p.whole {
		return to(p.data)
	}
	return p.compress(ctx, to)
}

// compress hands what the encoder yields to the sink in the task. Pieces that are large are
// compressed beside the loop.
func (p *compressPayload) compress(ctx context.Context, to sink) error {
	var out bytes.Buffer
	var z io.WriteCloser
	if p.coding == codingGzip {
		z = gzip.NewWriter(&out)
	} else {
		z = zlib.NewWriter(&out)
	}
	err := p.inner.push(ctx, func(b []byte) error {
		if err := compressPiece(ctx, z, b); err != nil || out.Len() == 0 {
			return err
		}
		defer out.Reset()
		return to(out.Bytes())
	})
	if err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return to(out.Bytes())
}

func compressPiece(ctx context.Context, z io.Writer, b []byte) error {
	if len(b) < offloadCompress {
		_, err := z.Write(b)
		return err
	}
	return offload(ctx, func() error {
		_, err := z.Write(b)
		return err
	})
}

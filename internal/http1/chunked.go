package http1

// The chunked coding (RFC 9112 §7.1), with its trailer. Size lines and data end in CRLF even for a lenient decoder:
// what a reader takes for the end of a chunk-size line decides what is data. Extensions are checked for control
// characters, counted and otherwise ignored.

const maxSizeDigits = 16

func (d *Decoder) beginChunked() {
	d.head.Chunked = true
	d.beginChunkLine()
}

func (d *Decoder) beginChunkLine() {
	d.left, d.digits, d.size = 0, 0, 0
	d.enter(stateChunkSize)
}

func (d *Decoder) nextChunked(in []byte) (Event, int, error) {
	for n := 0; n < len(in); n++ {
		switch d.state {
		case stateChunkData:
			data := d.take(in[n:])
			if d.left == 0 {
				d.enter(stateChunkDataCR)
			}
			return Event{Kind: EventData, Data: data, ChunkEnd: d.left == 0}, n + len(data), nil
		case stateTrailer:
			text, used, err := d.gather(in[n:], d.scanFields)
			n += used
			if err == nil && text != nil {
				err = d.finishTrailer(text)
			}
			if err != nil || text == nil {
				return Event{}, n, err
			}
			return d.endMessage(), n, nil
		}
		if err := d.chunkByte(in[n]); err != nil {
			return Event{}, n, err
		}
	}
	return Event{}, len(in), nil
}

// chunkByte takes one byte of what surrounds the data.
func (d *Decoder) chunkByte(c byte) error {
	switch d.state {
	case stateChunkSizeLF:
		if c != '\n' {
			return parseErrorf(BadChunk, "CR without LF in a size line")
		}
		return d.endChunkLine()
	case stateChunkDataCR:
		if c != '\r' {
			return parseErrorf(BadChunk, "%s after the data, the chunk is longer than its size", quoteByte(c))
		}
		d.enter(stateChunkDataLF)
		return nil
	case stateChunkDataLF:
		if c != '\n' {
			return parseErrorf(BadChunk, "CR without LF after the data")
		}
		d.beginChunkLine()
		return nil
	}
	return d.chunkLineByte(c)
}

// chunkLineByte takes one byte of a size line: digits, blanks if lenient, extension.
func (d *Decoder) chunkLineByte(c byte) error {
	if c == '\r' && d.digits > 0 {
		d.enter(stateChunkSizeLF)
		return nil
	}
	if d.size++; d.size > d.limits.MaxLine {
		return d.lineTooLong("chunk size")
	}
	switch {
	case d.state == stateChunkExt:
		if c < ' ' && c != '\t' || c == 0x7f {
			return parseErrorf(BadChunk, "%s in an extension", quoteByte(c))
		}
	case d.state == stateChunkSize && is(c, classHex):
		if d.digits++; d.digits > maxSizeDigits || d.left > 1<<59-1 {
			return parseErrorf(BadChunk, "the size is too large")
		}
		d.left = d.left<<4 | int64(hexValue(c))
	case d.digits > 0 && c == ';':
		d.enter(stateChunkExt)
	case d.digits > 0 && isBlank(c) && d.lenient:
		d.enter(stateChunkBlank)
	default:
		return parseErrorf(BadChunk, "%s in a size", quoteByte(c))
	}
	return nil
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// endChunkLine begins the data or, after the size 0, the trailer. One line with a long extension is fine, a body
// that consists of them is not: each chunk of data makes up for 16 bytes and twice its size.
func (d *Decoder) endChunkLine() error {
	if d.left == 0 {
		d.beginText()
		d.enter(stateTrailer)
		return nil
	}
	d.excess += d.size - 16 - 2*int(min(d.left, 1<<20))
	d.excess = max(d.excess, 0)
	if d.excess > 2*d.limits.MaxLine {
		return parseErrorf(LineTooLong, "the body is mostly chunk extensions")
	}
	d.enter(stateChunkData)
	return nil
}

// finishTrailer keeps the fields that may stand in a trailer.
func (d *Decoder) finishTrailer(raw []byte) error {
	if len(d.fields) == 0 {
		return nil
	}
	b := newHeaderBuilder(string(raw), len(d.fields))
	for i := range d.fields {
		f := &d.fields[i]
		known := &knownNames[f.id]
		if r := known.role; !d.lenient && (r == roleHost || r == roleLength || r == roleCoding) {
			return parseErrorf(InvalidHeader, "%s in the trailer", known.canonical)
		}
		if !known.noTrailer {
			b.add(i, f, b.value(f))
		}
	}
	if len(b.header) > 0 {
		d.trailer = b.header
	}
	return nil
}

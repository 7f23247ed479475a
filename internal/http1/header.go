package http1

import (
	"bytes"
	"strings"
)

// Header and trailer fields: finding them in a text part, and making a Header of them. Scanning only notes where
// names and values lie; strings are made once the part is complete, all of them slices of a single one.

// field is where one field lies in its text part, and which known name it has.
type field struct {
	name, nameEnd   uint32 // nameEnd is 0 until the colon is found
	value, valueEnd uint32 // without the blanks around it
	id              nameID
	folded          bool // the value goes over several lines
}

// scanFields scans lines up to and including the empty one and returns the end of it, or a negative number if there
// is more to come. The decoder stands at a line start when scan == line.
func (d *Decoder) scanFields(text []byte) (end int, err error) {
	for {
		if d.scan == d.line {
			if d.line == len(text) {
				return -1, nil
			}
			switch c := text[d.line]; {
			case c == '\r' || c == '\n':
				return d.scanEmptyLine(text)
			case isBlank(c):
				err = d.beginFold(c)
			default:
				err = d.beginField()
			}
			if err != nil {
				return -1, err
			}
		}
		f := &d.fields[len(d.fields)-1]
		if f.nameEnd == 0 {
			if err := d.scanName(text, f); err != nil || f.nameEnd == 0 {
				return -1, err
			}
		}
		next, err := d.scanValue(text, f)
		if err != nil || next < 0 {
			return -1, err
		}
		d.line, d.scan = next, next
	}
}

func (d *Decoder) scanEmptyLine(text []byte) (end int, err error) {
	end = d.line + 1
	if text[d.line] == '\r' {
		if end == len(text) {
			return -1, nil
		}
		if text[end] == '\n' {
			return end + 1, nil
		}
	} else if d.lenient {
		return end, nil
	}
	return -1, parseErrorf(InvalidHeader, "%s at the end of the %s", quoteByte(text[d.line]), d.part())
}

func (d *Decoder) beginField() error {
	if d.fieldCount++; d.fieldCount > d.limits.MaxHeaders {
		return parseErrorf(TooManyHeaders, "more than %d headers and trailers", d.limits.MaxHeaders)
	}
	d.fields = append(d.fields, field{})
	d.fields[len(d.fields)-1].name = uint32(d.line) // not in the literal: copying it stalls the processor
	return nil
}

// beginFold makes the line a continuation of the field before it (obs-fold, RFC 9112 §5.2).
func (d *Decoder) beginFold(c byte) error {
	if !d.lenient || len(d.fields) == 0 {
		return parseErrorf(InvalidHeader, "%s at the start of a line of the %s", quoteByte(c), d.part())
	}
	d.fields[len(d.fields)-1].folded = true
	d.scan = d.line + 1
	return nil
}

// scanName looks for the colon. Most names are known and need no look at their single bytes.
func (d *Decoder) scanName(text []byte, f *field) error {
	start := int(f.name)
	window := text[:min(len(text), start+d.limits.MaxField+1)]
	end := indexColon(window, d.scan)
	if end < len(window) {
		f.id = lookupName(window[start:end])
	}
	if f.id == 0 {
		for i := d.scan; i < end; i++ {
			if !is(window[i], classToken) {
				return parseErrorf(InvalidHeader, "%s in name %s", quoteByte(window[i]), quote(window[start:i]))
			}
		}
	}
	d.scan = end
	switch {
	case end < len(window) && end == start:
		return parseErrorf(InvalidHeader, "empty name in the %s", d.part())
	case end < len(window):
		f.nameEnd = uint32(end)
		d.scan++
	case end-start > d.limits.MaxField:
		return d.fieldTooLong(text[start:])
	}
	return nil
}

// scanValue looks for the end of the line and returns the start of the next one, or a negative number if there is
// more to come.
func (d *Decoder) scanValue(text []byte, f *field) (next int, err error) {
	value := int(f.nameEnd) + 1
	if value == len(text) {
		return -1, nil
	}
	limit := int(f.name) + d.limits.MaxField + 1
	if isBlank(text[value]) {
		limit++
	}
	end, next, fault := d.scanText(text, limit)
	switch {
	case fault == faultTooLong:
		return -1, d.fieldTooLong(text[f.name:])
	case fault == faultByte:
		return -1, parseErrorf(InvalidHeader, "%s in value of %s", quoteByte(text[end]), quote(text[f.name:f.nameEnd]))
	case next < 0:
		return -1, nil
	}
	for value < end && isBlank(text[value]) {
		value++
	}
	for end > value && isBlank(text[end-1]) {
		end--
	}
	f.value, f.valueEnd = uint32(value), uint32(end)
	return next, nil
}

// fault is what scanText may find wrong with a line.
type fault uint8

const (
	faultNone fault = iota
	faultTooLong
	faultByte // at the index returned as end
)

// scanText goes on from d.scan to the end of a line of free text, which may lie at limit at the latest. It returns
// the end of the text and the start of the next line, negative if there is more to come.
func (d *Decoder) scanText(text []byte, limit int) (end, next int, _ fault) {
	i := d.scan
	if i > limit {
		return i, -1, faultTooLong
	}
	window := text[:min(len(text), limit)]
	for {
		i = indexControl(window, i)
		d.scan = i
		if i == len(text) {
			return i, -1, faultNone
		}
		switch c := text[i]; {
		case c == '\r':
			if i+1 == len(text) {
				return i, -1, faultNone
			}
			if text[i+1] == '\n' {
				return i, i + 2, faultNone
			}
			return i, -1, faultByte
		case c == '\n' && d.lenient:
			return i, i + 1, faultNone
		case c == '\n':
			return i, -1, faultByte
		case i == limit:
			return i, -1, faultTooLong
		case c != '\t' && (!d.lenient || c == 0):
			return i, -1, faultByte
		}
		i++
	}
}

func (d *Decoder) fieldTooLong(field []byte) error {
	name := field
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		name = name[:i]
	}
	return parseErrorf(LineTooLong, "more than %d bytes when reading field %s", d.limits.MaxField, quote(name))
}

// part names the text part being scanned.
func (d *Decoder) part() string {
	if d.state == stateTrailer {
		return "trailer"
	}
	return "head"
}

// headerBuilder makes a Header of fields. Values share one slice and, with the names, one string.
type headerBuilder struct {
	text   string
	header Header
	values []string
	seen   [4]uint64 // known names, by id
}

func newHeaderBuilder(text string, fields int) headerBuilder {
	return headerBuilder{text: text, header: make(Header, fields), values: make([]string, fields)}
}

// value returns the value of a field, folded lines joined.
func (b *headerBuilder) value(f *field) string {
	if f.folded {
		return unfold(b.text[f.value:f.valueEnd])
	}
	return b.text[f.value:f.valueEnd]
}

// has reports whether a field of that known name was added.
func (b *headerBuilder) has(id nameID) bool { return b.seen[id>>6]&(1<<(id&63)) != 0 }

// add adds the value of the field of that index. A known name seen for the first time needs no look into the map.
func (b *headerBuilder) add(i int, f *field, value string) {
	var key string
	known := f.id != 0
	if known {
		key = knownNames[f.id].canonical
	} else {
		key = CanonicalName(b.text[f.name:f.nameEnd])
	}
	if !known || b.has(f.id) {
		if values := b.header[key]; values != nil {
			b.header[key] = append(values, value)
			return
		}
	}
	b.seen[f.id>>6] |= 1 << (f.id & 63)
	b.values[i] = value
	b.header[key] = b.values[i : i+1 : i+1] // full, so that a second value moves to a slice of its own
}

// unfold joins the lines of a folded value with single spaces.
func unfold(value string) string {
	if strings.IndexByte(value, '\n') < 0 {
		return trimBlanks(value)
	}
	var b strings.Builder
	for line := range strings.Lines(value) {
		line = trimBlanks(strings.TrimRight(line, "\r\n"))
		if line != "" && b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(line)
	}
	return b.String()
}

package http1

// The first line of a message, scanned part by part so that a line cut anywhere is resumed and not begun again.
// Exactly one blank separates the parts: tabs, runs of blanks and blanks at the ends are what two servers in a row
// read differently.

// scanRequestLine scans "METHOD target HTTP/1.x" and leaves the decoder in stateFields, or returns for more bytes.
func (d *Decoder) scanRequestLine(text []byte) error {
	if d.state == stateMethod {
		if err := d.scanMethod(text); err != nil || d.state == stateMethod {
			return err
		}
	}
	if d.state == stateTarget {
		if err := d.scanTarget(text); err != nil || d.state == stateTarget {
			return err
		}
	}
	return d.scanVersion(text)
}

// scanMethod accepts the characters of a token but digits. No method in use has one, and a digit here is what the
// end of a body read as a request looks like, when the two sides disagree about its length.
func (d *Decoder) scanMethod(text []byte) error {
	i, end := d.scan, min(len(text), d.limits.MaxLine)
	for i < end && is(text[i], classMethod) {
		i++
	}
	d.scan = i
	if i == len(text) {
		return nil
	}
	if i == end {
		return d.lineTooLong("request line")
	}
	switch c := text[i]; {
	case c == ' ' && i > 0:
		d.methodEnd = i
		d.scan++
		d.enter(stateTarget)
		return nil
	case c <= ' ' || c == 0x7f:
		return parseErrorf(BadStatusLine, "%s after method %s", quoteByte(c), quote(text[:i]))
	default:
		return parseErrorf(BadMethod, "%s after %s", quoteByte(c), quote(text[:i]))
	}
}

func (d *Decoder) scanTarget(text []byte) error {
	end := min(len(text), d.limits.MaxLine)
	i := indexBlankOrControl(text[:end], d.scan)
	d.scan = i
	if i == len(text) {
		return nil
	}
	if i == end {
		return d.lineTooLong("request line")
	}
	target := text[d.methodEnd+1 : i]
	switch c := text[i]; {
	case c == '\r' || c == '\n' || c == '\t':
		return parseErrorf(BadStatusLine, "no version after target %s", quote(target))
	case c != ' ':
		return parseErrorf(InvalidTarget, "%s after %s", quoteByte(c), quote(target))
	case len(target) == 0:
		return parseErrorf(BadStatusLine, "no target after method %s", quote(text[:d.methodEnd]))
	case i+len(" HTTP/1.1") > d.limits.MaxLine:
		return d.lineTooLong("request line")
	}
	d.targetEnd = i
	d.scan = i + 1
	d.enter(stateVersion)
	return nil
}

// scanVersion looks at no more than ten bytes, so it may begin again with each call.
func (d *Decoder) scanVersion(text []byte) error {
	start := d.targetEnd + 1
	version := text[start:]
	fault := shapeFault(version, "HTTP/d.d\r")
	if fault < 0 && len(version) >= len("HTTP/1.1\r") {
		if err := d.setVersion(version); err != nil {
			return err
		}
		fault = shapeFault(version, "HTTP/d.d\r\n")
	}
	if fault >= 0 {
		return parseErrorf(BadStatusLine, "%s in version %s", quoteByte(version[fault]), quote(version[:fault+1]))
	}
	if len(version) < len("HTTP/1.1\r\n") {
		return nil
	}
	d.line = start + len("HTTP/1.1\r\n")
	d.scan = d.line
	d.enter(stateFields)
	return nil
}

// setVersion takes the version from text that begins with "HTTP/d.d".
func (d *Decoder) setVersion(text []byte) error {
	if text[5] != '1' || text[7] > '1' {
		err := parseErrorf(BadVersion, "%s, only HTTP/1.0 and HTTP/1.1 are spoken here", quote(text[:8]))
		err.Status = 505
		return err
	}
	d.minor = int(text[7] - '0')
	return nil
}

// shapeFault compares as much of text as there is with shape, in which 'd' stands for any digit. It returns the
// index of the first byte that does not fit, or -1.
func shapeFault[T string | []byte](text T, shape string) int {
	for i := range min(len(text), len(shape)) {
		if shape[i] == 'd' && is(text[i], classDigit) || shape[i] != 'd' && text[i] == shape[i] {
			continue
		}
		return i
	}
	return -1
}

// scanStatusLine scans "HTTP/1.x ddd" and an optional blank and reason, and leaves the decoder in stateFields, or
// returns for more bytes.
func (d *Decoder) scanStatusLine(text []byte) error {
	const shape = "HTTP/d.d ddd"
	if d.state == stateStatus {
		if fault := shapeFault(text, shape); fault >= 0 {
			return parseErrorf(BadStatusLine, "%s in %s", quoteByte(text[fault]), quote(text[:fault+1]))
		}
		if len(text) <= len(shape) {
			return nil
		}
		if err := d.setVersion(text); err != nil {
			return err
		}
		d.status = int(text[9]-'0')*100 + int(text[10]-'0')*10 + int(text[11]-'0')
		if d.status < 100 {
			return parseErrorf(BadStatusLine, "status %s is below 100", quote(text[9:12]))
		}
		switch c := text[len(shape)]; c {
		case ' ':
			d.scan = len(shape) + 1
		case '\r', '\n':
			d.scan = len(shape)
		default:
			return parseErrorf(BadStatusLine, "%s after status %d", quoteByte(c), d.status)
		}
		d.reason = d.scan
		d.enter(stateReason)
	}
	end, next, fault := d.scanText(text, d.limits.MaxLine)
	switch {
	case fault == faultTooLong:
		return d.lineTooLong("status line")
	case fault == faultByte:
		return parseErrorf(BadStatusLine, "%s in reason %s", quoteByte(text[end]), quote(text[d.reason:end]))
	case next < 0:
		return nil
	}
	d.reasonEnd = end
	d.line, d.scan = next, next
	d.enter(stateFields)
	return nil
}

func (d *Decoder) lineTooLong(what string) error {
	return parseErrorf(LineTooLong, "more than %d bytes when reading the %s", d.limits.MaxLine, what)
}

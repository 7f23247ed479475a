package cli

// Types of flag values: durations that may be plain seconds, as curl's, and sizes with a unit.

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// duration is a flag value: "30", "1.5" and "500ms" are all durations; 0 means none.
type duration time.Duration

// String writes Go's form.
func (d *duration) String() string {
	if *d == 0 {
		return "0"
	}
	s := time.Duration(*d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	return s
}

// Set parses seconds or Go's form.
func (d *duration) Set(s string) error {
	if x, err := strconv.ParseFloat(s, 64); err == nil {
		if !(x >= 0 && x < math.MaxInt64/float64(time.Second)) {
			return errors.New("want seconds, or a duration such as 1m30s")
		}
		*d = duration(x * float64(time.Second))
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return errors.New("want seconds, or a duration such as 1m30s")
	}
	*d = duration(v)
	return nil
}

// Type names the value in help texts.
func (d *duration) Type() string { return "duration" }

// size is a flag value: bytes, or a number with a unit.
type size int64

var sizeUnits = map[string]float64{
	"": 1, "b": 1,
	"k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

// String writes plain bytes.
func (n *size) String() string { return strconv.FormatInt(int64(*n), 10) }

// Set parses "1000", "10k", "1.5MB", "4MiB".
func (n *size) Set(s string) error {
	i := strings.IndexFunc(s, unicode.IsLetter)
	if i < 0 {
		i = len(s)
	}
	unit, known := sizeUnits[strings.ToLower(s[i:])]
	x, err := strconv.ParseFloat(strings.TrimSpace(s[:i]), 64)
	if err != nil || !known || !(x >= 0 && x*unit < math.MaxInt64) {
		return errors.New("want a size such as 1000, 10k or 4MiB")
	}
	*n = size(x * unit)
	return nil
}

// Type names the value in help texts.
func (n *size) Type() string { return "size" }

// parseHeaders turns "Name: value" arguments into headers.
func parseHeaders(list []string) (http.Header, error) {
	h := make(http.Header)
	for _, line := range list {
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || !isToken(name) {
			return nil, fmt.Errorf("header %q: want 'Name: value'", line)
		}
		if strings.IndexFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) >= 0 {
			return nil, fmt.Errorf("header %s: control character in the value", name)
		}
		h.Add(name, value)
	}
	return h, nil
}

// isToken reports whether s may be a header name or a method (RFC 9110 §5.6.2).
func isToken(s string) bool {
	for _, c := range []byte(s) {
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// readData resolves the argument of --data: "@name" is a file, "@-" is stdin.
func readData(arg string, stdin io.Reader) ([]byte, error) {
	name, isFile := strings.CutPrefix(arg, "@")
	switch {
	case !isFile:
		return []byte(arg), nil
	case name == "-":
		data, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("data from standard input: %w", err)
		}
		return data, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("data file %s: %w", name, err)
	}
	return data, nil
}

package web

// Text from bytes in whatever charset the client names.

import (
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// decodeText converts a body to a string. An unknown charset is a 415. Bytes that are invalid in the charset become
// U+FFFD.
func decodeText(body []byte, charset string) (string, error) {
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii":
		return strings.ToValidUTF8(string(body), "\uFFFD"), nil
	}
	enc, err := htmlindex.Get(charset)
	if err != nil {
		return "", HTTPUnsupportedMediaType(WithText("Unknown charset"), WithCause(err))
	}
	text, err := enc.NewDecoder().Bytes(body)
	if err != nil {
		return "", HTTPBadRequest(WithText("Body is not in its charset"), WithCause(err))
	}
	return string(text), nil
}

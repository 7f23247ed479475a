package middleware

// How responses are laid out in a store.
//
// Under the URL itself there is either the one response to it, or, if responses depend on
// headers of the request, an index: the sets of headers they depend on, and a generation.
// The responses then are kept under keys made of the URL, the generation, and a digest of
// the request's values for one of those sets. To invalidate all of them, the index is
// deleted: the next one has another generation, so that nothing old is found again.
//
// A record carries its key and a checksum. One that does not agree with itself is treated
// as if it were not there, and removed.

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"net/http"
	"slices"
	"strings"
)

// index says which variants of a URL there are.
type index struct {
	Generation uint64
	Sets       [][]string // of header names, the one used last in front
}

// maxSets bounds in how many ways the responses of one URL may depend on the request.
const maxSets = 8

// use puts a set in front.
func (x *index) use(set []string) {
	x.Sets = slices.DeleteFunc(x.Sets, func(s []string) bool { return slices.Equal(s, set) })
	x.Sets = slices.Insert(x.Sets, 0, set)
	x.Sets = x.Sets[:min(len(x.Sets), maxSets)]
}

// record is what one key holds: a response or an index.
type record struct {
	Key      string
	Response *cached `json:",omitempty"`
	Index    *index  `json:",omitempty"`
}

// magic begins every record, and changes with the format.
const magic = "aio-cache/1\n"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode lays out a record: magic, checksum of the rest, length of the description, the
// description as JSON, the body.
func (r *record) encode() []byte {
	description, err := json.Marshal(r)
	if err != nil {
		return nil // cannot happen: strings, numbers and dates of four-digit years
	}
	var body []byte
	if r.Response != nil {
		body = r.Response.body
	}
	out := make([]byte, 0, len(magic)+8+len(description)+len(body))
	out = append(out, magic...)
	out = append(out, 0, 0, 0, 0)
	out = binary.BigEndian.AppendUint32(out, uint32(len(description)))
	out = append(append(out, description...), body...)
	binary.BigEndian.PutUint32(out[len(magic):], crc32.Checksum(out[len(magic)+4:], castagnoli))
	return out
}

// decodeRecord returns the record for key, nil if data is none.
func decodeRecord(key string, data []byte) *record {
	rest, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok || len(rest) < 8 || binary.BigEndian.Uint32(rest) != crc32.Checksum(rest[4:], castagnoli) {
		return nil
	}
	size := binary.BigEndian.Uint32(rest[4:])
	if rest = rest[8:]; uint64(size) > uint64(len(rest)) {
		return nil
	}
	var r record
	if json.Unmarshal(rest[:size], &r) != nil || r.Key != key || (r.Response == nil) == (r.Index == nil) {
		return nil
	}
	if r.Response != nil {
		r.Response.body = rest[size:]
	}
	return &r
}

// variant is the set of request headers that a response depends on: those it names, and
// Authorization if the request has one, so that no user is answered with what is
// another's.
func variant(request, response http.Header) []string {
	set := varyNames(response)
	if request["Authorization"] != nil && !slices.Contains(set, "authorization") {
		set = append(set, "authorization")
		slices.Sort(set)
	}
	return set
}

// variantKey is where the response for this request is kept.
func (x *index) variantKey(url string, set []string, request http.Header) string {
	h := sha256.New()
	for _, name := range set {
		h.Write([]byte(name))
		h.Write([]byte{0})
		for _, line := range request.Values(name) {
			for item := range strings.SplitSeq(line, ",") { // spaces and line breaks do not matter
				h.Write([]byte(strings.TrimSpace(item)))
				h.Write([]byte{','})
			}
		}
		h.Write([]byte{0xff})
	}
	var generation [8]byte
	binary.BigEndian.PutUint64(generation[:], x.Generation)
	return url + "\n" + hex.EncodeToString(generation[:]) + hex.EncodeToString(h.Sum(nil)[:16])
}

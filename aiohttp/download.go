package aiohttp

// Download: a URL into a file, completely or not at all.
//
// Bytes go to a file beside the final one, NAME.part, which takes the final name when it is
// complete and its checksum is right; so a file under its final name is never a part of
// one. A part that is left over is continued if the server can prove, by the validator in
// NAME.part.json, that it still has the same thing (RFC 9110 section 13.1.5). Files are
// touched by the executor, never by the loop.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/http1"
)

// ErrChecksum ends a download whose bytes are not the right ones. The part is removed.
var ErrChecksum error = newClass("the checksum is wrong", classPayload)

// A Download says what to fetch and where to put it.
type Download struct {
	// URL is what to fetch, with GET.
	URL string
	// Path is the file to write. What stands there is replaced. Two downloads at a time
	// must not have the same.
	Path string
	// Options are those of every request. Accept-Encoding is always identity: ranges
	// count bytes of what is sent.
	Options []RequestOption
	// Attempts is how often to begin or continue if the connection fails in the middle,
	// with a wait of 1, 2, 4 … seconds up to 30 between them. Default: 3.
	Attempts int
	// Fresh throws a part away that an earlier download has left. Default: it is continued.
	Fresh bool
	// Hash and Sum check the bytes: the download fails with [ErrChecksum] unless Sum is what
	// Hash makes of them. A nil Sum only has Hash fed, for the caller to ask. Default: no
	// check.
	Hash hash.Hash
	Sum  []byte
	// Progress is called after each piece with how much is in the file and how long it will
	// be, -1 if the server does not tell. It must not suspend.
	Progress func(written, total int64)
	// Sync has the file flushed to the disk before it takes its final name.
	Sync bool
}

// DownloadResult is what became of a download.
type DownloadResult struct {
	Bytes    int64       // length of the file
	Resumed  int64       // how much of it was there already
	Attempts int         // requests that were made
	Headers  http.Header // of the last response
}

// partState is kept beside a part so that it can be continued.
type partState struct {
	URL       string `json:"url"`       // without credentials
	Validator string `json:"validator"` // for If-Range: a strong entity tag, or a date
}

const downloadBlock = 256 << 10 // bytes per trip to the executor

// Download fetches a URL into a file, continuing an earlier part where it can; see
// [Download]. It suspends. If it fails, what came stays in the part, for the next attempt,
// and nothing was changed at Path. A status other than 200 or 206 is a
// *ClientResponseError; errors of the file are those of package os.
func (s *ClientSession) Download(ctx context.Context, d Download) (DownloadResult, error) {
	t := &transfer{Download: d, session: s, part: d.Path + ".part", note: d.Path + ".part.json"}
	if d.Attempts <= 0 {
		t.Attempts = 3
	}
	err := t.run(ctx)
	return t.result, err
}

// transfer is a download in progress.
type transfer struct {
	Download
	session    *ClientSession
	part, note string
	file       *os.File
	size       int64 // of the part
	state      partState
	result     DownloadResult
}

// onFile runs f, which touches files, outside the loop.
func onFile(ctx context.Context, f func() error) error {
	_, err := asyncio.ToThread(ctx, func(context.Context) (struct{}, error) { return struct{}{}, f() })
	return err
}

func (t *transfer) run(ctx context.Context) (err error) {
	if err := onFile(ctx, t.open); err != nil {
		return err
	}
	defer func() {
		if t.file != nil {
			closing := t.file
			err = errors.Join(err, onFile(context.WithoutCancel(ctx), closing.Close))
		}
	}()
	t.result.Resumed = t.size
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		again, err := t.attempt(ctx)
		if err == nil {
			return t.finish(ctx)
		}
		if !again || ctx.Err() != nil || t.result.Attempts >= t.Attempts {
			return err
		}
		if err := asyncio.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// open opens the part and reads what there is to know about it.
func (t *transfer) open() error {
	var err error
	if t.file, err = os.OpenFile(t.part, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return err
	}
	note, err := os.ReadFile(t.note)
	if err == nil && !t.Fresh && json.Unmarshal(note, &t.state) == nil && t.state.URL == withoutUserinfo(t.URL) && t.state.Validator != "" {
		if t.size, err = t.file.Seek(0, io.SeekEnd); err == nil {
			return t.rehash()
		}
	}
	return t.restart()
}

// restart empties the part.
func (t *transfer) restart() error {
	t.size, t.state, t.result.Resumed = 0, partState{}, 0
	if t.Hash != nil {
		t.Hash.Reset()
	}
	if err := t.file.Truncate(0); err != nil {
		return err
	}
	_, err := t.file.Seek(0, io.SeekStart)
	return err
}

// rehash feeds the hash with what the part holds.
func (t *transfer) rehash() error {
	if t.Hash == nil {
		return nil
	}
	t.Hash.Reset()
	_, err := io.Copy(t.Hash, io.NewSectionReader(t.file, 0, t.size))
	return err
}

// attempt makes one request and takes its body. again reports whether another may get
// further.
func (t *transfer) attempt(ctx context.Context) (again bool, err error) {
	headers := http.Header{"Accept-Encoding": {"identity"}}
	if t.size > 0 && t.state.Validator == "" { // nothing proves that the rest would belong to it
		if err := onFile(ctx, t.restart); err != nil {
			return false, err
		}
	}
	if t.size > 0 {
		headers["Range"] = []string{"bytes=" + strconv.FormatInt(t.size, 10) + "-"}
		headers["If-Range"] = []string{t.state.Validator}
	}
	t.result.Attempts++
	opts := append([]RequestOption{WithAutoDecompress(false)}, t.Options...)
	resp, err := t.session.Get(ctx, t.URL, append(opts, WithHeaders(headers))...)
	if err != nil {
		return !isPermanent(err), err
	}
	defer resp.Close()
	t.result.Headers = resp.Headers
	total, err := t.begin(ctx, resp)
	if err != nil || total == t.size {
		return worthAnother(resp.Status) || errors.Is(err, errNoContinuation), err
	}
	return true, t.receive(ctx, resp, total)
}

// worthAnother reports whether a request that was refused with the status may succeed
// later; one that asked for a range that does not exist is made again for the whole.
func worthAnother(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusRequestedRangeNotSatisfiable:
		return true
	}
	return status >= 500
}

// begin reads the head of a response: where its body goes, and how long the file will be,
// -1 if that is open.
func (t *transfer) begin(ctx context.Context, resp *ClientResponse) (total int64, err error) {
	switch resp.Status {
	case http.StatusPartialContent:
		start, total, ok := parseContentRange(resp.Headers.Get("Content-Range"))
		if !ok || start != t.size {
			return 0, resp.payloadError(fmt.Errorf("asked for bytes from %d on, got Content-Range %q", t.size, clip(resp.Headers.Get("Content-Range"))))
		}
		if total < 0 || t.contradicts(resp.Headers) { // nobody can tell where it ends, or it belongs to something else
			if err := onFile(ctx, t.restart); err != nil {
				return 0, err
			}
			return 0, resp.payloadError(errNoContinuation)
		}
		return total, nil
	case http.StatusRequestedRangeNotSatisfiable:
		// There is nothing behind what the part holds: it is complete, or of something else.
		if total, ok := unsatisfied(resp.Headers.Get("Content-Range")); ok && total == t.size && t.size > 0 {
			return total, nil
		}
		if err := onFile(ctx, t.restart); err != nil {
			return 0, err
		}
		return 0, t.refused(resp)
	case http.StatusOK:
		if err := onFile(ctx, t.restart); err != nil {
			return 0, err
		}
		t.state = partState{URL: withoutUserinfo(t.URL), Validator: validatorOf(resp.Headers)}
		if err := onFile(ctx, t.saveState); err != nil {
			return 0, err
		}
		if resp.length >= 0 {
			total = resp.length
		} else {
			total = -1
		}
		return total, nil
	}
	return 0, t.refused(resp)
}

// errNoContinuation is what becomes of a part when the server sends something that cannot be put behind it.
var errNoContinuation = errors.New("what the server sent is no continuation of what was there: the download begins anew")

// contradicts reports whether the headers of a 206 name another state of the file than that of the part: a server
// that has not looked at If-Range would make one file of two (RFC 9110 section 15.3.7.3).
func (t *transfer) contradicts(h http.Header) bool {
	name := "Last-Modified"
	if strings.HasPrefix(t.state.Validator, `"`) {
		name = "Etag"
	}
	value := h.Get(name)
	return t.state.Validator != "" && value != "" && value != t.state.Validator
}

func (t *transfer) refused(resp *ClientResponse) error {
	e := resp.responseError("download: " + http.StatusText(resp.Status))
	return &e
}

func (t *transfer) saveState() error {
	if t.state.Validator == "" {
		return ignoreMissing(os.Remove(t.note))
	}
	data, err := json.Marshal(t.state)
	if err != nil {
		return err
	}
	return os.WriteFile(t.note, data, 0o600) // queries hold secrets too
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// receive appends the body to the part, block by block.
func (t *transfer) receive(ctx context.Context, resp *ClientResponse, total int64) error {
	block := make([]byte, downloadBlock)
	for {
		n, err := resp.Content.readFull(ctx, block)
		if n > 0 {
			if err := t.write(ctx, block[:n], total); err != nil {
				return err
			}
		}
		if total >= 0 && t.size > total { // without end, perhaps
			return errors.Join(resp.payloadError(errNoContinuation), onFile(ctx, t.restart))
		}
		switch {
		case err == io.EOF && total >= 0 && t.size != total:
			return resp.payloadError(fmt.Errorf("the file is to have %d bytes, got %d", total, t.size))
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil: // with a fast server nothing else may notice
			return ctx.Err()
		}
	}
}

// write appends a block. It is not interrupted by the end of ctx: what has arrived is kept.
func (t *transfer) write(ctx context.Context, block []byte, total int64) error {
	err := onFile(context.WithoutCancel(ctx), func() error {
		n, err := t.file.WriteAt(block, t.size)
		t.size += int64(n)
		if t.Hash != nil {
			t.Hash.Write(block[:n])
		}
		return err
	})
	if err == nil && t.Progress != nil {
		t.Progress(t.size, total)
	}
	return err
}

// finish checks the part and gives it its final name.
func (t *transfer) finish(ctx context.Context) error {
	t.result.Bytes = t.size
	return onFile(context.WithoutCancel(ctx), func() error {
		file := t.file
		t.file = nil
		if t.Sum != nil && t.Hash != nil && !bytes.Equal(t.Hash.Sum(nil), t.Sum) {
			file.Close()
			return errors.Join(fmt.Errorf("download %s: %w: got %x, want %x", withoutUserinfo(t.URL), ErrChecksum, t.Hash.Sum(nil), t.Sum),
				os.Remove(t.part), ignoreMissing(os.Remove(t.note)))
		}
		if t.Sync {
			if err := file.Sync(); err != nil {
				return errors.Join(err, file.Close())
			}
		}
		if err := file.Close(); err != nil {
			return err
		}
		if err := os.Rename(t.part, t.Path); err != nil {
			return err
		}
		return ignoreMissing(os.Remove(t.note))
	})
}

// validatorOf returns what can stand in If-Range: a strong entity tag or, without one, a
// date that is at least a second older than the response (RFC 9110 section 8.8.2.2).
func validatorOf(h http.Header) string {
	if tag := h.Get("Etag"); strings.HasPrefix(tag, `"`) && http1.ValidHeaderValue(tag) {
		return tag
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		return ""
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || date.Sub(modified) < time.Second {
		return ""
	}
	return h.Get("Last-Modified")
}

// parseContentRange reads "bytes START-END/TOTAL"; a TOTAL of * is -1.
func parseContentRange(v string) (start, total int64, ok bool) {
	spec, found := strings.CutPrefix(v, "bytes ")
	if !found {
		return 0, 0, false
	}
	span, length, _ := strings.Cut(spec, "/")
	first, last, _ := strings.Cut(span, "-")
	start, ok1 := parseDigits(first)
	end, ok2 := parseDigits(last)
	total, ok3 := int64(-1), length == "*"
	if !ok3 {
		total, ok3 = parseDigits(length)
	}
	return start, total, ok1 && ok2 && ok3 && start <= end && (total < 0 || end < total)
}

// unsatisfied reads "bytes */TOTAL".
func unsatisfied(v string) (total int64, ok bool) {
	length, found := strings.CutPrefix(v, "bytes */")
	if !found {
		return 0, false
	}
	return parseDigits(length)
}

func parseDigits(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err == nil && s[0] != '+'
}

package web

// Forms: the fields and files of a request body, URL-encoded or multipart. The limit of the request counts the bytes
// as they were sent, part headers and transfer encodings included, and stops the reading at the byte that exceeds it.
// Files beyond a megabyte go to temporary files, written off the loop.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/aio-go/aio/asyncio"
)

// Form is a decoded form. Values of one name keep the order they were sent in.
type Form struct {
	Values url.Values
	Files  map[string][]*FormFile
}

// Get returns the first value of a name, "" if there is none.
func (f *Form) Get(name string) string { return f.Values.Get(name) }

// File returns the first file of a name, nil if there is none.
func (f *Form) File(name string) *FormFile {
	if files := f.Files[name]; len(files) > 0 {
		return files[0]
	}
	return nil
}

// FormFile is an uploaded file. It exists until its request has been answered.
type FormFile struct {
	Name     string // of the field
	Filename string // as the client called it, without directories
	Headers  textproto.MIMEHeader
	Size     int64

	content []byte
	spooled string // path of the temporary file that holds it instead
}

// Read returns the whole file. It waits for the disk if the file is large, and for nothing otherwise.
func (f *FormFile) Read(ctx context.Context) ([]byte, error) {
	if f.spooled == "" {
		return f.content, nil
	}
	return asyncio.ToThread(ctx, func(context.Context) ([]byte, error) { return os.ReadFile(f.spooled) })
}

// Open returns a reader of the file. Reading a large file blocks on the disk: read it with [asyncio.ToThread].
func (f *FormFile) Open() (io.ReadSeekCloser, error) {
	if f.spooled == "" {
		return nopCloser{bytes.NewReader(f.content)}, nil
	}
	return os.Open(f.spooled)
}

type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }

// formMemory is how much of one file is kept in memory.
const formMemory = 1 << 20

// Post reads the body as a form; a second call returns the same one. A body of another type gives an empty form. A
// malformed one is a 400, one longer than [Request.ClientMaxSize] a 413. It waits and fails as [BodyReader.Read] does.
func (r *Request) Post(ctx context.Context) (*Form, error) {
	if r.form != nil {
		return r.form, nil
	}
	form := &Form{Values: url.Values{}, Files: map[string][]*FormFile{}}
	var err error
	switch r.ContentType() {
	case "application/x-www-form-urlencoded":
		err = r.readURLEncoded(ctx, form)
	case "multipart/form-data":
		err = r.readMultipart(ctx, form)
	}
	if err != nil {
		form.discard(r.Loop())
		return nil, err
	}
	r.form = form
	return form, nil
}

func (r *Request) readURLEncoded(ctx context.Context, form *Form) error {
	text, err := r.Text(ctx)
	if err != nil {
		return err
	}
	if form.Values, err = url.ParseQuery(text); err != nil {
		return HTTPBadRequest(WithText("Malformed form"), WithCause(err))
	}
	return nil
}

// Multipart returns a reader of the parts of a multipart body, for handlers that take them one by one. It reads with
// ctx; the limit of [Request.ClientMaxSize] does not apply. A body that is not multipart is a 415.
func (r *Request) Multipart(ctx context.Context) (*multipart.Reader, error) {
	parts, _, err := r.multipartReader(r.body.Reader(ctx))
	return parts, err
}

func (r *Request) multipartReader(body io.Reader) (_ *multipart.Reader, boundary string, err error) {
	t, params, err := mime.ParseMediaType(r.Headers.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(t, "multipart/") {
		return nil, "", HTTPUnsupportedMediaType(WithText("Not a multipart body"), WithCause(err))
	}
	boundary = params["boundary"]
	if boundary == "" || len(boundary) > 70 {
		return nil, "", HTTPBadRequest(WithText("Malformed multipart boundary"))
	}
	return multipart.NewReader(body, boundary), boundary, nil
}

func (r *Request) readMultipart(ctx context.Context, form *Form) error {
	source := r.body.Reader(ctx)
	if r.wholeRead {
		source = bytes.NewReader(r.whole)
	}
	raw := &rawReader{source: source, limit: r.maxSize}
	parts, boundary, err := r.multipartReader(raw)
	if err != nil {
		return err
	}
	last := []byte("--" + boundary + "--")
	for {
		part, err := parts.NextPart()
		if err == io.EOF && raw.ended && !bytes.Contains(raw.tail, last) {
			err = io.ErrUnexpectedEOF // in a part's header: the reader makes no difference
		}
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = form.add(ctx, part)
		}
		if err != nil {
			return formError(err)
		}
	}
}

// formError makes a 400 of an error of the multipart reader. Errors that have a response, or come from the
// connection, stay what they are.
func formError(err error) error {
	if responseTo(err) != nil || errors.Is(err, ErrConnectionLost) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return HTTPBadRequest(WithText("Malformed multipart body"), WithCause(err))
}

// add reads one part into the form.
func (f *Form) add(ctx context.Context, part *multipart.Part) error {
	name := part.FormName()
	if part.FileName() == "" && !isFilePart(part) {
		body, err := io.ReadAll(part)
		if err != nil {
			return err
		}
		_, params, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		text, err := decodeText(body, params["charset"])
		if err != nil {
			return err
		}
		f.Values.Add(name, text)
		return nil
	}
	file := &FormFile{Name: name, Filename: safeFilename(part.FileName()), Headers: part.Header}
	f.Files[name] = append(f.Files[name], file)
	return file.fill(ctx, part)
}

// isFilePart reports whether a part without a name for its file is one nevertheless: browsers send filename="" for a
// file field that was left empty.
func isFilePart(part *multipart.Part) bool {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	_, ok := params["filename"]
	return err == nil && ok
}

// safeFilename drops directories, whichever system's they are, and what cannot stand in a file name.
func safeFilename(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
	if name == "." || name == ".." || name == "/" {
		return ""
	}
	return name
}

// fill reads the content, into memory first and to a temporary file when it is too large for that.
func (f *FormFile) fill(ctx context.Context, src io.Reader) error {
	content, err := io.ReadAll(io.LimitReader(src, formMemory+1))
	f.Size = int64(len(content))
	if err != nil || len(content) <= formMemory {
		f.content = content
		return err
	}
	// What is begun with the file is seen to its end: one that nobody knew of would never be removed.
	settled := context.WithoutCancel(ctx)
	spool, err := asyncio.ToThread(settled, func(context.Context) (*os.File, error) {
		return os.CreateTemp("", "web-upload-*")
	})
	if err != nil {
		return fmt.Errorf("spool upload: %w", err)
	}
	f.spooled = spool.Name()
	f.Size = 0
	for {
		_, err = asyncio.ToThread(settled, func(context.Context) (int, error) { return spool.Write(content) })
		f.Size += int64(len(content))
		if err != nil {
			break
		}
		content = content[:formMemory]
		var n int
		if n, err = io.ReadFull(src, content); n == 0 && err != nil {
			break
		}
		content = content[:n]
	}
	closed := spool.Close()
	if err == io.EOF {
		err = closed
	}
	return err
}

// spooled lists the temporary files.
func (f *Form) spooled() []string {
	var paths []string
	for _, files := range f.Files {
		for _, file := range files {
			if file.spooled != "" {
				paths = append(paths, file.spooled)
			}
		}
	}
	return paths
}

// discard removes the temporary files, off the loop and without waiting for it.
func (f *Form) discard(l *asyncio.EventLoop) {
	paths := f.spooled()
	if len(paths) == 0 {
		return
	}
	asyncio.RunInExecutor(l, func(context.Context) (struct{}, error) {
		var errs []error
		for _, path := range paths {
			errs = append(errs, os.Remove(path))
		}
		return struct{}{}, errors.Join(errs...)
	})
}

// rawReader counts what is read of a multipart body and remembers how it ends. It fails with a 413 at the byte that
// exceeds the limit; 0 means no limit.
type rawReader struct {
	source io.Reader
	limit  int64
	read   int64
	tail   []byte // the last bytes read
	ended  bool
}

func (r *rawReader) Read(p []byte) (int, error) {
	n, err := r.source.Read(p)
	r.ended = err == io.EOF
	r.read += int64(n)
	r.tail = append(r.tail, p[max(0, n-tailSize):n]...)
	r.tail = r.tail[max(0, len(r.tail)-tailSize):]
	if r.limit > 0 && r.read > r.limit {
		return 0, HTTPRequestEntityTooLarge(r.limit, r.read)
	}
	return n, err
}

// tailSize is enough for the last boundary, and for an epilogue of a line or two.
const tailSize = 256

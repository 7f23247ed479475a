package web

// Files as responses. Everything that touches the disk runs in the executor: a small file costs one trip there (open,
// look, read, close), a large one is read piece by piece as the client takes it.

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/aio-go/aio/asyncio"
)

// FileResponse is a response with the content of a file. It answers conditional requests and requests for one range.
// A file that is not there is a 404, one that is no regular file or may not be read a 403.
type FileResponse struct {
	Path        string
	Status      int         // 0: 200, or what the request's conditions make of it
	Headers     http.Header // nil: none
	ContentType string      // "": by the file's extension, application/octet-stream if that is not known

	root   *os.Root // if set, Path is relative to it and cannot leave it
	file   *os.File // what is not read yet
	first  []byte   // what was read already
	result int      // status to send
	length int64    // of the body

	outgoing
}

// NewFileResponse makes a response with the content of the file at path.
func NewFileResponse(path string) *FileResponse { return &FileResponse{Path: path} }

// filePiece is how much of a file is read and sent at once.
const filePiece = 256 << 10

// StatusCode implements [AnyResponse].
func (f *FileResponse) StatusCode() int {
	if f.result != 0 {
		return f.result
	}
	return statusOr200(f.Status)
}

// Header implements [AnyResponse].
func (f *FileResponse) Header() http.Header {
	if f.Headers == nil {
		f.Headers = make(http.Header)
	}
	return f.Headers
}

// Prepare opens the file and sends the head. It waits for the disk. It fails with an [*HTTPError] if the file cannot be
// sent.
func (f *FileResponse) Prepare(ctx context.Context, req *Request) error {
	if f.state == responseFresh && f.result == 0 {
		opened, err := asyncio.ToThread(ctx, func(context.Context) (*openedFile, error) {
			return f.open(req.Method, req.Headers)
		})
		if err != nil {
			return fileError(err)
		}
		f.adopt(opened)
	}
	return f.prepare(ctx, f, req)
}

// openedFile is what a trip to the disk brings back.
type openedFile struct {
	file        *os.File // nil if all there is to send is in first
	first       []byte
	status      int
	part        span
	version     version
	contentType string
}

// open runs in the executor.
func (f *FileResponse) open(method string, headers http.Header) (_ *openedFile, err error) {
	file, info, err := f.openRegular()
	if err != nil {
		return nil, err
	}
	o := &openedFile{file: file}
	defer func() {
		if err != nil || o.file == nil {
			file.Close()
		}
	}()
	o.version = version{
		etag:     `"` + strconv.FormatInt(info.ModTime().UnixNano(), 16) + "-" + strconv.FormatInt(info.Size(), 16) + `"`,
		modified: info.ModTime(),
		size:     info.Size(),
	}
	o.contentType = typeByExtension(f.Path)
	o.status, o.part = f.Status, span{0, info.Size()}
	if o.status == 0 {
		o.status, o.part = evaluate(headers, o.version)
	}
	if method == "HEAD" || o.part.length == 0 {
		o.file = nil
		return o, nil
	}
	if o.part.start > 0 {
		if _, err := file.Seek(o.part.start, io.SeekStart); err != nil {
			return nil, err
		}
	}
	o.first = make([]byte, min(o.part.length, filePiece))
	if _, err := io.ReadFull(file, o.first); err != nil {
		return nil, err
	}
	if int64(len(o.first)) == o.part.length {
		o.file = nil
	}
	return o, nil
}

var errNotRegular = errors.New("not a regular file")

// openRegular looks before it opens: opening a pipe would wait for its writer.
func (f *FileResponse) openRegular() (*os.File, fs.FileInfo, error) {
	stat, open := os.Stat, os.Open
	if f.root != nil {
		stat, open = f.root.Stat, f.root.Open
	}
	info, err := stat(f.Path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errNotRegular
	}
	file, err := open(f.Path)
	if err != nil {
		return nil, nil, err
	}
	if info, err = file.Stat(); err == nil && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// fileError turns an error of the file system into a response. Whatever keeps a file from being found is one 404, so
// that nothing can be learnt about what lies elsewhere.
func fileError(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, errNotRegular):
		return HTTPForbidden(WithCause(err))
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) && (pe.Op == "read" || pe.Op == "seek") {
		return err
	}
	return HTTPNotFound(WithCause(err))
}

// adopt takes over what was opened.
func (f *FileResponse) adopt(o *openedFile) {
	f.file, f.first, f.result, f.length = o.file, o.first, o.status, o.part.length
	h := f.Header()
	setDefault(h, "Etag", o.version.etag)
	setDefault(h, "Last-Modified", o.version.modified.UTC().Format(http.TimeFormat))
	setDefault(h, "Accept-Ranges", "bytes")
	if f.ContentType == "" {
		f.ContentType = o.contentType
	}
	switch f.result {
	case http.StatusPartialContent:
		h.Set("Content-Range", o.part.contentRange(o.version.size))
	case http.StatusRequestedRangeNotSatisfiable:
		h.Set("Content-Range", "bytes */"+strconv.FormatInt(o.version.size, 10))
		f.ContentType = ""
	}
}

func setDefault(h http.Header, name, value string) {
	if len(h[name]) == 0 {
		h.Set(name, value)
	}
}

func (f *FileResponse) head() responseHead {
	return responseHead{
		status:      f.StatusCode(),
		headers:     f.Headers,
		cookies:     f.cookies,
		contentType: f.ContentType,
		length:      f.length,
	}
}

// WriteEOF sends the content. It waits for the disk and for the client.
func (f *FileResponse) WriteEOF(ctx context.Context) error {
	switch f.state {
	case responseFresh:
		return errNotPrepared
	case responseEnded:
		return nil
	}
	defer f.close()
	if err := f.write(ctx, f.first); err != nil {
		return err
	}
	piece := f.first
	for f.file != nil && f.left > 0 && f.framing == framingLength {
		n, err := asyncio.ToThread(ctx, func(context.Context) (int, error) {
			return io.ReadFull(f.file, piece[:min(f.left, int64(len(piece)))])
		})
		if err != nil {
			return err // shorter than it was: the length cannot be kept
		}
		if err := f.write(ctx, piece[:n]); err != nil {
			return err
		}
	}
	return f.end(ctx)
}

// close gives the file back. Closing a file that was only read does not wait for the disk.
func (f *FileResponse) close() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}

// typeByExtension guesses a media type. Compressed files are what they are: the type is that of the archive, and no
// Content-Encoding is implied.
func typeByExtension(path string) string {
	ext := filepath.Ext(path)
	switch ext {
	case ".gz":
		return "application/gzip"
	case ".br":
		return "application/x-brotli"
	case ".bz2":
		return "application/x-bzip2"
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

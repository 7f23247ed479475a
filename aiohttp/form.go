package aiohttp

// Forms: urlencoded as long as they are plain text, multipart as soon as a field is
// a file or has a type of its own.

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// FormData is a form under construction; give it to WithData.
type FormData struct {
	options []MultipartOption
	fields  []formField
	parts   bool // it has to be multipart
}

type formField struct {
	name, filename, mediaType string
	value                     any
}

// FieldOption describes a field of a form.
type FieldOption func(*formField)

// WithFilename makes the field a file of that name. Default: an *os.File has its own
// name, anything else none.
func WithFilename(name string) FieldOption { return func(f *formField) { f.filename = name } }

// WithContentType sets the media type of the field. Default: what the kind of value
// has.
func WithContentType(t string) FieldOption { return func(f *formField) { f.mediaType = t } }

// NewFormData returns an empty form.
func NewFormData(opts ...MultipartOption) *FormData { return &FormData{options: opts} }

// AddField adds a field. A string stays a plain field; everything else WithData
// takes makes the form multipart, and so do the options.
func (f *FormData) AddField(name string, value any, opts ...FieldOption) *FormData {
	field := formField{name: name, value: value}
	if file, ok := value.(*os.File); ok {
		field.filename = filepath.Base(file.Name())
	}
	for _, o := range opts {
		o(&field)
	}
	_, text := value.(string)
	f.parts = f.parts || !text || field.filename != "" || field.mediaType != ""
	f.fields = append(f.fields, field)
	return f
}

// IsMultipart reports whether the form will be sent as multipart/form-data.
func (f *FormData) IsMultipart() bool { return f.parts }

func (f *FormData) payload() (payload, error) {
	if !f.parts {
		var b strings.Builder
		for i, field := range f.fields {
			if i > 0 {
				b.WriteByte('&')
			}
			text, _ := field.value.(string)
			b.WriteString(url.QueryEscape(field.name) + "=" + url.QueryEscape(text))
		}
		return &memoryPayload{data: []byte(b.String()), mediaType: typeForm}, nil
	}
	w := NewMultipartWriter("form-data", f.options...)
	for _, field := range f.fields {
		if err := field.appendTo(w); err != nil {
			return nil, err
		}
	}
	return w, w.err
}

func (f *formField) appendTo(w *MultipartWriter) error {
	p, err := newPayload(f.value)
	if err != nil {
		return err
	}
	if p == nil {
		return errors.New("aiohttp: a field of a form cannot be nil")
	}
	disposition := fmt.Sprintf(`form-data; name="%s"`, quoteParameter(f.name))
	if f.filename != "" {
		disposition += fmt.Sprintf(`; filename="%s"`, quoteParameter(f.filename))
	}
	h := http.Header{"Content-Disposition": {disposition}}
	if text, ok := f.value.(string); ok {
		p = &memoryPayload{data: []byte(text)} // RFC 7578: plain text needs no type
	}
	if f.mediaType != "" {
		h["Content-Type"] = []string{f.mediaType}
	}
	return w.append(p, h)
}

// quoteParameter writes a name the way browsers do: the three characters that would
// end the parameter or the line are percent-encoded, everything else stays.
func quoteParameter(s string) string { return parameterQuoter.Replace(s) }

var parameterQuoter = strings.NewReplacer("\r", "%0D", "\n", "%0A", `"`, "%22")

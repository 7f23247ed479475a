package sink

// One named output (-o FILE): a regular file is replaced when the new one is complete; what is not a regular file, such
// as a device, a named pipe or standard output, is written to directly, because nothing can be renamed over it.

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"os"
	"path/filepath"
)

// Output receives one body. It is used by one goroutine at a time and ends with Finish or Discard.
type Output interface {
	Write(p []byte) (int, error)
	Finish() (Written, error)
	Discard()
}

// CreateOutput opens path for one body. A symbolic link is followed.
func CreateOutput(path string, opts Options) (Output, error) {
	target := path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		target = real
	}
	if st, err := os.Stat(target); err == nil && !st.Mode().IsRegular() {
		f, err := os.OpenFile(target, os.O_WRONLY, 0)
		if err != nil {
			return nil, explain("open "+path, err)
		}
		return newStream(f, path, opts, true), nil
	}
	back, err := openBackend(filepath.Dir(target))
	if err != nil {
		return nil, explain("write to "+path, err)
	}
	d := &Dir{path: filepath.Dir(target), opts: opts, back: back}
	f, err := d.Create()
	if err != nil {
		back.close()
		return nil, err
	}
	return &replacement{f: f, name: filepath.Base(target), path: path}, nil
}

// Output returns an Output that becomes a file of d under the first free name of n. The file is created by the first
// Write or by Finish, so that an answer that fails before its body costs the disk nothing.
func (d *Dir) Output(n Namer) Output {
	return &lazy{open: func() (Output, error) {
		f, err := d.Create()
		if err != nil {
			return nil, err
		}
		return fileOutput{f, n}, nil
	}}
}

// FileOutput is CreateOutput at the first Write or at Finish.
func FileOutput(path string, opts Options) Output {
	return &lazy{open: func() (Output, error) { return CreateOutput(path, opts) }}
}

// lazy opens its output when it is first needed.
type lazy struct {
	open func() (Output, error)
	out  Output
}

func (l *lazy) ready() (err error) {
	if l.out == nil {
		l.out, err = l.open()
	}
	return err
}

func (l *lazy) Write(p []byte) (int, error) {
	if err := l.ready(); err != nil {
		return 0, err
	}
	return l.out.Write(p)
}

func (l *lazy) Finish() (Written, error) {
	if err := l.ready(); err != nil {
		return Written{}, err
	}
	return l.out.Finish()
}

func (l *lazy) Discard() {
	if l.out != nil {
		l.out.Discard()
	}
}

// fileOutput is a File of a Dir with the name it is to get.
type fileOutput struct {
	*File
	name Namer
}

func (o fileOutput) Finish() (Written, error) { return o.Publish(o.name) }

// StreamOutput writes one body to a file that is already open, such as standard output, and leaves it open.
func StreamOutput(f *os.File, name string, opts Options) Output {
	return newStream(f, name, opts, false)
}

// replacement becomes the file of that name on Finish.
type replacement struct {
	f    *File
	name string
	path string
}

func (r *replacement) Write(p []byte) (int, error) { return r.f.Write(p) }

func (r *replacement) Finish() (Written, error) {
	defer r.f.dir.Close()
	w, err := r.f.publishOver(r.name)
	w.Path = r.path
	return w, err
}

func (r *replacement) Discard() {
	r.f.Discard()
	r.f.dir.Close()
}

// stream is written to as the body comes.
type stream struct {
	f     *os.File
	name  string
	owned bool
	sum   hash.Hash
	n     int64
}

func newStream(f *os.File, name string, opts Options, owned bool) *stream {
	s := &stream{f: f, name: name, owned: owned}
	if opts.Hash {
		s.sum = sha256.New()
	}
	return s
}

func (s *stream) Write(p []byte) (int, error) {
	n, err := s.f.Write(p)
	s.n += int64(n)
	if err != nil {
		return n, explain("write to "+s.name, err)
	}
	if s.sum != nil {
		s.sum.Write(p)
	}
	return n, nil
}

func (s *stream) Finish() (Written, error) {
	if s.owned {
		if err := s.f.Close(); err != nil {
			return Written{}, explain("write to "+s.name, err)
		}
	}
	w := Written{Path: s.name, Bytes: s.n}
	if s.sum != nil {
		w.SHA256 = hex.EncodeToString(s.sum.Sum(nil))
	}
	return w, nil
}

func (s *stream) Discard() {
	if s.owned {
		s.f.Close()
	}
}

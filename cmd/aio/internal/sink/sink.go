// Package sink puts bodies on disk so that a final name never shows a partial file.
//
// A body is written to a file that has a temporary name, or on Linux no name at all (O_TMPFILE), and gets its final name
// when it is complete, in a way that never replaces another file unless asked to. Whatever happens in between, an
// error, a cancelled download, a full disk, leaves nothing behind; on Linux not even SIGKILL does.
//
// Nothing here knows the event loop: every method blocks, and the caller runs them on the executor.
package sink

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// maxNames bounds how often Publish asks for another name. Names after the third contain a counter, so it is reached
// only where files are being created as fast as they are tried.
const maxNames = 1000

// SyncPolicy says what is forced to the disk before a file counts as written.
type SyncPolicy int

const (
	// SyncNone leaves it to the operating system, as curl and wget do. After a crash of the program everything under a
	// final name is complete; after a power failure the last half minute of files may be missing or empty.
	SyncNone SyncPolicy = iota
	// SyncFile calls fsync on each file before it gets its final name: a name that survives a power failure has its
	// whole content.
	SyncFile
	// SyncAll also calls fsync on the directory after each file: what was reported as written survives.
	SyncAll
)

var syncNames = [...]string{"none", "file", "all"}

// String returns the name that Set takes.
func (p SyncPolicy) String() string { return syncNames[p] }

// Set parses a policy; with String and Type it makes SyncPolicy a command-line flag.
func (p *SyncPolicy) Set(s string) error {
	for i, name := range syncNames {
		if s == name {
			*p = SyncPolicy(i)
			return nil
		}
	}
	return errors.New("want none, file or all")
}

// Type names the flag's value in help texts.
func (p *SyncPolicy) Type() string { return "policy" }

// Namer supplies the final name, and another one when that is taken.
type Namer interface {
	String() string
	Next() string
}

// Options configure a Dir. The zero value computes no digest, replaces nothing and syncs nothing.
type Options struct {
	Hash    bool       // compute SHA-256 while writing
	Replace bool       // replace files that are older than this Dir; never those written through it
	Sync    SyncPolicy // see there
}

// Dir is a directory that receives files. Its methods may be used from several goroutines.
type Dir struct {
	path  string
	opts  Options
	back  backend
	since time.Time // by the file system's own clock
}

// backend creates unpublished files in one directory.
type backend interface {
	create() (handle, error)
	syncDir() error
	close() error
}

// handle is one unpublished file. publish gives it a final name; without replace it fails with fs.ErrExist when the name
// is taken. discard removes it and after a successful publish just closes it.
type handle interface {
	write(p []byte) error
	sync() error
	publish(name string, replace bool) error
	discard()
}

// Open creates path with its parents if need be and prepares to write there.
func Open(path string, opts Options) (*Dir, error) {
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, explain("create directory "+path, err)
	}
	d := &Dir{path: path, opts: opts}
	back, err := openBackend(path)
	if err != nil {
		return nil, explain("write to "+path, err)
	}
	d.back = back
	if opts.Replace {
		d.since, err = clock(path)
		if err != nil {
			back.close()
			return nil, explain("write to "+path, err)
		}
	}
	return d, nil
}

// clock returns the time that the file system gives to what is written now.
func clock(dir string) (time.Time, error) {
	f, err := os.CreateTemp(dir, tempPrefix+"*"+tempSuffix)
	if err != nil {
		return time.Time{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return time.Time{}, err
	}
	return st.ModTime(), nil
}

// Path returns the directory as it was given to Open.
func (d *Dir) Path() string { return d.path }

// Close releases the directory. Files created before stay usable.
func (d *Dir) Close() error { return d.back.close() }

// WriteFile writes and publishes a whole body at once and returns what became of it.
func (d *Dir) WriteFile(n Namer, body []byte) (Written, error) {
	f, err := d.Create()
	if err != nil {
		return Written{}, err
	}
	if _, err := f.Write(body); err != nil {
		f.Discard()
		return Written{}, err
	}
	return f.Publish(n)
}

// Create starts a file without a final name.
func (d *Dir) Create() (*File, error) {
	h, err := d.back.create()
	if err != nil {
		return nil, explain("create file in "+d.path, err)
	}
	f := &File{dir: d, h: h}
	if d.opts.Hash {
		f.sum = sha256.New()
	}
	return f, nil
}

// Written describes a published file.
type Written struct {
	Path   string // directory and name
	Bytes  int64
	SHA256 string // hexadecimal, empty without Options.Hash
}

// File is being written. One goroutine at a time uses it, and ends with Publish or Discard.
type File struct {
	dir *Dir
	h   handle
	sum hash.Hash
	n   int64
}

// Write implements io.Writer; it writes all of p or fails.
func (f *File) Write(p []byte) (int, error) {
	if err := f.h.write(p); err != nil {
		return 0, explain("write to "+f.dir.path, err)
	}
	if f.sum != nil {
		f.sum.Write(p)
	}
	f.n += int64(len(p))
	return len(p), nil
}

// Publish completes the file under the first name of n that is free. If it fails, nothing is left.
func (f *File) Publish(n Namer) (Written, error) {
	return f.publish(func() (string, error) {
		name := n.String()
		for range maxNames {
			err := f.h.publish(name, false)
			if !errors.Is(err, fs.ErrExist) {
				return name, err
			}
			if f.dir.replaceable(name) {
				return name, f.h.publish(name, true)
			}
			name = n.Next()
		}
		return name, fs.ErrExist
	})
}

// publishOver completes the file under name, whatever has it now.
func (f *File) publishOver(name string) (Written, error) {
	return f.publish(func() (string, error) { return name, f.h.publish(name, true) })
}

func (f *File) publish(settle func() (name string, err error)) (Written, error) {
	defer f.h.discard()
	if f.dir.opts.Sync >= SyncFile {
		if err := f.h.sync(); err != nil {
			return Written{}, explain("sync file in "+f.dir.path, err)
		}
	}
	name, err := settle()
	if err != nil {
		return Written{}, explain("publish "+filepath.Join(f.dir.path, name), err)
	}
	if f.dir.opts.Sync >= SyncAll {
		if err := f.dir.back.syncDir(); err != nil {
			return Written{}, explain("sync directory "+f.dir.path, err)
		}
	}
	w := Written{Path: filepath.Join(f.dir.path, name), Bytes: f.n}
	if f.sum != nil {
		w.SHA256 = hex.EncodeToString(f.sum.Sum(nil))
	}
	return w, nil
}

// Discard removes the unfinished file.
func (f *File) Discard() { f.h.discard() }

// replaceable reports whether name is a regular file from before this Dir was opened.
func (d *Dir) replaceable(name string) bool {
	if !d.opts.Replace {
		return false
	}
	st, err := os.Lstat(filepath.Join(d.path, name))
	return err == nil && st.Mode().IsRegular() && st.ModTime().Before(d.since)
}

// explain reduces the nested errors of package os to the operation, which names the path, and the reason.
func explain(op string, err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return fmt.Errorf("%s: %w", op, errno)
	}
	return fmt.Errorf("%s: %w", op, err)
}

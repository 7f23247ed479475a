package sink

// The portable backend: a hidden temporary name in the same directory, then a rename that refuses to replace. A process
// that is killed outright leaves the temporary file; its name says whose it was.

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
)

const (
	tempPrefix = ".aio-"
	tempSuffix = ".part"
)

var tempCount atomic.Int64

// tempName returns a name that no other file of this process has.
func tempName() string {
	return tempPrefix + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(tempCount.Add(1), 10) + tempSuffix
}

type namedBackend struct{ dir string }

// probeNamed reports at once a directory that cannot be written to.
func probeNamed(dir string) (backend, error) {
	b := namedBackend{dir: dir}
	h, err := b.create()
	if err != nil {
		return nil, err
	}
	h.discard()
	return b, nil
}

func (b namedBackend) create() (handle, error) {
	for {
		name := filepath.Join(b.dir, tempName())
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue // left by a killed process that had the same number
		}
		if err != nil {
			return nil, err
		}
		return &namedFile{dir: b.dir, temp: name, f: f}, nil
	}
}

func (b namedBackend) syncDir() error {
	d, err := os.Open(b.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (b namedBackend) close() error { return nil }

type namedFile struct {
	dir  string
	temp string // empty once published
	f    *os.File
}

func (h *namedFile) write(p []byte) error {
	_, err := h.f.Write(p)
	return err
}

func (h *namedFile) sync() error { return h.f.Sync() }

func (h *namedFile) publish(name string, replace bool) error {
	if h.f != nil {
		// Some file systems report a failed write only here, and Windows renames closed files only.
		err := h.f.Close()
		h.f = nil
		if err != nil {
			return err
		}
	}
	move := renameNoReplace
	if replace {
		move = os.Rename
	}
	if err := move(h.temp, filepath.Join(h.dir, name)); err != nil {
		return err
	}
	h.temp = ""
	return nil
}

func (h *namedFile) discard() {
	if h.f != nil {
		h.f.Close()
		h.f = nil
	}
	if h.temp != "" {
		os.Remove(h.temp)
		h.temp = ""
	}
}

// linkNoReplace is the way of every POSIX system. File systems without hard links get a check before the rename, which
// another process may slip through.
func linkNoReplace(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		return os.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return os.Rename(from, to)
}

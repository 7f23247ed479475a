package sink_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/cmd/aio/internal/sink"
)

// names is a Namer over a fixed list.
type names []string

func (n *names) String() string { return (*n)[0] }
func (n *names) Next() string   { *n = (*n)[1:]; return (*n)[0] }

func fixed(list ...string) *names { n := names(list); return &n }

// backends runs f on the platform's own backend and on the portable one.
func backends(t *testing.T, f func(t *testing.T, open func(string, sink.Options) (*sink.Dir, error))) {
	t.Run("native", func(t *testing.T) { f(t, sink.Open) })
	t.Run("portable", func(t *testing.T) { f(t, sink.OpenPortable) })
}

func mustOpen(t *testing.T, open func(string, sink.Options) (*sink.Dir, error), dir string, opts sink.Options) *sink.Dir {
	t.Helper()
	d, err := open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// content returns every file below dir, hidden ones included.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = string(b)
	}
	return got
}

func expect(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if got := content(t, dir); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("directory: got %q want %q", got, want)
	}
}

func TestFileAppearsOnlyWhenComplete(t *testing.T) {
	backends(t, func(t *testing.T, open func(string, sink.Options) (*sink.Dir, error)) {
		dir := filepath.Join(t.TempDir(), "new", "deep")
		d := mustOpen(t, open, dir, sink.Options{Hash: true})
		f, err := d.Create()
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte("hello "))
		f.Write([]byte("world"))
		if _, err := os.Lstat(filepath.Join(dir, "x")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("before Publish: got %v want not-exist", err)
		}
		w, err := f.Publish(fixed("x"))
		sum := sha256.Sum256([]byte("hello world"))
		want := sink.Written{Path: filepath.Join(dir, "x"), Bytes: 11, SHA256: hex.EncodeToString(sum[:])}
		if err != nil || w != want {
			t.Errorf("got %+v %v want %+v", w, err, want)
		}
		expect(t, dir, map[string]string{"x": "hello world"})
	})
}

func TestDiscardLeavesNothing(t *testing.T) {
	backends(t, func(t *testing.T, open func(string, sink.Options) (*sink.Dir, error)) {
		dir := t.TempDir()
		d := mustOpen(t, open, dir, sink.Options{})
		f, err := d.Create()
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte("half"))
		f.Discard()
		f.Discard()
		expect(t, dir, nil)
	})
}

func TestTakenNameIsNeverReplaced(t *testing.T) {
	backends(t, func(t *testing.T, open func(string, sink.Options) (*sink.Dir, error)) {
		dir := t.TempDir()
		os.WriteFile(filepath.Join(dir, "x"), []byte("old"), 0o666)
		os.Symlink("nowhere", filepath.Join(dir, "y"))
		os.Mkdir(filepath.Join(dir, "z"), 0o777)
		d := mustOpen(t, open, dir, sink.Options{})
		w, err := d.WriteFile(fixed("x", "y", "z", "free"), []byte("new"))
		if err != nil || w.Path != filepath.Join(dir, "free") {
			t.Errorf("got %+v %v want free", w, err)
		}
		if b, _ := os.ReadFile(filepath.Join(dir, "x")); string(b) != "old" {
			t.Errorf("x: got %q want old", b)
		}
	})
}

func TestReplaceSparesFilesOfTheSameRun(t *testing.T) {
	backends(t, func(t *testing.T, open func(string, sink.Options) (*sink.Dir, error)) {
		dir := t.TempDir()
		old := filepath.Join(dir, "x")
		os.WriteFile(old, []byte("old"), 0o666)
		hourAgo := time.Now().Add(-time.Hour)
		os.Chtimes(old, hourAgo, hourAgo)
		d := mustOpen(t, open, dir, sink.Options{Replace: true})
		for i, want := range []string{"x", "x-2"} {
			w, err := d.WriteFile(fixed("x", "x-2"), []byte{byte('a' + i)})
			if err != nil || filepath.Base(w.Path) != want {
				t.Errorf("file %d: got %+v %v want %s", i, w, err, want)
			}
		}
		expect(t, dir, map[string]string{"x": "a", "x-2": "b"})
	})
}

func TestConcurrentWritersNeverShareAName(t *testing.T) {
	backends(t, func(t *testing.T, open func(string, sink.Options) (*sink.Dir, error)) {
		dir := t.TempDir()
		d := mustOpen(t, open, dir, sink.Options{})
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := range 50 {
					list := []string{"same"}
					for k := range 250 {
						list = append(list, fmt.Sprint("same-", k))
					}
					if _, err := d.WriteFile(fixed(list...), []byte(fmt.Sprint(w, ".", i))); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		seen := map[string]bool{}
		for _, body := range content(t, dir) {
			seen[body] = true
		}
		if len(seen) != 200 {
			t.Errorf("got %d distinct bodies want 200", len(seen))
		}
	})
}

func TestFailureGivesOneReasonAndLeavesNothing(t *testing.T) {
	full := &os.PathError{Op: "write", Path: "/some/where", Err: syscall.ENOSPC}
	for _, op := range []string{"create", "write", "sync", "publish"} {
		backends(t, func(t *testing.T, open func(string, sink.Options) (*sink.Dir, error)) {
			dir := t.TempDir()
			d := mustOpen(t, open, dir, sink.Options{Sync: sink.SyncFile})
			sink.FailAt(d, op, 2, full)
			for i, want := range []error{nil, syscall.ENOSPC, nil} {
				_, err := d.WriteFile(fixed(fmt.Sprint(i)), []byte("x"))
				if !errors.Is(err, want) {
					t.Errorf("%s, file %d: got %v want %v", op, i, err, want)
				}
				if err != nil && (strings.Count(err.Error(), "no space left") != 1 || !strings.Contains(err.Error(), dir)) {
					t.Errorf("%s: unclear reason: %v", op, err)
				}
			}
			expect(t, dir, map[string]string{"0": "x", "2": "x"})
		})
	}
}

func TestFullFileSystemIsReportedAsSuch(t *testing.T) {
	dir := t.TempDir()
	if err := mountTiny(dir); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() { unmount(dir) })
	d := mustOpen(t, sink.Open, dir, sink.Options{})
	_, err := d.WriteFile(fixed("big"), bytes.Repeat([]byte("x"), 1<<20))
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v want ENOSPC", err)
	}
	if _, err := d.WriteFile(fixed("small"), []byte("x")); err != nil {
		t.Errorf("after the failure: %v", err)
	}
	expect(t, dir, map[string]string{"small": "x"})
	d.Close()
	if err := remountReadOnly(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Open(dir, sink.Options{}); !errors.Is(err, syscall.EROFS) {
		t.Errorf("read-only: got %v want EROFS", err)
	}
}

func TestSingleOutputReplacesOnlyOnFinish(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	os.WriteFile(path, []byte("old"), 0o666)
	for _, finish := range []bool{false, true} {
		o, err := sink.CreateOutput(path, sink.Options{Hash: true})
		if err != nil {
			t.Fatal(err)
		}
		o.Write([]byte("new"))
		want := "old"
		if finish {
			w, err := o.Finish()
			if err != nil || w.Path != path || w.Bytes != 3 || len(w.SHA256) != 64 {
				t.Errorf("got %+v %v", w, err)
			}
			want = "new"
		} else {
			o.Discard()
		}
		expect(t, dir, map[string]string{"out": want})
	}
}

func TestDeviceIsWrittenToDirectly(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	o, err := sink.CreateOutput("/dev/full", sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.Write([]byte("x"))
	o.Discard()
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "/dev/full") {
		t.Errorf("got %v want ENOSPC naming the device", err)
	}
}

func TestSyncPolicyParsesItsOwnNames(t *testing.T) {
	var got []string
	for _, p := range []sink.SyncPolicy{sink.SyncNone, sink.SyncFile, sink.SyncAll} {
		var q sink.SyncPolicy
		if err := q.Set(p.String()); err != nil || q != p {
			t.Errorf("%v: got %v %v", p, q, err)
		}
		got = append(got, p.String())
		d := mustOpen(t, sink.Open, t.TempDir(), sink.Options{Sync: p})
		if _, err := d.WriteFile(fixed("x"), []byte("x")); err != nil {
			t.Errorf("%v: %v", p, err)
		}
	}
	if want := []string{"none", "file", "all"}; !slices.Equal(got, want) {
		t.Errorf("got %q want %q", got, want)
	}
	if err := new(sink.SyncPolicy).Set("maybe"); err == nil {
		t.Error("unknown policy: got no error")
	}
}

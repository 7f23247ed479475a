package middleware_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/middleware"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// storeUnderTest is what both stores have.
type storeUnderTest interface {
	middleware.Store
	Stats() middleware.StoreStats
}

func eachStore(t *testing.T, limit int64, f func(ctx context.Context, t *testing.T, s storeUnderTest) error) {
	t.Run("memory", func(t *testing.T) {
		aiotest.Run(t, func(ctx context.Context) error { return f(ctx, t, middleware.NewMemoryStore(limit)) })
	})
	t.Run("disk", func(t *testing.T) {
		aiotest.Run(t, func(ctx context.Context) error {
			s, err := middleware.OpenDiskStore(ctx, t.TempDir(), limit)
			if err != nil {
				return err
			}
			return f(ctx, t, s)
		})
	})
}

func TestStoresKeepWhatTheyAreGiven(t *testing.T) {
	eachStore(t, 1<<20, func(ctx context.Context, t *testing.T, s storeUnderTest) error {
		want := func(key, value string) {
			t.Helper()
			if got, err := s.Get(ctx, key); string(got) != value || err != nil {
				t.Errorf("%s: got %q, %v, want %q", key, got, err, value)
			}
		}
		want("a", "")
		s.Put(ctx, "a", []byte("1"))
		s.Put(ctx, "../../etc/passwd\n\x00", []byte("2"))
		want("a", "1")
		want("../../etc/passwd\n\x00", "2")
		s.Put(ctx, "a", []byte("3"))
		want("a", "3")
		if got := s.Stats().Records; got != 2 {
			t.Errorf("got %d records", got)
		}
		s.Delete(ctx, "a")
		want("a", "")
		return s.Delete(ctx, "a")
	})
}

func TestStoresForgetWhatWasNotUsedForLongest(t *testing.T) {
	eachStore(t, 4000, func(ctx context.Context, t *testing.T, s storeUnderTest) error {
		value := []byte(strings.Repeat("x", 1000))
		for i := range 3 {
			s.Put(ctx, fmt.Sprint(i), value)
		}
		s.Get(ctx, "0")
		for i := range 2 {
			s.Put(ctx, fmt.Sprint("new", i), value)
		}
		kept := ""
		for _, key := range []string{"0", "1", "2", "new0", "new1"} {
			if got, _ := s.Get(ctx, key); got != nil {
				kept += key + " "
			}
		}
		if !strings.HasPrefix(kept, "0 ") || !strings.HasSuffix(kept, "new1 ") || strings.Contains(kept, "1 2") || s.Stats().Bytes > 4000 {
			t.Errorf("got %s kept, %+v", kept, s.Stats())
		}
		s.Put(ctx, "huge", make([]byte, 5000))
		if got, _ := s.Get(ctx, "huge"); got != nil || s.Stats().Bytes > 4000 {
			t.Errorf("what is larger than the store was kept: %+v", s.Stats())
		}
		return nil
	})
}

func TestDiskStoreIsThereAgainAfterwards(t *testing.T) {
	dir := t.TempDir()
	o := replies(reply{status: 200, body: "hello", headers: header("Cache-Control", "max-age=60", "Vary", "X-Lang")})
	open := func(limit int64, f func(ctx context.Context, s *aiohttp.ClientSession, c *middleware.Cache) error) {
		t.Helper()
		aiotest.Run(t, func(ctx context.Context) error {
			store, err := middleware.OpenDiskStore(ctx, dir, limit)
			if err != nil {
				return err
			}
			cache := middleware.NewCache(store)
			s := aiohttp.NewClientSession(aiohttp.WithMiddlewares(cache.Middleware, o.serve))
			defer s.Close()
			return f(ctx, s, cache)
		})
	}
	open(1<<20, func(ctx context.Context, s *aiohttp.ClientSession, _ *middleware.Cache) error {
		get(ctx, t, s, "http://h/")
		return nil
	})
	draft := filepath.Join(dir, "draft-1.tmp")
	foreign := filepath.Join(dir, "README")
	os.WriteFile(draft, []byte("half"), 0o600)
	os.WriteFile(foreign, []byte("not ours"), 0o600)
	open(1<<20, func(ctx context.Context, s *aiohttp.ClientSession, c *middleware.Cache) error {
		if resp, body := get(ctx, t, s, "http://h/"); outcome(resp) != "hit" || body != "hello" {
			t.Errorf("got %s %q", outcome(resp), body)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*.rec"))
		for _, f := range files {
			os.WriteFile(f, []byte("rubbish"), 0o600)
		}
		resp, body := get(ctx, t, s, "http://h/")
		if outcome(resp) != "miss" || body != "hello" || c.Stats().Broken == 0 || len(files) != 2 {
			t.Errorf("spoiled: got %s %q %+v, %d files", outcome(resp), body, c.Stats(), len(files))
		}
		if resp, _ := get(ctx, t, s, "http://h/"); outcome(resp) != "hit" {
			t.Errorf("repaired: got %s", outcome(resp))
		}
		return nil
	})
	if _, err := os.Stat(draft); err == nil {
		t.Error("a draft was left behind")
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("a foreign file is gone: %v", err)
	}
	open(1, func(ctx context.Context, s *aiohttp.ClientSession, _ *middleware.Cache) error { return nil })
	if files, _ := filepath.Glob(filepath.Join(dir, "*.rec")); len(files) != 0 {
		t.Errorf("got %v, want nothing beyond the limit", files)
	}
}

func TestDiskStoreReportsWhatTheFileSystemSays(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		file := filepath.Join(t.TempDir(), "file")
		os.WriteFile(file, nil, 0o600)
		if _, err := middleware.OpenDiskStore(ctx, file, 1); err == nil {
			t.Error("a file was taken for a directory")
		}
		dir := filepath.Join(t.TempDir(), "new", "dir")
		s, err := middleware.OpenDiskStore(ctx, dir, 1<<20)
		if err != nil {
			return err
		}
		os.RemoveAll(dir)
		if err := s.Put(ctx, "k", []byte("v")); err == nil || s.Stats().Records != 0 {
			t.Errorf("got %v and %+v", err, s.Stats())
		}
		return nil
	})
}

// A record that is being read is whole, whatever is written meanwhile.
func TestDiskRecordsAreReplacedInOnePiece(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		s, err := middleware.OpenDiskStore(ctx, t.TempDir(), 1<<30)
		if err != nil {
			return err
		}
		value := func(c string) []byte { return []byte(strings.Repeat(c, 256<<10)) }
		s.Put(ctx, "k", value("0"))
		return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(ctx context.Context) error {
				for i := range 20 {
					if err := s.Put(ctx, "k", value(fmt.Sprint(i%10))); err != nil {
						return err
					}
				}
				return nil
			})
			for range 40 {
				got, err := s.Get(ctx, "k")
				if err != nil || len(got) != 256<<10 || strings.Trim(string(got), string(got[:1])) != "" {
					t.Fatalf("got %d bytes, %v: not one of the records", len(got), err)
				}
			}
			return nil
		})
	})
}

// Whatever lies in a store: it is a record or it is not, and reading it is safe.
func FuzzRecord(f *testing.F) {
	var records [][]byte
	store := &brokenStore{Store: middleware.NewMemoryStore(1 << 20), spoil: func(p []byte) []byte { records = append(records, p); return p }}
	loop := asyncio.NewEventLoop()
	defer loop.Close()
	task := spawn(loop.Context(), func(ctx context.Context) error {
		o := replies(reply{status: 200, body: "hello", headers: header("Cache-Control", "max-age=60", "Vary", "X-Lang")})
		s := aiohttp.NewClientSession(aiohttp.WithMiddlewares(middleware.NewCache(store).Middleware, o.serve))
		defer s.Close()
		for range 2 {
			if _, _, err := fetch(ctx, s, "GET", "http://h/"); err != nil {
				return err
			}
		}
		return nil
	})
	if err := loop.RunUntilComplete(task); err != nil || len(records) == 0 {
		f.Fatalf("got %v and %d records", err, len(records))
	}
	if !middleware.DecodesTo("http://h/", records[0]) || middleware.DecodesTo("http://other/", records[0]) {
		f.Fatal("a record of the cache is not taken for what it is")
	}
	for _, r := range records {
		f.Add(r)
		f.Add(r[:len(r)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if middleware.DecodesTo("http://h/", data) && middleware.DecodesTo("http://i/", data) {
			t.Error("one record for two keys")
		}
	})
}

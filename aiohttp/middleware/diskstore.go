package middleware

// The store that keeps records in files.
//
// One file a record, named by a digest of its key, so that no URL can name a file. A
// record is written beside its place and then renamed into it: a reader sees the old one
// or the new one. All file work is done in the executor; what is kept, and what was used
// when, is known in memory, and read from the directory when the store is opened.

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aio-go/aio/asyncio"
)

const (
	recordSuffix = ".rec"
	draftPattern = "draft-*.tmp"
)

// DiskStore keeps records in a directory, up to a limit; the one that was not used for
// longest goes first. A directory belongs to one store at a time. Its methods suspend
// while the executor works.
type DiskStore struct {
	dir     string
	lru     lru
	evicted uint64
	changes asyncio.Lock // writes and removals happen one after the other
}

// OpenDiskStore opens or makes the store in dir, for up to limit bytes of records. Drafts
// that a crash has left behind are removed, and so are records beyond the limit. The error
// is that of the file system. It suspends.
func OpenDiskStore(ctx context.Context, dir string, limit int64) (*DiskStore, error) {
	s := &DiskStore{dir: dir, lru: newLRU(limit)}
	found, err := asyncio.ToThread(ctx, func(context.Context) ([]foundRecord, error) { return survey(dir) })
	if err != nil {
		return nil, fmt.Errorf("open cache directory: %w", err)
	}
	var gone []*lruItem
	for _, f := range found {
		gone = append(gone, s.lru.put(&lruItem{key: f.name, weight: f.size})...)
	}
	return s, s.removeFiles(ctx, gone)
}

type foundRecord struct {
	name string
	size int64
	used time.Time
}

// survey lists the records in a directory, the oldest first.
func survey(dir string) ([]foundRecord, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []foundRecord
	for _, e := range entries {
		if draft, _ := filepath.Match(draftPattern, e.Name()); draft {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return nil, err
			}
			continue
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !strings.HasSuffix(e.Name(), recordSuffix) {
			continue // not ours
		}
		found = append(found, foundRecord{e.Name(), info.Size(), info.ModTime()})
	}
	slices.SortFunc(found, func(a, b foundRecord) int {
		return cmp.Or(a.used.Compare(b.used), strings.Compare(a.name, b.name))
	})
	return found, nil
}

func fileName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:]) + recordSuffix
}

// Get implements Store. It suspends if there may be such a record.
func (s *DiskStore) Get(ctx context.Context, key string) ([]byte, error) {
	name := fileName(key)
	if s.lru.get(name) == nil {
		return nil, nil
	}
	data, err := asyncio.ToThread(ctx, func(context.Context) ([]byte, error) {
		return os.ReadFile(filepath.Join(s.dir, name))
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // somebody was faster
	}
	return data, err
}

// Put implements Store. It suspends until the record is in its place. Once it has begun
// to write, the end of ctx does not interrupt it: directory and bookkeeping stay one.
func (s *DiskStore) Put(ctx context.Context, key string, record []byte) error {
	return s.changes.With(ctx, func() error {
		ctx := context.WithoutCancel(ctx)
		name := fileName(key)
		_, err := asyncio.ToThread(ctx, func(context.Context) (struct{}, error) {
			return struct{}{}, replaceFile(s.dir, name, record)
		})
		if err != nil {
			return fmt.Errorf("write cache record: %w", err)
		}
		gone := s.lru.put(&lruItem{key: name, weight: int64(len(record))})
		s.evicted += uint64(len(gone))
		return s.removeFiles(ctx, gone)
	})
}

// replaceFile writes a file that is complete from the moment it has its name.
func replaceFile(dir, name string, data []byte) (err error) {
	draft, err := os.CreateTemp(dir, draftPattern)
	if err != nil {
		return err
	}
	_, err = draft.Write(data)
	err = errors.Join(err, draft.Close())
	if err == nil {
		err = os.Rename(draft.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		os.Remove(draft.Name())
	}
	return err
}

// Delete implements Store. It suspends if there is such a record; the end of ctx
// interrupts it as little as Put.
func (s *DiskStore) Delete(ctx context.Context, key string) error {
	return s.changes.With(ctx, func() error {
		ctx := context.WithoutCancel(ctx)
		name := fileName(key)
		if !s.lru.remove(name) {
			return nil
		}
		return s.removeFiles(ctx, []*lruItem{{key: name}})
	})
}

// removeFiles removes the files of records that are no longer known.
func (s *DiskStore) removeFiles(ctx context.Context, gone []*lruItem) error {
	if len(gone) == 0 {
		return nil
	}
	_, err := asyncio.ToThread(ctx, func(context.Context) (struct{}, error) {
		var errs []error
		for _, item := range gone {
			if err := os.Remove(filepath.Join(s.dir, item.key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
		return struct{}{}, errors.Join(errs...)
	})
	return err
}

// Stats returns a snapshot.
func (s *DiskStore) Stats() StoreStats {
	return StoreStats{Records: len(s.lru.items), Bytes: s.lru.size, Evicted: s.evicted}
}

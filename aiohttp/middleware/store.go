package middleware

// Where a cache keeps its records, and the store that keeps them in memory.

import (
	"container/list"
	"context"
)

// Store keeps the records of a Cache. Records are opaque: a store may lose them, and one
// that comes back changed is noticed and removed. Its methods are called on the loop, by
// several tasks at a time; they may suspend, and end when ctx does. An error is counted
// and otherwise treated as if the store were empty.
type Store interface {
	// Get returns the record for key, nil if there is none. The caller does not change it.
	Get(ctx context.Context, key string) ([]byte, error)
	// Put keeps a record in place of the one that key had. It may keep the slice.
	Put(ctx context.Context, key string, record []byte) error
	// Delete removes a record; that there is none is no error.
	Delete(ctx context.Context, key string) error
}

// lru knows what was used when, and how much it weighs.
type lru struct {
	limit int64
	size  int64
	order *list.List // of *lruItem, the one used last in front
	items map[string]*list.Element
}

type lruItem struct {
	key    string
	weight int64
	record []byte
}

func newLRU(limit int64) lru {
	return lru{limit: limit, order: list.New(), items: make(map[string]*list.Element)}
}

// get returns an item and notes that it was used.
func (l *lru) get(key string) *lruItem {
	e := l.items[key]
	if e == nil {
		return nil
	}
	l.order.MoveToFront(e)
	return e.Value.(*lruItem)
}

// put adds an item in place of the one with its key and returns what has to go for it. An
// item heavier than everything may be together goes itself.
func (l *lru) put(item *lruItem) (gone []*lruItem) {
	l.remove(item.key)
	l.items[item.key] = l.order.PushFront(item)
	l.size += item.weight
	for l.size > l.limit {
		last := l.order.Back().Value.(*lruItem)
		l.remove(last.key)
		gone = append(gone, last)
	}
	return gone
}

func (l *lru) remove(key string) bool {
	e := l.items[key]
	if e == nil {
		return false
	}
	delete(l.items, key)
	l.size -= e.Value.(*lruItem).weight
	l.order.Remove(e)
	return true
}

// StoreStats is a snapshot of a store.
type StoreStats struct {
	Records int   // kept now
	Bytes   int64 // that they take
	Evicted uint64
}

// MemoryStore keeps records in memory, up to a limit; the one that was not used for
// longest goes first. Its methods never suspend. It may be shared by caches of one loop.
type MemoryStore struct {
	lru     lru
	evicted uint64
}

// NewMemoryStore returns a store for up to limit bytes, keys and bookkeeping included.
func NewMemoryStore(limit int64) *MemoryStore { return &MemoryStore{lru: newLRU(limit)} }

// overhead is what a record costs beside its key and itself.
const overhead = 200

// Get implements Store.
func (s *MemoryStore) Get(_ context.Context, key string) ([]byte, error) {
	if item := s.lru.get(key); item != nil {
		return item.record, nil
	}
	return nil, nil
}

// Put implements Store.
func (s *MemoryStore) Put(_ context.Context, key string, record []byte) error {
	s.evicted += uint64(len(s.lru.put(&lruItem{key: key, record: record, weight: int64(len(key)+len(record)) + overhead})))
	return nil
}

// Delete implements Store.
func (s *MemoryStore) Delete(_ context.Context, key string) error {
	s.lru.remove(key)
	return nil
}

// Stats returns a snapshot.
func (s *MemoryStore) Stats() StoreStats {
	return StoreStats{Records: len(s.lru.items), Bytes: s.lru.size, Evicted: s.evicted}
}

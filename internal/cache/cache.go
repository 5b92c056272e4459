// Package cache keeps values that were used last, within a number of bytes.
package cache

import (
	"container/list"
	"sync"
)

// Cache keeps the values that were used last. Its methods may be called concurrently. A value is
// shared by everyone who gets it: nobody may change it.
type Cache[K comparable, V any] struct {
	mu      sync.Mutex
	limit   int
	bytes   int
	recent  list.List // holds *item, the one that was used last in front
	entries map[K]*list.Element
}

type item[K comparable, V any] struct {
	key   K
	value V
	bytes int
}

// overhead is about what an entry takes beyond its value: list element, item and place in the map.
const overhead = 160

// New makes a cache whose values take at most limit bytes.
func New[K comparable, V any](limit int) *Cache[K, V] {
	return &Cache[K, V]{limit: limit, entries: map[K]*list.Element{}}
}

// Get returns the key's value, if the cache still holds it.
func (c *Cache[K, V]) Get(key K) (value V, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, found := c.entries[key]
	if !found {
		return value, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(*item[K, V]).value, true
}

// Add keeps a value that takes that many bytes, and drops those that were not used for longest. A
// value that is there already stays: equal keys mean equal values.
func (c *Cache[K, V]) Add(key K, value V, bytes int) {
	bytes += overhead
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, found := c.entries[key]; found || bytes > c.limit {
		return
	}
	c.entries[key] = c.recent.PushFront(&item[K, V]{key, value, bytes})
	c.bytes += bytes
	for c.bytes > c.limit {
		last := c.recent.Remove(c.recent.Back()).(*item[K, V])
		delete(c.entries, last.key)
		c.bytes -= last.bytes
	}
}

// Bytes is what the cache holds, an estimate.
func (c *Cache[K, V]) Bytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}

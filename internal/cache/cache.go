// Package cache keeps values that are used again, within a number of bytes.
package cache

import (
	"container/list"
	"sync"
)

// Cache keeps the values that are used again: it drops the oldest one that was not used since it was last in danger.
// That is the algorithm SIEVE (Zhang and others, NSDI 2024), which takes less work for a hit than keeping the values in
// the order of their use, and keeps better those that are used often. Its methods may be called concurrently. A value
// is shared by everyone who gets it: nobody may change it.
type Cache[K comparable, V any] struct {
	mu      sync.Mutex
	limit   int
	bytes   int
	ages    list.List     // holds *item, the youngest in front
	next    *list.Element // is the next one in danger; nil for the oldest
	entries map[K]*list.Element
}

type item[K comparable, V any] struct {
	key   K
	value V
	bytes int
	used  bool // reports whether it was used since it was in danger
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
	i := e.Value.(*item[K, V])
	i.used = true
	return i.value, true
}

// Add keeps a value that takes that many bytes, and drops others for it. A value that is there already
// stays: equal keys mean equal values.
func (c *Cache[K, V]) Add(key K, value V, bytes int) {
	bytes += overhead
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, found := c.entries[key]; found || bytes > c.limit {
		return
	}
	for c.bytes+bytes > c.limit {
		c.drop()
	}
	c.entries[key] = c.ages.PushFront(&item[K, V]{key: key, value: value, bytes: bytes})
	c.bytes += bytes
}

// drop drops the next value that was not used since it was in danger. There is one.
func (c *Cache[K, V]) drop() {
	for {
		e := c.next
		if e == nil {
			e = c.ages.Back()
		}
		c.next = e.Prev()
		i := e.Value.(*item[K, V])
		if !i.used {
			c.ages.Remove(e)
			delete(c.entries, i.key)
			c.bytes -= i.bytes
			return
		}
		i.used = false
	}
}

// Bytes is what the cache holds, an estimate.
func (c *Cache[K, V]) Bytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}

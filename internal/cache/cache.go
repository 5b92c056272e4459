// Package cache keeps values that are used again, within a number of bytes.
package cache

import "sync"

// Cache keeps the values that are used again: it drops the oldest one that was not used since it was last in danger.
// That is the algorithm SIEVE (Zhang and others, NSDI 2024), which takes less work for a hit than keeping the values in
// the order of their use, and keeps better those that are used often. Its methods may be called concurrently. A value
// is shared by everyone who gets it: nobody may change it.
type Cache[K comparable, V any] struct {
	mu      sync.Mutex
	limit   int
	bytes   int
	oldest  *item[K, V] // begins the list of all by their age
	young   *item[K, V] // ends it
	next    *item[K, V] // is the next one in danger; nil for the oldest
	entries map[K]*item[K, V]
}

type item[K comparable, V any] struct {
	value          V
	used           bool // reports whether it was used since it was in danger
	key            K
	bytes          int
	older, younger *item[K, V]
}

// overhead is about what an entry takes beyond its value: the item and its place in the map.
const overhead = 128

// New makes a cache whose values take at most limit bytes.
func New[K comparable, V any](limit int) *Cache[K, V] {
	return &Cache[K, V]{limit: limit, entries: map[K]*item[K, V]{}}
}

// Get returns the key's value, if the cache still holds it.
func (c *Cache[K, V]) Get(key K) (value V, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, found := c.entries[key]
	if !found {
		return value, false
	}
	i.used = true
	return i.value, true
}

// GetAll takes the values of the keys that the cache still holds, each with its place in keys.
func (c *Cache[K, V]) GetAll(keys []K, take func(i int, value V)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n, key := range keys {
		if i, found := c.entries[key]; found {
			i.used = true
			take(n, i.value)
		}
	}
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
	i := &item[K, V]{value: value, key: key, bytes: bytes, older: c.young}
	if c.young == nil {
		c.oldest = i
	} else {
		c.young.younger = i
	}
	c.entries[key], c.young = i, i
	c.bytes += bytes
}

// drop drops the next value that was not used since it was in danger. There is one.
func (c *Cache[K, V]) drop() {
	for {
		i := c.next
		if i == nil {
			i = c.oldest
		}
		c.next = i.younger
		if !i.used {
			c.remove(i)
			return
		}
		i.used = false
	}
}

func (c *Cache[K, V]) remove(i *item[K, V]) {
	delete(c.entries, i.key)
	c.bytes -= i.bytes
	if i.older == nil {
		c.oldest = i.younger
	} else {
		i.older.younger = i.younger
	}
	if i.younger == nil {
		c.young = i.older
	} else {
		i.younger.older = i.older
	}
}

// Bytes is what the cache holds, an estimate.
func (c *Cache[K, V]) Bytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}

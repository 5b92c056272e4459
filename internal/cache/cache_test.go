package cache

import (
	"fmt"
	"sync"
	"testing"
)

// holds reports which of the keys are held, and uses none of them.
func holds[V any](c *Cache[string, V], keys ...string) (held string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range keys {
		if _, found := c.entries[key]; found {
			held += key
		}
	}
	return held
}

func TestTheValueNotUsedForLongestIsDropped(t *testing.T) {
	c := New[string, int](3 * (100 + overhead))
	for i, key := range []string{"a", "b", "c"} {
		c.Add(key, i, 100)
	}
	if v, found := c.Get("a"); v != 0 || !found {
		t.Errorf("a is %d, %v", v, found)
	}
	c.Add("d", 3, 100)
	if got := holds(c, "a", "b", "c", "d"); got != "acd" {
		t.Errorf("it holds %s, not acd: b was not used for longest", got)
	}
	c.Add("e", 4, 200+overhead)
	if got := holds(c, "a", "c", "d", "e"); got != "de" {
		t.Errorf("it holds %s, not de: e is as large as two", got)
	}
	if _, found := c.Get("a"); found {
		t.Error("a is found after it was dropped")
	}
}

func TestBytesStayWithinTheLimit(t *testing.T) {
	const limit = 10_000
	c := New[string, []byte](limit)
	c.Add("too large", nil, limit)
	var all sync.WaitGroup
	for part := range 4 {
		all.Go(func() {
			for i := range 1000 {
				key := fmt.Sprint(part, i%50)
				c.Get(key)
				c.Add(key, nil, i%300)
				if got := c.Bytes(); got < 0 || got > limit {
					t.Errorf("it holds %d bytes, and may hold %d", got, limit)
				}
			}
		})
	}
	all.Wait()
	if got := holds(c, "too large"); got != "" {
		t.Error("it holds a value over its limit")
	}
	sum := 0
	for e := c.recent.Front(); e != nil; e = e.Next() {
		sum += e.Value.(*item[string, []byte]).bytes
	}
	if sum != c.bytes || c.recent.Len() != len(c.entries) {
		t.Errorf("%d entries of %d bytes are counted as %d of %d", c.recent.Len(), sum, len(c.entries), c.bytes)
	}
}

func TestAValueStaysAsItWasAdded(t *testing.T) {
	c := New[string, int](1000)
	c.Add("a", 1, 0)
	c.Add("a", 2, 0)
	if v, _ := c.Get("a"); v != 1 || c.Bytes() != overhead {
		t.Errorf("a is %d, in %d bytes", v, c.Bytes())
	}
}

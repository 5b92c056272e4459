package cache

import (
	"fmt"
	"strings"
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

func TestTheOldestValueThatIsNotUsedIsDropped(t *testing.T) {
	c := New[string, int](3 * (100 + overhead))
	for i, key := range []string{"a", "b", "c"} {
		c.Add(key, i, 100)
	}
	if v, found := c.Get("a"); v != 0 || !found {
		t.Errorf("a is %d, %v", v, found)
	}
	for _, step := range []struct {
		key, use string
		bytes    int
		want     string
	}{
		{"d", "", 100, "acd"},            // b is the oldest that was not used
		{"e", "ade", 100, "ade"},         // c is the next
		{"f", "", 100, "aef"},            // all were used, and d is in danger again first
		{"g", "g", 200 + overhead, "ag"}, // e and f were not used since
		{"too large", "", 1000, "ag"},    // nothing is dropped for it
		{"h", "", 100, "gh"},             // a was not used since
	} {
		c.Add(step.key, 0, step.bytes)
		if got := holds(c, "a", "b", "c", "d", "e", "f", "g", "h", "too large"); got != step.want {
			t.Errorf("with %s, it holds %s, not %s", step.key, got, step.want)
		}
		used := strings.Split(step.use, "")
		if c.GetAll(used, func(i, _ int) { used[i] = "" }); strings.Join(used, "") != "" {
			t.Errorf("with %s, it has not found %q", step.key, used)
		}
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
	sum, n, last := 0, 0, (*item[string, []byte])(nil)
	for i := c.oldest; i != nil; i = i.younger {
		if i.older != last {
			t.Fatalf("behind %v, the list has %v, which follows %v", last, i, i.older)
		}
		sum, n, last = sum+i.bytes, n+1, i
	}
	if sum != c.bytes || n != len(c.entries) || c.young != last {
		t.Errorf("%d entries of %d bytes are counted as %d of %d", n, sum, len(c.entries), c.bytes)
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

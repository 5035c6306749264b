package recall

import "testing"

func TestCache_isBounded(t *testing.T) {
	t.Parallel()
	const most = 100
	c := New[int, string](most)
	for i := range most + 10 {
		c.Put(i, "x")
	}
	if n := len(c.m); n > most || n < most/2 {
		t.Errorf("%d values", n)
	}
	c.Put(-1, "y")
	if v, ok := c.Get(-1); !ok || v != "y" {
		t.Error(v, ok)
	}
	c.Drop(-1)
	if _, ok := c.Get(-1); ok {
		t.Error("it is still there")
	}
}

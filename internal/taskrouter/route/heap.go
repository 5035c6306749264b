package route

// ranked is a binary heap whose items know their place, so that any of them can be moved or taken out in O(log n).
// The place is the index plus one: zero means that the item is not in the heap.
type ranked[T any] struct {
	items []T
	less  func(a, b T) bool
	place func(T) *int
}

func (h *ranked[T]) size() int { return len(h.items) }

// top returns the first item; the heap must not be empty.
func (h *ranked[T]) top() T { return h.items[0] }

func (h *ranked[T]) has(x T) bool { return *h.place(x) > 0 }

// put adds x, or moves it to where it belongs now.
func (h *ranked[T]) put(x T) {
	if p := *h.place(x); p > 0 {
		if !h.up(p - 1) {
			h.down(p - 1)
		}
		return
	}
	h.items = append(h.items, x)
	*h.place(x) = len(h.items)
	h.up(len(h.items) - 1)
}

// drop takes x out; an item that is not in the heap is left alone.
func (h *ranked[T]) drop(x T) {
	p := *h.place(x)
	if p == 0 {
		return
	}
	i, last := p-1, len(h.items)-1
	h.swap(i, last)
	var zero T
	h.items[last] = zero
	h.items = h.items[:last]
	*h.place(x) = 0
	if i < last && !h.up(i) {
		h.down(i)
	}
}

func (h *ranked[T]) swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	*h.place(h.items[i]) = i + 1
	*h.place(h.items[j]) = j + 1
}

func (h *ranked[T]) up(i int) bool {
	moved := false
	for i > 0 {
		parent := (i - 1) / 2
		if !h.less(h.items[i], h.items[parent]) {
			break
		}
		h.swap(i, parent)
		i, moved = parent, true
	}
	return moved
}

func (h *ranked[T]) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h.items); child++ {
			if h.less(h.items[child], h.items[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}

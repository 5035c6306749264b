package rest

// Opt is a parameter that may be absent. The zero Opt is absent; an empty text that was sent is set.
type Opt[T any] struct {
	V   T
	Set bool
}

// Some returns a set Opt.
func Some[T any](v T) Opt[T] { return Opt[T]{V: v, Set: true} }

// Or returns the value, or other where absent.
func (o Opt[T]) Or(other T) T {
	if o.Set {
		return o.V
	}
	return other
}

// Ptr returns a pointer to a copy of the value, or nil where absent.
func (o Opt[T]) Ptr() *T {
	if !o.Set {
		return nil
	}
	return &o.V
}

// To stores the value in dst where set.
func (o Opt[T]) To(dst *T) {
	if o.Set {
		*dst = o.V
	}
}

// slot gives the decoder the place of the value, and marks it as set.
func (o *Opt[T]) slot() any {
	o.Set = true
	return &o.V
}

// optional is what every *Opt[T] is.
type optional interface{ slot() any }

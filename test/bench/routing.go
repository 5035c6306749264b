package main

import "context"

func (b *bench) routing(context.Context) error { return nil }

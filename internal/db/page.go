package db

import (
	"fmt"
	"strconv"
)

// Page asks for one page of a list in creation order.
type Page struct {
	// Size is the most items that the page holds.
	Size int
	// After is PageOf.Next of the page before; "" begins.
	After string
	// Desc lists the newest first.
	Desc bool
}

// PageOf is one page of a list.
type PageOf[T any] struct {
	Items []T
	// Next asks for the following page; "" when this is the last.
	Next string
}

// Page reads one page of the rows that match where, by a cursor on the integer key: a page costs the same wherever it stands.
func (tb *Table[T]) Page(tx *Tx, p Page, where string, args ...any) (PageOf[T], error) {
	return tb.PageWhere(tx, p, nil, where, args...)
}

// PageWhere is Page with a filter in Go, for what only a decrypted row tells. It reads on until the page is full.
func (tb *Table[T]) PageWhere(tx *Tx, p Page, keep func(*T) bool, where string, args ...any) (PageOf[T], error) {
	var page PageOf[T]
	after, err := strconv.ParseInt(p.After, 10, 64)
	if err != nil && p.After != "" {
		return page, fmt.Errorf("%s: page cursor: %w", tb.Name, err)
	}
	for {
		rows, err := tb.Find(tx, tb.pageWhere(p, after, where, len(args)), append(args[:len(args):len(args)], after, p.Size+1)...)
		if err != nil {
			return page, err
		}
		for i := range rows {
			if keep != nil && !keep(&rows[i]) {
				after = tb.Row(&rows[i]).ID
				continue
			}
			if len(page.Items) == p.Size {
				page.Next = strconv.FormatInt(after, 10)
				return page, nil
			}
			after = tb.Row(&rows[i]).ID
			page.Items = append(page.Items, rows[i])
		}
		if len(rows) <= p.Size {
			return page, nil
		}
	}
}

func (tb *Table[T]) pageWhere(p Page, after int64, where string, n int) string {
	cursor, limit := "$"+strconv.Itoa(n+1), "$"+strconv.Itoa(n+2)
	switch {
	case p.Desc && after == 0:
		// Every key is smaller than the largest one, so the first page needs no bound; the parameter must be used all the same.
		return "(" + where + ") and id <> " + cursor + " order by id desc limit " + limit
	case p.Desc:
		return "(" + where + ") and id < " + cursor + " order by id desc limit " + limit
	}
	return "(" + where + ") and id > " + cursor + " order by id limit " + limit
}

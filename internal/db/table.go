package db

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"usher/internal/seal"
	"usher/internal/sid"
)

// Row is what every product row has. A row has an integer key inside and a SID outside.
type Row struct {
	// ID is the integer key, given by the database at the insert unless it is set.
	ID int64
	// SID is the name that the outside knows; it must be set before the insert.
	SID sid.SID
	// Account is the integer key of the owning account (CreateKeyset).
	Account int64
	// Key is the data key that seals the row's document; 0 is the account's own keyset.
	Key int64
	// Version counts the row's writes, from 1.
	Version int64
	// CreatedAt and UpdatedAt are UTC with microseconds. The insert sets them to Tx.Now unless they are set (imports).
	CreatedAt, UpdatedAt time.Time
}

// Column binds a column to a field. Field returns a pointer to the field: it serves the insert's arguments and the scan.
// Kinds: string, bool, integers, []byte, time.Time (kept as microseconds), pointers to these for columns that may be null;
// an empty []byte is null.
type Column[T any] struct {
	Name  string
	Field func(*T) any
}

// Table binds T to a table with the standard columns, Columns, and one sealed document.
type Table[T any] struct {
	Name    string
	Row     func(*T) *Row
	Columns []Column[T]
	// Doc returns a pointer to the value that is sealed as JSON; nil when the table's document is empty.
	Doc func(*T) any
	// Steady tables change rarely and are asked much: SQLite's writer remembers their rows until somebody writes to the table.
	// None of their Columns may be the event counter "head".
	Steady bool

	once sync.Once
	plan plan
}

// plan holds a table's statements, written once.
type plan struct{ columns, insert, insertID, update string }

const standardColumns = "id, sid, account_id, key_id, version, created_at, updated_at, doc"

func (tb *Table[T]) prepare() *plan {
	tb.once.Do(func() {
		names := make([]string, 0, len(tb.Columns))
		sets := make([]string, 0, len(tb.Columns))
		for i, c := range tb.Columns {
			names = append(names, c.Name)
			sets = append(sets, c.Name+" = $"+strconv.Itoa(i+7))
		}
		own := ""
		if len(names) > 0 {
			own = ", " + strings.Join(names, ", ")
		}
		tb.plan.columns = standardColumns + own
		tb.plan.insert = "insert into " + tb.Name + " (sid, account_id, key_id, version, created_at, updated_at, doc" + own +
			") values (" + In(1, 7+len(names)) + ")"
		tb.plan.insertID = "insert into " + tb.Name + " (sid, account_id, key_id, version, created_at, updated_at, doc" + own +
			", id) values (" + In(1, 8+len(names)) + ")"
		set := ""
		if len(sets) > 0 {
			set = ", " + strings.Join(sets, ", ")
		}
		tb.plan.update = "update " + tb.Name + " set version = $1, updated_at = $2, key_id = $3, doc = $4" + set +
			" where id = $5 and version = $6"
	})
	return &tb.plan
}

// Insert writes a new row and sets its ID, Version and times. ErrConflict when a unique value exists.
// On PostgreSQL a conflict ends the transaction; where one is expected, ask before or use "on conflict".
func (tb *Table[T]) Insert(tx *Tx, v *T) error {
	r := tb.Row(v)
	if !sid.Valid(string(r.SID), sid.Prefix(string(r.SID))) {
		return fmt.Errorf("%s: the row has no valid SID", tb.Name)
	}
	if r.CreatedAt.IsZero() {
		r.CreatedAt = tx.Now
	}
	if r.UpdatedAt.IsZero() {
		r.UpdatedAt = r.CreatedAt
	}
	r.Version = 1
	doc, err := tb.seal(tx, v)
	if err != nil {
		return err
	}
	p := tb.prepare()
	args := make([]any, 0, 8+len(tb.Columns))
	args = append(args, string(r.SID), r.Account, r.Key, r.Version, Micros(r.CreatedAt), Micros(r.UpdatedAt), doc)
	for _, c := range tb.Columns {
		args = append(args, argument(c.Field(v)))
	}
	if r.ID != 0 {
		_, err := tx.Exec(p.insertID, append(args, r.ID)...)
		return wrap(tb.Name, r.SID, err)
	}
	if tx.single {
		tx.writes++
		res, err := tx.conn.exec(tx.ctx, p.insert, args)
		if err != nil {
			return wrap(tb.Name, r.SID, mapError(err))
		}
		r.ID, err = res.LastInsertId()
		return wrap(tb.Name, r.SID, err)
	}
	return wrap(tb.Name, r.SID, tx.Returning(p.insert+" returning id", args, &r.ID))
}

// Update writes all columns and the document of a row that was read, if nobody else has written it since;
// ErrConflict otherwise. Version and UpdatedAt advance.
func (tb *Table[T]) Update(tx *Tx, v *T) error {
	r := tb.Row(v)
	doc, err := tb.seal(tx, v)
	if err != nil {
		return err
	}
	args := make([]any, 0, 6+len(tb.Columns))
	args = append(args, r.Version+1, Micros(tx.Now), r.Key, doc, r.ID, r.Version)
	for _, c := range tb.Columns {
		args = append(args, argument(c.Field(v)))
	}
	n, err := tx.Exec(tb.prepare().update, args...)
	if err != nil {
		return wrap(tb.Name, r.SID, err)
	}
	if n == 0 {
		return wrap(tb.Name, r.SID, ErrConflict)
	}
	r.Version++
	r.UpdatedAt = tx.Now
	return nil
}

// Delete removes a row; ErrNotFound when it is gone already.
func (tb *Table[T]) Delete(tx *Tx, v *T) error {
	r := tb.Row(v)
	n, err := tx.Exec("delete from "+tb.Name+" where id = $1", r.ID)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return wrap(tb.Name, r.SID, err)
}

// Get reads a row of the account by its SID; ErrNotFound also for another account's.
func (tb *Table[T]) Get(tx *Tx, account int64, s sid.SID) (T, error) {
	return tb.One(tx, "sid = $1 and account_id = $2", string(s), account)
}

// ForUpdate is Get, and keeps other writers from the row until the transaction ends.
func (tb *Table[T]) ForUpdate(tx *Tx, account int64, s sid.SID) (T, error) {
	return tb.One(tx, "sid = $1 and account_id = $2"+tx.lock, string(s), account)
}

// ByID reads a row by its integer key.
func (tb *Table[T]) ByID(tx *Tx, id int64) (T, error) { return tb.One(tx, "id = $1", id) }

// ByIDForUpdate is ByID, and keeps other writers from the row until the transaction ends.
func (tb *Table[T]) ByIDForUpdate(tx *Tx, id int64) (T, error) {
	return tb.One(tx, "id = $1"+tx.lock, id)
}

// One reads the first row that matches; ErrNotFound when none does.
func (tb *Table[T]) One(tx *Tx, where string, args ...any) (T, error) {
	rows, err := tb.Find(tx, where, args...)
	if err != nil {
		var none T
		return none, err
	}
	if len(rows) == 0 {
		var none T
		return none, fmt.Errorf("%s: %w", tb.Name, ErrNotFound)
	}
	return rows[0], nil
}

// Find reads the rows that match. where may end with an order and a limit.
func (tb *Table[T]) Find(tx *Tx, where string, args ...any) ([]T, error) {
	if !tb.Steady || tx.memory == nil {
		rows, err := tb.read(tx, where, args)
		if err != nil {
			return nil, err
		}
		return tb.decode(rows)
	}
	key, ok := question(where, args)
	if ok {
		if rows, found := recall[T](tx.memory, tb.Name, key); found {
			return tb.decode(rows)
		}
	}
	rows, err := tb.read(tx, where, args)
	if err != nil {
		return nil, err
	}
	if ok {
		remember(tx.memory, tb.Name, key, rows)
	}
	return tb.decode(rows)
}

// read fetches rows and opens their documents.
func (tb *Table[T]) read(tx *Tx, where string, args []any) ([]remembered[T], error) {
	rows, err := tx.Query("select "+tb.prepare().columns+" from "+tb.Name+" where "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tb.Name, err)
	}
	var all []remembered[T]
	for rows.Next() {
		var v remembered[T]
		if v.plain, err = tb.scan(tx, rows, &v.row); err != nil {
			break
		}
		all = append(all, v)
	}
	if err == nil {
		err = rows.Err()
	}
	if closeErr := rows.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tb.Name, mapError(err))
	}
	return all, nil
}

// decode makes values of rows, which stay as they are.
func (tb *Table[T]) decode(rows []remembered[T]) ([]T, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	all := make([]T, len(rows))
	for i := range rows {
		all[i] = rows[i].row
		if tb.Doc == nil {
			continue
		}
		if err := json.Unmarshal(rows[i].plain, tb.Doc(&all[i])); err != nil {
			return nil, fmt.Errorf("%s %s: %w", tb.Name, tb.Row(&all[i]).SID, err)
		}
	}
	return all, nil
}

// scan reads a row's columns into v and opens its document.
func (tb *Table[T]) scan(tx *Tx, rows *Rows, v *T) (plain []byte, err error) {
	r := tb.Row(v)
	var doc []byte
	var created, updated int64
	var text string
	dest := make([]any, 0, 8+len(tb.Columns))
	dest = append(dest, &r.ID, &text, &r.Account, &r.Key, &r.Version, &created, &updated, &doc)
	for _, c := range tb.Columns {
		dest = append(dest, destination(c.Field(v)))
	}
	if err := rows.Scan(dest...); err != nil {
		return nil, err
	}
	r.SID, r.CreatedAt, r.UpdatedAt = sid.SID(text), FromMicros(created), FromMicros(updated)
	if tb.Doc == nil {
		return nil, nil
	}
	plain, err = tx.db.ring.Open(seal.KeyRef{Account: r.Account, Data: r.Key}, rowAAD(tb.Name, r.Account, text), doc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.SID, err)
	}
	return plain, nil
}

func (tb *Table[T]) seal(tx *Tx, v *T) ([]byte, error) {
	if tb.Doc == nil {
		return []byte{}, nil
	}
	r := tb.Row(v)
	// Not json.Marshal: it would write the <, > and & of attributes another way than their writer did.
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(tb.Doc(v)); err != nil {
		return nil, fmt.Errorf("%s %s: %w", tb.Name, r.SID, err)
	}
	sealed, err := tx.db.ring.Seal(seal.KeyRef{Account: r.Account, Data: r.Key}, rowAAD(tb.Name, r.Account, string(r.SID)), plain.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", tb.Name, r.SID, err)
	}
	return sealed, nil
}

// rowAAD binds a document to its table, account and row.
func rowAAD(table string, account int64, s string) []byte {
	aad := make([]byte, 0, len(table)+len(s)+24)
	aad = append(append(aad, table...), '|')
	aad = append(strconv.AppendInt(aad, account, 10), '|')
	return append(aad, s...)
}

func wrap(table string, s sid.SID, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", table, s, err)
}

// argument turns a pointer to a field into what a driver takes.
func argument(field any) any {
	switch p := field.(type) {
	case *int64:
		return *p
	case *string:
		return *p
	case *bool:
		if *p {
			return int64(1)
		}
		return int64(0)
	case *time.Time:
		return Micros(*p)
	case *[]byte:
		if len(*p) == 0 {
			return nil
		}
		return *p
	}
	v := reflect.ValueOf(field).Elem()
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		return argument(v.Interface())
	}
	switch v.Kind() { //nolint:exhaustive // the kinds that columns have
	case reflect.String:
		return v.String()
	case reflect.Bool:
		if v.Bool() {
			return int64(1)
		}
		return int64(0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return int64(v.Uint())
	}
	return v.Interface()
}

// destination turns a pointer to a field into what Scan takes.
func destination(field any) any {
	switch p := field.(type) {
	case *time.Time:
		return timeScan{p}
	case **time.Time:
		return timePointerScan{p}
	case *bool:
		return boolScan{p}
	}
	return field
}

// timeScan reads microseconds into a time.
type timeScan struct{ at *time.Time }

// Scan implements sql.Scanner.
func (s timeScan) Scan(src any) error {
	us, ok := src.(int64)
	if !ok && src != nil {
		return fmt.Errorf("a time column holds %T", src)
	}
	*s.at = FromMicros(us)
	return nil
}

// timePointerScan reads microseconds, or null, into a pointer.
type timePointerScan struct{ at **time.Time }

// Scan implements sql.Scanner.
func (s timePointerScan) Scan(src any) error {
	*s.at = nil
	if src == nil {
		return nil
	}
	var t time.Time
	if err := (timeScan{&t}).Scan(src); err != nil {
		return err
	}
	*s.at = &t
	return nil
}

// boolScan reads 0 and 1: truth is kept as bigint, so that one SQL text serves both databases.
type boolScan struct{ to *bool }

// Scan implements sql.Scanner.
func (s boolScan) Scan(src any) error {
	switch v := src.(type) {
	case int64:
		*s.to = v != 0
	case bool:
		*s.to = v
	default:
		return fmt.Errorf("a boolean column holds %T", src)
	}
	return nil
}

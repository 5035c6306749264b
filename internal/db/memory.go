package db

import (
	"encoding/binary"
	"regexp"
	"slices"
	"strings"

	"usher/internal/sid"
)

// Bounds of what the writer remembers.
const (
	memoryRows    = 64   // rows of one answer
	memoryAnswers = 4096 // answers of one table
)

// memory is what SQLite's writer remembers of steady tables (Table.Steady): the answers to questions that it has asked before.
//
// It is right because of three facts. The writer is the only one in this process that changes the database, and every statement of
// it passes touch, which forgets the tables that the statement names. What a group of closures has changed is neither
// remembered nor asked of the memory until the group has ended, so nothing that is rolled back is ever remembered. And what
// another process commits moves SQLite's data_version, which the writer looks at when it begins a group.
type memory struct {
	version int64
	tables  map[string]map[string]any // by table and question: []remembered[T]
	dirty   map[string]bool           // tables that the present group has changed
}

func newMemory() *memory {
	return &memory{tables: map[string]map[string]any{}, dirty: map[string]bool{}}
}

// remembered is a row before its document is decoded: each reader gets a document of its own.
type remembered[T any] struct {
	row   T
	plain []byte
}

// begin starts a group; version is SQLite's data_version.
func (m *memory) begin(version int64) {
	clear(m.dirty)
	if version != m.version {
		clear(m.tables)
		m.version = version
	}
}

// touch forgets what a statement may change.
func (m *memory) touch(tables []string) {
	for _, name := range tables {
		if isKeys(name) {
			clear(m.tables) // a destroyed key makes rows of any table unreadable
		}
		delete(m.tables, name)
		m.dirty[name] = true
	}
}

func isKeys(table string) bool { return table == "data_key" || table == "keyset" }

// written finds the tables that a statement changes.
var written = regexp.MustCompile(`(?i)\b(?:insert\s+(?:or\s+\w+\s+)?into|update(?:\s+or\s+\w+)?|delete\s+from|replace\s+into)\s+(\w+)`)

// counted is a statement that only moves the counter of a stream's owner, which is in no steady table's columns.
var counted = regexp.MustCompile(`^update \w+ set head = head \+ \S+ where `)

// changes names the tables that a statement may change.
func changes(query string) (tables []string) {
	if counted.MatchString(query) {
		return nil
	}
	for _, m := range written.FindAllStringSubmatch(query, -1) {
		name := strings.ToLower(m[1])
		if isKeys(name) && strings.HasPrefix(query, "insert into") {
			continue // nothing that is remembered is sealed with a key that was not there
		}
		if !slices.Contains(tables, name) {
			tables = append(tables, name)
		}
	}
	return tables
}

// question is the key of an answer: the condition and its arguments. ok is false where the condition asks other tables, or an
// argument is of a kind that has no exact text.
func question(where string, args []any) (key string, ok bool) {
	if strings.Contains(where, "select") {
		return "", false
	}
	b := make([]byte, 0, len(where)+64)
	b = append(b, where...)
	for _, a := range args {
		var text string
		switch a := a.(type) {
		case int64:
			b = append(b, 0, 'i')
			b = binary.BigEndian.AppendUint64(b, uint64(a))
			continue
		case int:
			b = append(b, 0, 'i')
			b = binary.BigEndian.AppendUint64(b, uint64(a))
			continue
		case string:
			text = a
		case sid.SID:
			text = string(a)
		case []byte:
			text = string(a)
		default:
			return "", false
		}
		b = append(b, 0, 's')
		b = binary.BigEndian.AppendUint64(b, uint64(len(text)))
		b = append(b, text...)
	}
	return string(b), true
}

// recall answers a question that was asked before.
func recall[T any](m *memory, table, key string) ([]remembered[T], bool) {
	if m.dirty[table] {
		return nil, false
	}
	list, ok := m.tables[table][key].([]remembered[T])
	return list, ok
}

// remember keeps an answer.
func remember[T any](m *memory, table, key string, list []remembered[T]) {
	if m.dirty[table] || len(list) > memoryRows {
		return
	}
	if m.tables[table] == nil || len(m.tables[table]) >= memoryAnswers {
		m.tables[table] = map[string]any{}
	}
	m.tables[table][key] = list
}

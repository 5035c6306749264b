package engine

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"strconv"

	"usher/internal/attr"
)

// Values is the context as templates and readers see it: trigger, flow,
// contact and widgets. It shares its parts with the execution.
func (ex Execution) Values() map[string]any {
	contact := copied(ex.Context.Contact)
	channel, _ := contact["channel"].(map[string]any)
	channel = copied(channel)
	channel["address"] = ex.Contact
	contact["channel"] = channel
	c := ex.Context
	return map[string]any{
		"trigger": present(c.Trigger),
		"flow": map[string]any{
			"sid": string(ex.SID), "flow_sid": string(ex.FlowSID), "variables": present(c.Variables), "data": present(c.Data),
			"channel": map[string]any{"address": ex.Channel},
		},
		"contact": contact,
		"widgets": present(c.Widgets),
	}
}

// present is m, or an empty map for readers to whom null would be a surprise.
func present[M ~map[string]V, V any](m M) M {
	if m == nil {
		return M{}
	}
	return m
}

// UnmarshalJSON reads a context with whole numbers as int, however long it lay
// as JSON.
func (c *Context) UnmarshalJSON(raw []byte) error {
	type plain Context // without this method
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode((*plain)(c)); err != nil {
		return err
	}
	for _, m := range []map[string]any{c.Trigger, c.Contact, c.Variables, c.Data} {
		cleanIn(m)
	}
	for _, m := range c.Widgets {
		cleanIn(m)
	}
	return nil
}

func cleanIn(m map[string]any) {
	for k, v := range m {
		m[k] = clean(v)
	}
}

// clean returns a copy of a value with numbers as templates want them, and with
// texts as they are.
func clean(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
		return v.String()
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v)
		}
	case int64:
		return int(v)
	case json.RawMessage:
		if parsed, ok := parseJSON(string(v)); ok {
			return parsed
		}
		return string(v)
	case map[string]any:
		return cleanMap(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = clean(v[i])
		}
		return list
	}
	return v
}

func cleanMap(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = clean(v)
	}
	return out
}

// parseJSON reads a JSON document that is not nested too deep.
func parseJSON(text string) (v any, ok bool) {
	raw, err := attr.ParseValue(text, 0)
	if err != nil || text == "" {
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return nil, false
	}
	return clean(v), true
}

// message makes of a message what templates see: attributes that come as text
// are objects.
func message(data map[string]any) map[string]any {
	out := cleanMap(data)
	for _, name := range []string{"ChannelAttributes", "Attributes"} {
		if s, ok := out[name].(string); ok {
			if v, ok := parseJSON(s); ok {
				out[name] = v
			}
		}
	}
	return out
}

// size is about how many bytes a value takes as JSON.
func size(v any) int {
	switch v := v.(type) {
	case string:
		return 2 + len(v)
	case map[string]any:
		n := 2
		for k, v := range v {
			n += 4 + len(k) + size(v)
		}
		return n
	case []any:
		n := 2
		for _, v := range v {
			n += 1 + size(v)
		}
		return n
	case Context:
		n := size(v.Trigger) + size(v.Contact) + size(v.Variables) + size(v.Data)
		for k, m := range v.Widgets {
			n += 4 + len(k) + size(m)
		}
		return n
	}
	return 8
}

// merged returns the values of both, those of b first.
func merged(a, b map[string]any) map[string]any {
	out := copied(a)
	maps.Copy(out, b)
	return out
}

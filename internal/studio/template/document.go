package template

import (
	"encoding/json"
	"strings"
)

// hole stands for a template that stands where a value does, while the rest of
// the document is checked. No document that Document takes holds it otherwise.
const hole = `"\u0000"`

// Document renders a JSON document that holds templates: fn gets every string,
// keys and values, and every template that stands where a value does, such as
// {"visits": {{flow.variables.visits}}}. What fn returns for a string becomes a
// string; what it returns for such a template stays as it is when it is JSON,
// and becomes a string or null else. So the result is JSON whatever customers
// wrote. It keeps order and spelling of all else. ok is false when the text is
// no such document.
func Document(text string, fn func(string) string) (out string, ok bool) {
	masked, holes, ok := mask(text)
	if !ok || !json.Valid([]byte(masked)) {
		return "", false
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(masked, '"')
		if i < 0 {
			break
		}
		end := stringEnd(masked, i)
		token := masked[i:end]
		b.WriteString(masked[:i])
		if token == hole {
			b.WriteString(asValue(fn(holes[0])))
			holes = holes[1:]
		} else {
			b.WriteString(quote(fn(unquote(token))))
		}
		masked = masked[end:]
	}
	b.WriteString(masked)
	return b.String(), true
}

// mask puts a hole where a template stands outside of strings.
func mask(text string) (masked string, holes []string, ok bool) {
	if strings.Contains(text, `\u0000`) {
		return "", nil, false
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		switch {
		case text[i] == '"':
			end := stringEnd(text, i)
			b.WriteString(text[i:end])
			i = end
		case strings.HasPrefix(text[i:], "{{"):
			n := strings.Index(text[i:], "}}")
			if n < 0 {
				return "", nil, false
			}
			holes = append(holes, text[i:i+n+2])
			b.WriteString(hole)
			i += n + 2
		default:
			b.WriteByte(text[i])
			i++
		}
	}
	return b.String(), holes, true
}

// stringEnd returns the end of the string that begins at i, or of the text.
func stringEnd(text string, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

func asValue(s string) string {
	switch s = strings.TrimSpace(s); {
	case s == "":
		return "null"
	case json.Valid([]byte(s)):
		return s
	}
	return quote(s)
}

func unquote(s string) string {
	var out string
	if json.Unmarshal([]byte(s), &out) != nil {
		return ""
	}
	return out
}

func quote(s string) string { return toJSON(s) }

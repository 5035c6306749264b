package smpp

import (
	"strings"

	"usher/internal/connector/smpp/pdu"
)

// outward makes an address of the wire: a number without its plus as an international one, a short code with an unknown type, a name as
// alphanumeric. Settings go before.
func (c *Connection) outward(address string, ton, npi int) pdu.Address {
	number, plus := strings.CutPrefix(address, "+")
	a := pdu.Address{Number: number}
	switch {
	case strings.Trim(number, "0123456789") != "":
		a.TON = pdu.Alphanumeric
	case plus:
		a.TON, a.NPI = pdu.International, 1
	default:
		a.NPI = 1
	}
	if ton >= 0 {
		a.TON = byte(ton)
	}
	if npi >= 0 {
		a.NPI = byte(npi)
	}
	return a
}

// shortest is how many digits a number of an unknown type has at least to be taken for an international one. Shorter ones are
// short codes.
const shortest = 8

// inward makes an address of a carrier's: E.164 with its plus where it is a whole number.
func (c *Connection) inward(a pdu.Address) string {
	number := strings.TrimSpace(a.Number)
	digits := strings.TrimPrefix(number, "+")
	switch {
	case digits == "" || strings.Trim(digits, "0123456789") != "", a.TON == pdu.Alphanumeric:
		return number
	case digits != number:
		return number
	case a.TON == pdu.International:
		return "+" + strings.TrimPrefix(digits, "00")
	case a.TON == pdu.National && c.country != "":
		return "+" + c.country + strings.TrimLeft(digits, "0")
	case strings.HasPrefix(digits, "00") && len(digits) > shortest:
		return "+" + digits[2:]
	case a.TON == 0 && len(digits) >= shortest && digits[0] != '0':
		return "+" + digits
	case c.country != "" && len(digits) >= shortest && digits[0] == '0':
		return "+" + c.country + digits[1:]
	}
	return digits
}

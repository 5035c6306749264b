package segment

import "strings"

// lookalikes are the characters that the original's “smart encoding” replaces, behind what it puts in their place. Blanks of any width become one
// space.
var lookalikes = map[string]string{
	`"`:   "«»“”ʺˮ‟❝❞〝〞＂„",
	`'`:   "‘’ʻˈʼʽʹ‛＇´ˊ`ˋ❛❜\u0313\u0314︐︑",
	"/":   "÷⧸\u0337\u0338⁄∕／",
	`\`:   "⧹⧵\u20e5﹨＼",
	"_":   "\u0332＿‗",
	"|":   "\u20d2\u20d3∣｜⎸⎹⏐⎜⎟",
	"-":   "⎼⎽―﹣－‐⁃—–•",
	"@":   "﹫＠",
	"$":   "﹩＄",
	"!":   "ǃ︕﹗！",
	"!!":  "‼",
	"#":   "﹟＃",
	"%":   "﹪％",
	"&":   "﹠＆",
	",":   "‚\u0326﹐﹑，､、",
	"(":   "❨❪﹙（⟮⦅",
	")":   "❩❫﹚）⟯⦆",
	"*":   "⁎∗⊛✢✣✤✥✱✲✳✺✻✼✽❃❉❊❋⧆﹡＊",
	"+":   "˖﹢＋",
	".":   "。﹒．｡",
	"...": "…",
	":":   "ː˸⦂꞉︓：",
	";":   "⁏︔﹔；",
	"<":   "﹤＜‹",
	"=":   "\u0347꞊﹦＝",
	">":   "﹥＞›",
	"?":   "︖﹖？",
	"^":   "ˆ\u0302＾\u1dcd",
	"{":   "❴﹛｛",
	"}":   "❵﹜｝",
	"[":   "［",
	"]":   "］",
	"~":   "˜˷\u0303\u0330\u0334∼～",
	"1/4": "¼",
	"1/2": "½",
	"3/4": "¾",
	" ": "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u2028\u2029\t" +
		"\u0080\u008d\u0090\u009b\u009f",
	"": "\u0000\u0003\u0004\u0010\u0011\u0012\u0013\u0014\u0017\u0019\u200b\u200c\u2060\ufeff",
}

// Digits and letters of full width, and small capitals with what they stand for.
const (
	wideDigits  = "０１２３４５６７８９"
	wideLetters = "ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ"
	smallFrom   = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ"
	smallTo     = "ABCDEFGHIJKLMNOPRSTUVWYZ"
)

var replacements = smartTable()

func smartTable() map[rune]string {
	m := map[rune]string{}
	for to, from := range lookalikes {
		for _, r := range from {
			m[r] = to
		}
	}
	for i, r := range []rune(wideDigits) {
		m[r] = string(rune('0' + i))
	}
	for i, r := range []rune(wideLetters) {
		m[r] = string(rune('A' + i))
	}
	for i, r := range []rune(smallFrom) {
		m[r] = smallTo[i : i+1]
	}
	return m
}

// Smart replaces typographic characters by plain ones of GSM-7 that look like them, such as quotes, dashes and blanks. It does so only where the
// whole text then fits into GSM-7; else it changes nothing, since nothing would be saved.
func Smart(text string) string {
	if Detect(text) == GSM7 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text {
		if septets(r) > 0 {
			b.WriteRune(r)
			continue
		}
		to, ok := replacements[r]
		if !ok {
			return text
		}
		b.WriteString(to)
	}
	return b.String()
}

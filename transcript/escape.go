package transcript

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape shows characters that could drive a terminal, or hide or reorder what
// follows, as \x1b, \u202e or \U000e0041, and bytes that are no text as \xff. Line
// breaks stay; tabs become four spaces.
func escape(s string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case c == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case c == '\r' && i+1 < len(s) && s[i+1] == '\n', c == '\n':
			b.WriteByte('\n')
			if c == '\r' {
				n = 2
			}
		case c == '\t':
			b.WriteString("    ")
		case !risky(c):
			b.WriteRune(c)
		case c < 0x100:
			fmt.Fprintf(&b, `\x%02x`, c)
		case c < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			fmt.Fprintf(&b, `\U%08x`, c)
		}
		i += n
	}
	return b.String()
}

func clean(s string) bool {
	for _, c := range s {
		if c == utf8.RuneError || c != '\n' && risky(c) {
			return false
		}
	}
	return true
}

// risky reports control, format and separator characters. The joiners that emoji and
// many scripts need are none.
func risky(c rune) bool {
	if c < 0x7f {
		return c < 0x20
	}
	const zwnj, zwj = 0x200c, 0x200d
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && c != zwnj && c != zwj
}

// line is escape for what must stay on one line.
func line(s string) string { return strings.ReplaceAll(escape(s), "\n", `\n`) }

// wrap breaks a line between words, and a word only where it is wider than a line.
func wrap(s string, most int) []string {
	var lines []string
	for {
		col, space, end := 0, -1, len(s)
		for i, c := range s {
			if c == ' ' && strings.TrimLeft(s[:i], " ") != "" {
				space = i
			}
			if col += runeWidth(c); col > most {
				end = i
				break
			}
		}
		if end == len(s) {
			return append(lines, s)
		}
		if space >= 0 {
			end = space
		} else if end == 0 {
			_, end = utf8.DecodeRuneInString(s)
		}
		lines = append(lines, s[:end])
		s = strings.TrimLeft(s[end:], " ")
		if s == "" {
			return lines
		}
	}
}

func width(s string) int {
	n := 0
	for _, c := range s {
		n += runeWidth(c)
	}
	return n
}

// runeWidth estimates the columns of a character: none for marks and joiners, two for
// East Asian wide characters and emoji.
func runeWidth(c rune) int {
	switch {
	case c < 0x300:
		return 1
	case unicode.In(c, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case c >= 0x1100 && c <= 0x115f, c >= 0x2e80 && c <= 0xa4cf, c >= 0xac00 && c <= 0xd7a3,
		c >= 0xf900 && c <= 0xfaff, c >= 0xfe30 && c <= 0xfe6f, c >= 0xff00 && c <= 0xff60,
		c >= 0xffe0 && c <= 0xffe6, c >= 0x1f300 && c <= 0x1f64f, c >= 0x1f680 && c <= 0x1f6ff,
		c >= 0x1f900 && c <= 0x1faff, c >= 0x20000 && c <= 0x3fffd:
		return 2
	}
	return 1
}

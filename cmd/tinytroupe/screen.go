package main

import (
	"fmt"
	"io"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A screen stands before stdout and stderr, so that nothing that a model, a server, a
// study or a file's name says can drive a terminal, whatever prints it: what would is
// shown as \u and its number, which in JSON is the same text. Line breaks, tabs and,
// where there are to be any, colours go through.
type screen struct {
	w       io.Writer
	colours bool
	line    *statusLine // below what is written; nil where there is none

	mu   sync.Mutex
	rest []byte // the beginning of a character, or of a colour, that a write ended in
	err  error  // the first that a write ended with
}

// lost returns why something could not be written, nil where all was.
func (s *screen) lost() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := append(s.rest, p...)
	s.rest = nil
	out := make([]byte, 0, len(in))
	for len(in) > 0 {
		if s.colours && in[0] == 0x1b {
			if n := colour(in); n > 0 {
				out, in = append(out, in[:n]...), in[n:]
				continue
			} else if n < 0 {
				break
			}
		}
		c, n := utf8.DecodeRune(in)
		switch {
		case c == utf8.RuneError && n == 1 && !utf8.FullRune(in):
			s.rest = append(s.rest, in...)
			in = nil
			continue
		case c == utf8.RuneError && n == 1:
			out = append(out, "\ufffd"...)
		case drives(c):
			out = fmt.Appendf(out, "\\u%04x", c)
		default:
			out = append(out, in[:n]...)
		}
		in = in[n:]
	}
	s.rest = append(s.rest, in...)
	if _, err := s.line.over(s.w, out); err != nil {
		if s.err == nil {
			s.err = err
		}
		return 0, err
	}
	return len(p), nil
}

// colour returns the length of the colour that b begins with, 0 where it is none and
// -1 where more of it may come.
func colour(b []byte) int {
	for i := 1; i < len(b) && i < 24; i++ {
		switch c := b[i]; {
		case i == 1 && c != '[':
			return 0
		case i == 1, c >= '0' && c <= '9', c == ';':
		case c == 'm':
			return i + 1
		default:
			return 0
		}
	}
	if len(b) >= 24 {
		return 0
	}
	return -1
}

// drives reports whether a character does something to a terminal, or to the order in
// which it shows others.
func drives(c rune) bool {
	return c != '\n' && c != '\t' && (unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == 0x2028 || c == 0x2029)
}

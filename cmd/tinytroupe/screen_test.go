package main

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestScreen(t *testing.T) {
	for _, tt := range []struct {
		colours bool
		in      []string
		want    string
	}{
		{false, []string{"plain\n\ttext, Zoë 東京 🙂\n"}, "plain\n\ttext, Zoë 東京 🙂\n"},
		{false, []string{"\x1b[31mred\x1b[0m\r\a\u009b\x7f"}, `\u001b[31mred\u001b[0m\u000d\u0007\u009b\u007f`},
		{true, []string{"\x1b[31mred\x1b[0m\x1b[2J\x1b]52;c;x\a"}, "\x1b[31mred\x1b[0m" + `\u001b[2J\u001b]52;c;x\u0007`},
		{true, []string{"\x1b", "[3", "1", "mred", "\x1b[", "2J"}, "\x1b[31mred" + `\u001b[2J`},
		{false, []string{"Zo\xc3", "\xab \xe6\x9d", "\xb1"}, "Zoë 東"},
		{false, []string{"a\xffb"}, "a\ufffdb"},
		{false, []string{"\u202eabc\u2066\u200f\u2028"}, `\u202eabc\u2066\u200f\u2028`},
	} {
		var b bytes.Buffer
		s := &screen{w: &b, colours: tt.colours}
		for _, p := range tt.in {
			if n, err := s.Write([]byte(p)); n != len(p) || err != nil {
				t.Error(n, err)
			}
		}
		if b.String() != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, b.String(), tt.want)
		}
	}
	// JSON says the same as before.
	in, err := json.Marshal(driving)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	(&screen{w: &b}).Write(in)
	var out string
	if err := json.Unmarshal(b.Bytes(), &out); err != nil || out != driving {
		t.Errorf("%q, %v", out, err)
	}
	undriven(t, "JSON", b.String(), false)
}

func FuzzScreen(f *testing.F) {
	f.Add([]byte(driving), 3, true)
	f.Add([]byte("\x1b[0m\xf0\x9f"), 1, false)
	f.Fuzz(func(t *testing.T, data []byte, at int, colours bool) {
		write := func(parts ...[]byte) string {
			var b bytes.Buffer
			s := &screen{w: &b, colours: colours}
			for _, p := range parts {
				if n, err := s.Write(p); n != len(p) || err != nil {
					t.Error(n, err)
				}
			}
			undriven(t, "", b.String(), colours)
			return b.String()
		}
		at = max(0, min(at, len(data)))
		if a, b := write(data), write(data[:at], data[at:]); a != b {
			t.Errorf("cut at %d: %q and %q", at, b, a)
		}
	})
}

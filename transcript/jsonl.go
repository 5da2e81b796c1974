package transcript

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf16"
)

// jsonLines renders each Entry as one line of JSON.
type jsonLines struct{}

func (jsonLines) append(b []byte, e *Entry) []byte {
	if e.Kind == kindNotice {
		return append(b, `{"rehearsal":true,"notice":"`+Notice+`"}`+"\n"...)
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	// An Entry is strings, numbers and a simulated time: only a year beyond 9999 fails.
	if err := enc.Encode(e); err != nil {
		buf.Reset()
		_ = json.NewEncoder(&buf).Encode(map[string]any{"seq": e.Seq, "kind": "failed", "content": err.Error()})
	}
	// Such characters stand only within strings, where they may be escaped.
	for _, c := range buf.String() {
		switch {
		case c == '\n' || !risky(c):
			b = append(b, string(c)...)
		case c < 0x10000:
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			hi, lo := utf16.EncodeRune(c)
			b = fmt.Appendf(b, `\u%04x\u%04x`, hi, lo)
		}
	}
	return b
}

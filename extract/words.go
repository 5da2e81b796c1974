package extract

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/words"
)

// hits counts which words of a list stand in a text, each once.
func hits(text string, list []string) int {
	t := words.Of(text)
	n := 0
	for _, w := range list {
		prefix := strings.HasSuffix(w, "*")
		if contains(t, words.Of(w), prefix) {
			n++
		}
	}
	return n
}

// contains reports whether phrase stands in text; with prefix, its last word may go on.
func contains(text, phrase []string, prefix bool) bool {
	n := len(phrase)
	for i := 0; n > 0 && i+n <= len(text); i++ {
		ok := true
		for j := range phrase {
			last := prefix && j == n-1
			ok = ok && (text[i+j] == phrase[j] || last && strings.HasPrefix(text[i+j], phrase[j]))
		}
		if ok {
			return true
		}
	}
	return false
}

// ReadCodes reads a codebook: CSV with a header and the columns code, description and
// words, of which the last two may be missing; words are parted by semicolons. A row may
// end before the last column, and not go on behind it: a comma that was meant for a
// semicolon would lose words.
func ReadCodes(file string, r io.Reader) ([]Code, error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	head, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s:1: expected a header with the column code", file)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	columns := map[string]int{}
	for i, h := range head {
		h = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))
		if h != "code" && h != "description" && h != "words" {
			return nil, fmt.Errorf("%s:1: no column is called %q; there are code, description and words", file, h)
		}
		columns[h] = i
	}
	if _, ok := columns["code"]; !ok {
		return nil, fmt.Errorf("%s:1: expected a column code", file)
	}
	var codes []Code
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			if len(codes) == 0 { // which elsewhere means that a codebook is to be made
				return nil, fmt.Errorf("%s: there is no code below the header", file)
			}
			return codes, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		line, _ := c.FieldPos(0)
		if len(row) > len(head) {
			return nil, fmt.Errorf("%s:%d: the row has %d cells, the header %d; words are parted by semicolons, and a text with a comma stands in quotation marks", file, line, len(row), len(head))
		}
		cell := func(name string) string {
			if i, ok := columns[name]; ok && i < len(row) {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		code := Code{Name: cell("code"), Text: cell("description")}
		for w := range strings.SplitSeq(cell("words"), ";") {
			if w = strings.TrimSpace(w); w != "" {
				code.Words = append(code.Words, w)
			}
		}
		codes = append(codes, code)
		if err := checkCodes(codes); err != nil { // of the last: those before it passed
			return nil, fmt.Errorf("%s:%d: %w", file, line, err)
		}
	}
}

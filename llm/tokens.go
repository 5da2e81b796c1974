package llm

import (
	"strings"
	"unicode/utf8"
)

const (
	messageTokens = 4      // what a message costs beside its text
	replyTokens   = 3      // what opens the reply
	imageTokens   = 1_000  // a usual image; providers count from about 85 to 3,000
	imageBound    = 50_000 // the most that a known provider counts for one image
	hiddenBound   = 300    // what providers add unseen
	defaultOutput = 8192   // the bound on a reply where the request sets none
)

// Tokens estimates how many tokens a text is. Vocabularies differ, so it is a guess
// from the script alone, for English prose usually within a quarter: four bytes a
// token where the text is ASCII, two letters where they take two bytes, as accented,
// Greek and Cyrillic letters do, and one token for each character of other scripts,
// which is more than new vocabularies need.
func Tokens(text string) int {
	var ascii, two, other int
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			ascii++
			i++
			continue
		}
		_, n := utf8.DecodeRuneInString(text[i:])
		if n == 2 {
			two++
		} else {
			other++
		}
		i += n
	}
	return (ascii+3)/4 + (two+1)/2 + other
}

// EstimateInput estimates the input tokens of a request: its texts, its images at
// about 1,000 each, its schema, and a little for each message. For a price before a
// run, not for a limit; see [Spend] for that.
func EstimateInput(req *Request) int {
	n := Tokens(req.System) + replyTokens
	if req.System != "" {
		n += messageTokens
	}
	for i := range req.Messages {
		n += messageTokens
		for _, p := range req.Messages[i].Parts {
			n += Tokens(p.Text)
			if p.Image != nil {
				n += imageTokens
			}
		}
	}
	if req.Schema != nil {
		n += Tokens(string(req.Schema.Body))
	}
	return n
}

// bound returns the most that a call can use. No vocabulary in use has tokens of
// less than a byte, so bytes bound the input.
func bound(req *Request) Usage {
	n := hiddenBound + len(req.System)
	for i := range req.Messages {
		n += 4 * messageTokens
		for _, p := range req.Messages[i].Parts {
			n += len(p.Text)
			if p.Image != nil {
				n += imageBound
			}
		}
	}
	if req.Schema != nil {
		n += 2 * len(req.Schema.Body) // providers write it out in their own way
	}
	out := req.MaxTokens
	if out <= 0 {
		out = defaultOutput
	}
	return Usage{Input: n, Output: out}
}

// blank reports whether a reply says nothing.
func blank(text string) bool { return strings.TrimSpace(text) == "" }

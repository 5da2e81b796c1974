// Package rawjson writes JSON as people and models read it: compactly, on one line, with
// <, > and & as they are.
package rawjson

import (
	"bytes"
	"encoding/json"
)

// Marshal encodes v.
func Marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Of encodes what can be, such as texts, finite numbers and lists of them; all else is null.
func Of(v any) json.RawMessage {
	b, err := Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return b
}

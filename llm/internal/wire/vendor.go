package wire

import (
	"encoding/json"
	"slices"
	"strings"
)

// Says reports whether a server's words hold one of these.
func Says(said string, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(said, w) })
}

// InPrompt is how a schema is asked for where a model takes it in no other way. It goes
// to the end of the prompt, where it leaves the prefix alone.
func InPrompt(schema json.RawMessage) string {
	return "\n\nReply with one JSON object and nothing else. It must be valid under this JSON schema:\n" + string(schema)
}

// Identity is what stands for a model in the keys of its calls: its name, the address
// where that is not the usual one, the settings that are not zero, and extra fields as
// [Fields] writes them.
func Identity(name, address, usual string, settings any, extra []byte) string {
	if address != usual {
		name += " at " + address
	}
	if b, err := json.Marshal(settings); err == nil && string(b) != "{}" {
		name += " with " + string(b)
	}
	if len(extra) > 0 {
		name += " and " + string(extra[1:])
	}
	return name
}

package mind

import (
	"encoding/json"
	"strconv"

	"github.com/tinytroupe-go/tinytroupe"
)

// Bounds keep small models, which may run on for ever, to a reply that fits.
const (
	mostName   = 200 // characters in a target
	mostState  = 400 // characters in each part of the state
	mostMemos  = 6
	mostAnswer = 8000
)

// replySchema is the schema of a decision by somebody who can do acts.
func replySchema(acts []tinytroupe.ActSpec, actions, content int) json.RawMessage {
	b := []byte(`{"type":"object","properties":{"actions":{"type":"array","maxItems":`)
	b = strconv.AppendInt(b, int64(actions), 10)
	b = append(b, `,"items":{"type":"object","properties":{"type":{"type":"string","enum":[`...)
	for i, a := range acts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, string(a.Kind))
	}
	b = append(b, `]},"target":`...)
	b = appendStringSchema(b, mostName)
	b = append(b, `,"content":`...)
	b = appendStringSchema(b, content)
	b = append(b, `},"required":["type","target","content"],"additionalProperties":false}},"state":{"type":"object","properties":{"goals":`...)
	b = appendStringSchema(b, mostState)
	b = append(b, `,"attention":`...)
	b = appendStringSchema(b, mostState)
	b = append(b, `,"emotions":`...)
	b = appendStringSchema(b, mostState)
	return append(b, `},"required":["goals","attention","emotions"],"additionalProperties":false}},"required":["actions","state"],"additionalProperties":false}`...)
}

// consolidationSchema is the schema of a consolidation.
func consolidationSchema(summary int) json.RawMessage {
	b := []byte(`{"type":"object","properties":{"summary":`)
	b = appendStringSchema(b, summary)
	b = append(b, `,"memos":{"type":"array","maxItems":`...)
	b = strconv.AppendInt(b, mostMemos, 10)
	b = append(b, `,"items":`...)
	b = appendStringSchema(b, summary/10)
	return append(b, `}},"required":["summary","memos"],"additionalProperties":false}`...)
}

// answerSchema is the schema of a free answer.
func answerSchema() json.RawMessage {
	b := appendStringSchema([]byte(`{"type":"object","properties":{"answer":`), mostAnswer)
	return append(b, `},"required":["answer"],"additionalProperties":false}`...)
}

func appendStringSchema(b []byte, most int) []byte {
	b = append(b, `{"type":"string","maxLength":`...)
	b = strconv.AppendInt(b, int64(most), 10)
	return append(b, '}')
}

// reply is what a model says in a turn.
type reply struct {
	Actions []tinytroupe.Action     `json:"actions"`
	State   *tinytroupe.MentalState `json:"state"`
}

type consolidation struct {
	Summary string   `json:"summary"`
	Memos   []string `json:"memos"`
}

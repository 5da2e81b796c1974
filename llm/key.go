package llm

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
)

// Key names a call: 32 hexadecimal digits that depend on everything that can change
// the answer, and on nothing else. model is the model's name (see [Identified]).
//
// It is the first half of the SHA-256 of a sequence of fields, each a tag byte, the
// length of the value as an unsigned varint, and the value: "v" the version 1, "m"
// the model, "s" the system prompt, for each message "r" its role and for each of
// its parts "t" the text or "i" the media type and "d" the bytes of an image; then,
// where they are set, "n" and "b" the schema's name and body, "T" temperature and
// "P" top-p (IEEE 754 bits, big endian), "M" the most tokens, "E" effort, "S" each
// stop sequence and "D" the draw (decimal varints). Labels and cache marks are left
// out. Keys do not change between versions of this module without a new version
// field, since records hold them.
func Key(model string, req *Request) string {
	size := 64 + len(model) + len(req.System)
	for i := range req.Messages {
		for _, p := range req.Messages[i].Parts {
			size += len(p.Text) + 16
			if p.Image != nil {
				size += len(p.Image.Data)
			}
		}
	}
	if req.Schema != nil {
		size += len(req.Schema.Body)
	}
	b := make([]byte, 0, size)
	b = field(b, 'v', "1")
	b = field(b, 'm', model)
	b = field(b, 's', req.System)
	for i := range req.Messages {
		b = field(b, 'r', req.Messages[i].Role)
		for _, p := range req.Messages[i].Parts {
			if p.Image != nil {
				b = field(b, 'i', p.Image.MediaType)
				b = field(b, 'd', p.Image.Data)
			}
			if p.Image == nil || p.Text != "" {
				b = field(b, 't', p.Text)
			}
		}
	}
	if req.Schema != nil {
		b = field(b, 'n', req.Schema.Name)
		b = field(b, 'b', req.Schema.Body)
	}
	if req.Temperature != nil {
		b = field(b, 'T', binary.BigEndian.AppendUint64(nil, math.Float64bits(*req.Temperature)))
	}
	if req.TopP != nil {
		b = field(b, 'P', binary.BigEndian.AppendUint64(nil, math.Float64bits(*req.TopP)))
	}
	if req.MaxTokens != 0 {
		b = field(b, 'M', binary.AppendVarint(nil, int64(req.MaxTokens)))
	}
	if req.Effort != "" {
		b = field(b, 'E', req.Effort)
	}
	for _, s := range req.Stop {
		b = field(b, 'S', s)
	}
	if req.Draw != 0 {
		b = field(b, 'D', binary.AppendVarint(nil, int64(req.Draw)))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

func field[T ~string | ~[]byte](b []byte, tag byte, value T) []byte {
	b = append(b, tag)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

// keyOf is the key of req for m, computed at most once per call.
func keyOf(m Model, req *Request) string {
	if req.key != "" {
		return req.key
	}
	return Key(identity(m), req)
}

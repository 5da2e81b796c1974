package llm

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
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
	h := &fields{hash: sha256.New()}
	field(h, 'v', "1")
	field(h, 'm', model)
	field(h, 's', req.System)
	for i := range req.Messages {
		field(h, 'r', req.Messages[i].Role)
		for _, p := range req.Messages[i].Parts {
			if p.Image != nil {
				field(h, 'i', p.Image.MediaType)
				field(h, 'd', p.Image.Data)
			}
			if p.Image == nil || p.Text != "" {
				field(h, 't', p.Text)
			}
		}
	}
	if req.Schema != nil {
		field(h, 'n', req.Schema.Name)
		field(h, 'b', req.Schema.Body)
	}
	if req.Temperature != nil {
		field(h, 'T', binary.BigEndian.AppendUint64(nil, math.Float64bits(*req.Temperature)))
	}
	if req.TopP != nil {
		field(h, 'P', binary.BigEndian.AppendUint64(nil, math.Float64bits(*req.TopP)))
	}
	if req.MaxTokens != 0 {
		field(h, 'M', binary.AppendVarint(nil, int64(req.MaxTokens)))
	}
	if req.Effort != "" {
		field(h, 'E', req.Effort)
	}
	for _, s := range req.Stop {
		field(h, 'S', s)
	}
	if req.Draw != 0 {
		field(h, 'D', binary.AppendVarint(nil, int64(req.Draw)))
	}
	h.flush()
	return hex.EncodeToString(h.hash.Sum(nil)[:16])
}

// fields feeds a hash in pieces, so that a long prompt is not copied as a whole.
type fields struct {
	hash hash.Hash
	buf  [2048]byte
	n    int
}

func (f *fields) flush() {
	f.hash.Write(f.buf[:f.n])
	f.n = 0
}

func field[T ~string | ~[]byte](f *fields, tag byte, value T) {
	if len(f.buf)-f.n < 1+binary.MaxVarintLen64 {
		f.flush()
	}
	f.buf[f.n] = tag
	f.n += 1 + binary.PutUvarint(f.buf[f.n+1:], uint64(len(value)))
	for {
		k := copy(f.buf[f.n:], value)
		f.n += k
		if value = value[k:]; len(value) == 0 {
			return
		}
		f.flush()
	}
}

// keyOf is the key of req for m, computed at most once per call.
func keyOf(m Model, req *Request) string {
	if req.key != "" {
		return req.key
	}
	return Key(Identity(m), req)
}

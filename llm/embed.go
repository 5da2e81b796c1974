package llm

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"
)

// EmbedderOptions say what to put around an embedder. Nil parts are left out.
type EmbedderOptions struct {
	Store   CallStore
	Retry   *RetryOptions // nil means the defaults; Attempts 1 is no retry
	Limiter *Limiter
	Budget  *Budget
	Log     CallLog
}

// WrapEmbedder does for an embedder what Cache, Retry, Limit, Spend and Meter do for
// a model, in this order. Each text is a call of its own in the record, so that it is
// found again in whatever company it is asked for; what is not found is sent
// together, and counts as one call for the budget. The usage of a batch is shared out
// by length.
func WrapEmbedder(e Embedder, o *EmbedderOptions) Embedder {
	w := &embedder{Embedder: e}
	if o != nil {
		w.o = *o
	}
	w.retry = w.o.Retry.withDefaults()
	w.id = e.Name()
	if i, ok := e.(Identified); ok {
		w.id = i.Identity()
	}
	return w
}

type embedder struct {
	Embedder
	o     EmbedderOptions
	id    string // what stands for the embedder in keys
	retry RetryOptions
	locks keyLocks
}

// EmbedKey names the embedding of one text by an embedder: its name, or its identity
// where it is [Identified].
func EmbedKey(embedder, text string) string {
	return Key("embed "+embedder, embedRequest(text))
}

func embedRequest(text string) *Request { return &Request{Messages: []Message{Text(User, text)}} }

// Embed returns the vectors of texts. The usage is what was paid now.
func (w *embedder) Embed(ctx context.Context, texts []string) ([][]float32, Usage, error) {
	keys := make([]string, len(texts))
	for i, t := range texts {
		keys[i] = EmbedKey(w.id, t)
	}
	found := make(map[string][]float32, len(texts))
	missing, err := w.find(keys, found)
	if err != nil {
		return nil, Usage{}, err
	}
	var used Usage
	if len(missing) > 0 {
		slices.Sort(missing) // one order for all, so that no two wait for each other
		for _, k := range missing {
			unlock, err := w.locks.lock(ctx, k)
			if err != nil {
				return nil, Usage{}, err
			}
			defer unlock()
		}
		if _, err = w.find(keys, found); err != nil {
			return nil, Usage{}, err
		}
		var batch, names []string
		for i, k := range keys {
			if _, ok := found[k]; !ok && !slices.Contains(names, k) {
				batch, names = append(batch, texts[i]), append(names, k)
			}
		}
		if len(batch) > 0 {
			var vectors [][]float32
			if vectors, used, err = w.send(ctx, names, batch); err != nil {
				return nil, used, err
			}
			for i, v := range vectors {
				found[names[i]] = v
			}
		}
	}
	out := make([][]float32, len(texts))
	for i, k := range keys {
		out[i] = slices.Clone(found[k])
	}
	return out, used, nil
}

// find looks up the keys that are not in found, and returns those it does not find,
// each once.
func (w *embedder) find(keys []string, found map[string][]float32) (missing []string, err error) {
	seen := make(map[string]bool, len(keys))
	for _, k := range keys {
		if found[k] != nil || seen[k] {
			continue
		}
		seen[k] = true
		if w.o.Store != nil {
			resp, ok, err := w.o.Store.Get(k)
			if err != nil {
				return nil, err
			}
			if ok {
				if found[k], err = parseVector(resp.Text); err != nil {
					return nil, fmt.Errorf("stored call %s: %w", k, err)
				}
				continue
			}
		}
		missing = append(missing, k)
	}
	return missing, nil
}

type embedded struct {
	vectors [][]float32
	usage   Usage
}

// send embeds a batch through retry, limit, budget and log. What came is not asked for
// again. The usage is that of all attempts.
func (w *embedder) send(ctx context.Context, keys, batch []string) (got [][]float32, used Usage, err error) {
	call := func(ctx context.Context) (none struct{}, err error) {
		r, err := w.attempt(ctx, keys[len(got):], batch[len(got):])
		if got, used = append(got, r.vectors...), used.Add(r.usage); len(got) == len(batch) {
			return none, nil // all came, whatever else was said
		}
		return none, err
	}
	_, err = retry(ctx, w.retry, func() string { return keys[0] }, func(ctx context.Context) (struct{}, error) {
		if w.o.Limiter == nil {
			ctx, cancel := underway(ctx)
			defer cancel()
			return call(ctx)
		}
		return limited(ctx, w.o.Limiter, laneKey{model: w.Name()}, call)
	})
	if err == nil {
		err = checkVectors(got, len(batch))
	}
	return got, used, err
}

// attempt is one call within its slot.
func (w *embedder) attempt(ctx context.Context, keys, batch []string) (embedded, error) {
	if w.o.Budget == nil {
		return w.record(ctx, keys, batch)
	}
	var most Usage
	for _, t := range batch {
		most.Input += len(t) + messageTokens
	}
	settle, err := w.o.Budget.reserve(ctx, w.Name(), most)
	if err != nil {
		return embedded{}, err
	}
	var used *Usage // nil also where Embed panics
	defer func() { settle(used) }()
	r, err := w.record(ctx, keys, batch)
	var resp *Response
	if r.usage != (Usage{}) || err == nil {
		resp = &Response{Usage: r.usage}
	}
	used = charge(ctx, resp, err)
	return r, err
}

// record sends a batch and keeps the record of it.
func (w *embedder) record(ctx context.Context, keys, batch []string) (r embedded, err error) {
	start := time.Now()
	ids := make([]int64, 0, len(batch))
	if w.o.Log != nil {
		for i, t := range batch {
			c := &Call{Key: keys[i], Model: w.Name(), Request: embedRequest(t), Label: Label{Purpose: "embed"},
				Bound: Usage{Input: len(t) + messageTokens}, Start: start}
			id, err := w.o.Log.Begin(c)
			if err != nil {
				return r, fmt.Errorf("recording a call before it is sent: %w", err)
			}
			ids = append(ids, id)
		}
	}
	r.vectors, r.usage, err = w.Embedder.Embed(ctx, batch)
	came := len(batch)
	if err != nil {
		came = min(len(r.vectors), came)
	}
	if bad := checkVectors(r.vectors, came); bad != nil {
		r.vectors, came, err = nil, 0, cmp.Or(err, bad)
	}
	total := 0
	for _, t := range batch[:came] {
		total += len(t) + 1
	}
	left := r.usage
	for i, id := range ids {
		result := &Result{Outcome: Failed, Err: err, Elapsed: time.Since(start)}
		if i < came {
			share := Usage{Input: r.usage.Input * (len(batch[i]) + 1) / total}
			if i == came-1 {
				share = left
			}
			left.Input -= share.Input
			result.Outcome, result.Err = Answered, nil
			result.Response = &Response{Text: formatVector(r.vectors[i]), Finish: FinishStop, Usage: share, Model: w.Name(), Call: keys[i]}
		}
		if err := w.o.Log.End(id, result); err != nil {
			return embedded{usage: r.usage}, fmt.Errorf("recording the end of a call: %w", err)
		}
	}
	return r, err
}

// checkVectors makes sure that there are n vectors of one length.
func checkVectors(vectors [][]float32, n int) error {
	if len(vectors) != n {
		return &InvalidError{Reason: fmt.Sprintf("%d vectors for %d texts", len(vectors), n)}
	}
	for _, v := range vectors {
		if len(v) == 0 || len(v) != len(vectors[0]) {
			return &InvalidError{Reason: fmt.Sprintf("vectors of %d and %d numbers", len(vectors[0]), len(v))}
		}
	}
	return nil
}

// A vector is stored as base64 of its float32s, little endian.
func formatVector(v []float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return base64.StdEncoding.EncodeToString(b)
}

func parseVector(text string) ([]float32, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) == 0 || len(b)%4 != 0 {
		return nil, fmt.Errorf("not a vector: %q", head(text, 20))
	}
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, nil
}

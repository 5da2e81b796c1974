package wire

import (
	"context"
	"fmt"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// Embed sends texts in requests of at most so many texts and bytes, one after the other,
// and checks that all vectors are of one length, each text's in its place. Vectors and
// usage beside an error are those of the requests before it. name is the embedder's, in
// errors.
func Embed(ctx context.Context, name string, texts []string, mostTexts, mostBytes int,
	send func(ctx context.Context, texts []string) ([][]float32, llm.Usage, error),
) ([][]float32, llm.Usage, error) {
	var usage llm.Usage
	var out [][]float32
	for len(texts) > 0 {
		n, size := 0, 0
		for n < len(texts) && n < mostTexts && (n == 0 || size+len(texts[n]) <= mostBytes) {
			size += len(texts[n])
			n++
		}
		vectors, u, err := send(ctx, texts[:n])
		usage = usage.Add(u)
		if err == nil && len(vectors) != n {
			err = odd(name, "%d vectors for %d texts", len(vectors), n)
		}
		all := append(out, vectors...)
		for i := len(out); i < len(all) && err == nil; i++ {
			switch v := all[i]; {
			case len(v) == 0:
				err = odd(name, "no vector for text %d", i+1)
			case len(v) != len(all[0]):
				err = odd(name, "vector %d has %d numbers, the first %d", i+1, len(v), len(all[0]))
			}
		}
		if err != nil {
			return out, usage, err
		}
		out, texts = all, texts[n:]
	}
	return out, usage, nil
}

func odd(name, format string, args ...any) error {
	return &llm.Error{Provider: name, Status: 200, Err: Condition(llm.ErrTransient, fmt.Sprintf(format, args...))}
}

package extract

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

func (c *coder) lines() []codeLine {
	var out []codeLine
	for i, code := range c.codes {
		out = append(out, codeLine{code.Name, code.Text, i + 1})
	}
	return out
}

func textLines(texts []string) string {
	var b []byte
	for i, t := range texts {
		b = strconv.AppendInt(append(b, `{"answer":"a`...), int64(i+1), 10)
		b = append(append(append(b, `","text":`...), rawjson.Of(t)...), "}\n"...)
	}
	return string(b)
}

// book makes codes for texts: all of them, or as many, drawn by the seed, as one call
// takes.
func (c *coder) book(ctx context.Context, texts []string, most int) ([]Code, error) {
	var sample []int
	n := 0
	for _, i := range random(c.x.opts.Seed, "codebook", c.q.ID).Perm(len(texts)) {
		if n += llm.Tokens(texts[i]) + 12; n > c.x.opts.Tokens && len(sample) > 0 {
			break
		}
		sample = append(sample, i)
	}
	slices.Sort(sample)
	var some []string
	for _, i := range sample {
		some = append(some, texts[i])
	}
	text, err := c.x.templates.Text("codebook.tmpl", codebookData{c.x.opts.Objective, c.q.find(), most, c.lines(), textLines(some)})
	if err != nil {
		return nil, err
	}
	var code, root object
	code.add("name", textSchema(mostCodeName))
	code.add("description", textSchema(mostCodeText))
	list := append(strconv.AppendInt([]byte(`{"type":"array","maxItems":`), int64(most), 10), `,"items":`...)
	root.add("codes", append(append(list, code.bytes()...), '}'))
	s, err := llm.NewSchema("codebook", root.bytes())
	if err != nil {
		return nil, err
	}
	reply, _, err := llm.Ask[struct {
		Codes []struct{ Name, Description string }
	}](ctx, c.x.model, c.x.ask(&llm.Request{Messages: []llm.Message{llm.Text(llm.User, text)}, Schema: s, Label: llm.Label{Purpose: "code"}}))
	if err != nil {
		return nil, err
	}
	codes := slices.Clone(c.codes)
	for _, r := range reply.Codes {
		code := Code{Name: clip(strings.Join(strings.Fields(r.Name), " "), mostCodeName), Text: strings.Join(strings.Fields(r.Description), " ")}
		if checkCodes(append(slices.Clip(codes), code)) == nil && len(codes) < len(c.codes)+most {
			codes = append(codes, code)
		}
	}
	if len(codes) == 0 {
		return nil, &llm.InvalidError{Reason: "the codebook is empty"}
	}
	return codes, nil
}

// review looks for further codes in what has none, and codes that again.
func (c *coder) review(ctx context.Context, all []coded) error {
	var at []int
	var texts []string
	for i := range all {
		if all[i].outcome == Answered && len(all[i].codes) == 0 {
			at, texts = append(at, i), append(texts, c.texts[i])
		}
	}
	if len(texts) < 2 {
		return nil
	}
	codes, err := c.book(ctx, texts, c.o.Most-len(c.codes))
	switch {
	case err != nil && (drain.Ended(ctx, err) || llm.Hopeless(err)):
		return err
	case err != nil, len(codes) == len(c.codes): // they stay what they are: other
		return nil
	}
	c.codes = codes
	again, err := c.assign(ctx, texts, 0)
	for i, r := range again {
		if r.outcome == Answered {
			r.calls = append(slices.Clip(all[at[i]].calls), r.calls...)
			all[at[i]] = r
		}
	}
	return err
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/tinytroupe-go/tinytroupe/extract"
)

// Attributes of an answer that was asked for after the run: of which model, and between
// which bounds. Without them, tables would mix what is not the same.
const (
	askedModel = "asked model"
	askedRange = "asked range"
)

// mark says in an answer what was asked, and of which model.
func (iv *interview) mark(q extract.Question, a *extract.Answer) {
	a.Question = q.Ask
	a.Attributes = maps.Clone(a.Attributes)
	if a.Attributes == nil {
		a.Attributes = map[string]string{}
	}
	a.Attributes[askedModel] = iv.model.name
	if q.Type == extract.Scale || q.Type == extract.Number {
		a.Attributes[askedRange] = fmt.Sprintf("%v..%v", q.Lo, q.Hi)
	}
}

// keep adds answers to those of earlier questions. One that came stands in place of what
// the same person answered to the same, one that did not come only where none has.
func (iv *interview) keep(answers []extract.Answer, rehearsal bool) error {
	var all []extract.Answer
	b, err := iv.rec.ReadFile(askedFile + ".jsonl")
	if err == nil {
		all, _, err = extract.ReadJSONL(askedFile+".jsonl", bytes.NewReader(b))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	all = merged(all, answers)
	var csv, lines bytes.Buffer
	o := &extract.WriteOptions{Rehearsal: rehearsal}
	return errors.Join(
		extract.WriteCSV(&csv, all, o), extract.WriteJSONL(&lines, all, o),
		iv.rec.WriteFile(askedFile+".csv", csv.Bytes()), iv.rec.WriteFile(askedFile+".jsonl", lines.Bytes()))
}

// merged adds answers to earlier ones.
func merged(all, answers []extract.Answer) []extract.Answer {
	all = slices.DeleteFunc(all, func(old extract.Answer) bool {
		return slices.ContainsFunc(answers, func(a extract.Answer) bool { return sameAsked(&a, &old) && (came(&a) || !came(&old)) })
	})
	earlier := len(all)
	for _, a := range answers {
		if !slices.ContainsFunc(all[:earlier], func(old extract.Answer) bool { return sameAsked(&a, &old) }) {
			all = append(all, a)
		}
	}
	return all
}

// came reports whether somebody answered, be it that they do not know or would not say.
func came(a *extract.Answer) bool {
	return a.Outcome == extract.Answered || a.Outcome == extract.Absent || a.Outcome == extract.Refused
}

// sameAsked reports whether two answers are of the same person to the same question, in
// the same form and by the same model. Those of earlier versions do not say the last two.
func sameAsked(a, b *extract.Answer) bool {
	if a.Question != b.Question || a.Person != b.Person || a.Type != b.Type || len(a.Shown) != len(b.Shown) {
		return false
	}
	for _, o := range a.Shown { // in whatever order
		if !slices.Contains(b.Shown, o) {
			return false
		}
	}
	for _, k := range []string{askedModel, askedRange} {
		if x, y := a.Attributes[k], b.Attributes[k]; x != y && x != "" && y != "" {
			return false
		}
	}
	return true
}

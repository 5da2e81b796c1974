package main

import (
	"errors"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// advice is what to do about an error of a turn. again is the command that goes on;
// empty where there is none.
func (st *stack) advice(err error, again string) string {
	var b *llm.BudgetError
	switch {
	case errors.As(err, &b):
		return "a higher " + limitFlags[b.What]
	case errors.Is(err, llm.ErrFiltered) && again == "":
		return "reword what was said before this turn (a provider's filter or the model refused it), or use another model"
	case errors.Is(err, llm.ErrFiltered):
		return "the same once more, since filters vary: " + again +
			"\n      without the turns that are refused: " + again + " --allow-partial" +
			"\n      or reword what was said before this turn, or use another model, and run it anew"
	case errors.Is(err, llm.ErrTooLong):
		return "use a model with a larger context, or shorter texts, and run it anew"
	}
	first := ""
	switch {
	case errors.Is(err, llm.ErrAuth):
		first = "check the key" + st.variables(keyOf)
	case errors.Is(err, llm.ErrQuota):
		first = "add credit"
	case errors.Is(err, llm.ErrNotFound):
		first = "check the model's name and the server's address" + st.variables(urlOf)
	case errors.Is(err, llm.ErrRate):
		first = "wait a little"
	case errors.Is(err, llm.ErrTransient) && refusedAt(err) != "":
		first = st.start(refusedAt(err))
	}
	switch {
	case first == "":
		return again
	case again == "":
		return first
	}
	return first + ", then " + again
}

func keyOf(p *provider) string { return p.keyName }
func urlOf(p *provider) string { return p.urlName }

// variables names in brackets the variable of the model's provider that f tells.
func (st *stack) variables(f func(*provider) string) string {
	if st.of == nil || f(st.of) == "" {
		return ""
	}
	return " (" + f(st.of) + ")"
}

// refusedAt is the address at which nobody took a connection, empty where that is not
// what went wrong. Errors of models keep the words of the network alone.
func refusedAt(err error) string {
	_, text, ok := strings.Cut(err.Error(), "dial tcp ")
	at, why, _ := strings.Cut(text, ": ")
	if !ok || !strings.Contains(why, "refused") {
		return ""
	}
	return at
}

// start says what to start where nobody answers.
func (st *stack) start(at string) string {
	switch {
	case st.of == nil || !strings.Contains(st.of.url, at):
		return "start what should answer at " + at // a chatbot, or a proxy
	case st.of.name == "openai":
		return "start the server at " + place(st.of.url) + ", or say where it is" + st.variables(urlOf)
	}
	return "start " + st.of.title + " at " + place(st.of.url) + ", or say where it is" + st.variables(urlOf)
}

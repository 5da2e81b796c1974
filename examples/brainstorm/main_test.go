package main

import (
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

func TestBrainstorm(t *testing.T) {
	var out strings.Builder
	if err := brainstorm(t.Context(), &out, rehearsal.New(nil)); err != nil {
		t.Fatal(err)
	}
	for what, n := range map[string]int{" acts: [TALK]\n": 9, "USER --> Lisa Carter, Oscar, Marcos Almeida: [CONVERSATION]\n": 3, ", asked alone: ": 3} {
		if got := strings.Count(out.String(), what); got != n {
			t.Errorf("%q is there %d times, not %d, in\n%s", what, got, n, out.String())
		}
	}
}

func TestConnect(t *testing.T) {
	m, err := connect("")
	if err != nil || !strings.Contains(m.Name(), "rehearsal") {
		t.Errorf("without a name: %v, %v", m, err)
	}
}

package main

import (
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

func TestChat(t *testing.T) {
	var out strings.Builder
	if err := chat(t.Context(), &out, rehearsal.New(nil)); err != nil {
		t.Fatal(err)
	}
	for what, n := range map[string]int{"Lisa Carter acts: [TALK] to Oscar\n": 4, "Oscar acts: [TALK] to Lisa Carter\n": 4, "step 4 of 4": 1} {
		if got := strings.Count(out.String(), what); got != n {
			t.Errorf("%q is there %d times, not %d, in\n%s", what, got, n, out.String())
		}
	}
}

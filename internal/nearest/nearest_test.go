package nearest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/internal/nearest"
)

func ExampleWord() {
	fmt.Println(nearest.Word("advrt", []string{"why", "advert"}))
	// Output: advert
}

func TestWord(t *testing.T) {
	known := []string{"say", "show", "run", "skip", "one of", "list of", "extract", "to", "rooms"}
	for word, want := range map[string]string{
		"sya": "say", "shwo": "show", "Say": "say", "one_of": "one of", "listof": "list of",
		"extrct": "extract", "room": "rooms", "banana": "", "": "", "x": "", "ot": "to", "rn": "run",
		strings.Repeat("say", 100): "",
	} {
		if got := nearest.Word(word, known); got != want {
			t.Errorf("Word(%q) = %q, want %q", word, got, want)
		}
	}
}

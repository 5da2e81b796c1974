package adapt_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/adapt"
)

const (
	a adapt.Set = 1 << iota
	b
	c
)

func memory(log *bytes.Buffer) *adapt.Memory {
	return adapt.New("p/m", slog.New(slog.NewTextHandler(log, nil)), []adapt.Finding{
		{Bit: a | b, Text: "both"}, {Bit: a, Unless: b, Text: "no a"}, {Bit: b, Text: "no b"}, {Bit: c, Text: "no c"}})
}

func schema(body string) *llm.Schema { return &llm.Schema{Body: json.RawMessage(body)} }

func TestMemory(t *testing.T) {
	var log bytes.Buffer
	m, s, other := memory(&log), schema(`{"a":1}`), schema(`{"b":1}`)
	lost := m.Try(s)
	if !lost.Add(a, false, "x") || lost.Set() != a {
		t.Errorf("set %b", lost.Set())
	}
	// What did not help is forgotten.
	if m.Try(s).Set() != 0 || m.Words() != nil {
		t.Errorf("%v is remembered", m.Words())
	}
	try := m.Try(s)
	if !try.Add(b, false, "no b here") || !try.Add(c, true, "nor c") || try.Add(b|c, false, "again") {
		t.Error("wrong about what is new")
	}
	try.Keep()
	if got := m.Try(schema(`{"a":1}`)).Set(); got != b|c {
		t.Errorf("the schema: %b", got)
	}
	if got := m.Try(other).Set() | m.Try(nil).Set(); got != b {
		t.Errorf("others: %b", got)
	}
	if got := m.Words(); !slices.Equal(got, []string{"no b"}) {
		t.Errorf("words %q", got)
	}
	for _, want := range []string{`change="no b"`, `change="for one schema: no c"`, `answer="no b here | nor c"`, "model=p/m"} {
		if strings.Count(log.String(), want) == 0 {
			t.Errorf("the log lacks %s:\n%s", want, log.String())
		}
	}
	before := log.Len()
	m.Try(s).Keep()
	if log.Len() != before {
		t.Error("nothing new was logged")
	}
}

func TestUnless(t *testing.T) {
	m := memory(new(bytes.Buffer))
	for _, x := range []struct {
		found adapt.Set
		want  []string
	}{{a, []string{"no a"}}, {b, []string{"both", "no b"}}} {
		try := m.Try(nil)
		try.Add(x.found, false, "x")
		try.Keep()
		if got := m.Words(); !slices.Equal(got, x.want) {
			t.Errorf("words %q, want %q", got, x.want)
		}
	}
}

// How many output tokens a model has is remembered once it helped; how many there are
// beside a prompt is this call's alone.
func TestOutput(t *testing.T) {
	var log bytes.Buffer
	m := memory(&log)
	lost := m.Try(nil)
	if !lost.Lower(128000, 4096, 0, "x") || lost.Output(128000) != 4096 || lost.Output(0) != 0 {
		t.Errorf("asks for %d", lost.Output(128000))
	}
	if m.Try(nil).Output(128000) != 128000 || m.Words() != nil {
		t.Error("what did not help is remembered")
	}
	try := m.Try(nil)
	if try.Lower(100, 100, 0, "x") || try.Lower(100, 0, 0, "x") || try.Lower(100, 0, -5, "x") {
		t.Error("nothing is lowered, and it is tried again")
	}
	if !try.Lower(128000, 4096, 0, "x") || !try.Lower(4096, 0, 500, "y") || try.Output(128000) != 500 {
		t.Errorf("asks for %d", try.Output(128000))
	}
	try.Keep()
	if n, words := m.Try(nil).Output(128000), m.Words(); n != 4096 || !slices.Equal(words, []string{"at most 4096 output tokens"}) {
		t.Errorf("asks for %d, %q", n, words)
	}
	if strings.Count(log.String(), `change="at most 4096 output tokens"`) != 1 {
		t.Errorf("the log:\n%s", log.String())
	}
}

func TestEnds(t *testing.T) {
	m := memory(new(bytes.Buffer))
	try := m.Try(nil)
	n := 0
	for try.Add(1<<n, false, "x") {
		n++
	}
	if n != 11 { // a dozen attempts
		t.Errorf("%d findings", n)
	}
}

func TestManySchemas(t *testing.T) {
	m := memory(new(bytes.Buffer))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				try := m.Try(schema(fmt.Sprint(i, "-", j)))
				try.Add(c, true, "x")
				try.Keep()
			}
		})
	}
	wg.Wait()
	known := 0
	for i := range 8 {
		for j := range 100 {
			if m.Try(schema(fmt.Sprint(i, "-", j))).Set() == c {
				known++
			}
		}
	}
	if known == 0 || known > 256 {
		t.Errorf("%d schemas are remembered", known)
	}
}

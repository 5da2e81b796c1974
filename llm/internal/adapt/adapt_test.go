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
	return adapt.New("p/m", slog.New(slog.NewTextHandler(log, nil)), []adapt.Finding{{a | b, "both"}, {a, "no a"}, {b, "no b"}, {c, "no c"}})
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

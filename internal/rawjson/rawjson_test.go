package rawjson

import (
	"math"
	"testing"
)

func TestOf(t *testing.T) {
	for want, v := range map[string]any{`"a<b> & \"c\"\n"`: "a<b> & \"c\"\n", `["x",1.5]`: []any{"x", 1.5}, "null": math.NaN()} {
		if got := string(Of(v)); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	if b, err := Marshal(math.Inf(1)); err == nil || b != nil {
		t.Errorf("%s %v", b, err)
	}
}

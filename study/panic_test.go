package study_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// TestPanics: a panic in what a run was given is an error of it, in whatever room it
// is, and the run goes on from there to what it would have come to.
func TestPanics(t *testing.T) {
	st := load(t, fmt.Sprintf(scenes, "together"))
	var whole shelf
	if _, err := st.Run(t.Context(), whole.options(recaller{})); err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]func(o *study.RunOptions, boom func()){
		"progress": func(o *study.RunOptions, boom func()) { o.Progress = func(study.Progress) { boom() } },
		"observe":  func(o *study.RunOptions, boom func()) { o.Observe = func(study.Room, []tinytroupe.Event) { boom() } },
		"minds": func(o *study.RunOptions, boom func()) {
			m := o.Mind
			o.Mind = func(who study.Member) tinytroupe.Mind { boom(); return m(who) }
		},
		"a mind": func(o *study.RunOptions, boom func()) {
			o.Mind = func(study.Member) tinytroupe.Mind { return recaller{delay: boom} }
		},
	} {
		t.Run(name, func(t *testing.T) {
			var s shelf
			n := 0
			o := s.options(recaller{})
			tell := make(chan struct{}, 1)
			set(o, func() {
				tell <- struct{}{}
				defer func() { <-tell }()
				if n++; n == 7 {
					panic("boom")
				}
			})
			_, err := st.Run(t.Context(), o)
			if p, ok := errors.AsType[*tinytroupe.PanicError](err); !ok || !strings.Contains(err.Error(), "panic: boom") || len(p.Stack) == 0 {
				t.Fatal(err)
			}
			if _, err := st.Run(t.Context(), s.options(recaller{})); err != nil {
				t.Fatal(err)
			}
			if want, got := fmt.Sprint(whole.lines(t)), fmt.Sprint(s.lines(t)); want != got {
				t.Error("the journals differ from those of a run without a panic")
			}
		})
	}
}

package tinytroupe

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
)

// A PanicError is a panic in what a caller gave to a world: a mind, a memory, a
// faculty, rules, a scheduler, an intervention, an observer… It ends the turn or the
// call like any other error, and the commit under way comes to nothing; a world whose
// observer or memory panicked has made the commit that was shown to it.
//
// Error names what panicked, the value and the place, and is the same whenever the
// same happens, so that it may stand in a journal. The stack is beside it.
type PanicError struct {
	In    string // what panicked: mind, faculty "library", …
	Value any    // what it panicked with
	Place string // function, file and line; empty where it is not known
	Stack []byte // of the goroutine that panicked
}

func (e *PanicError) Error() string {
	text := fmt.Sprintf("%s: panic: %v", e.In, e.Value)
	if e.Place != "" {
		text += " (" + e.Place + ")"
	}
	return text
}

// Unwrap returns the value that it panicked with, where that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// guard calls what belongs to a caller, and makes a panic in it an error.
func guard[T any](in string, f func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{In: in, Value: p, Place: panicked(), Stack: debug.Stack()}
		}
	}()
	return f()
}

// safely is guard for what returns an error alone.
func safely(in string, f func() error) error {
	_, err := guard(in, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// panicked returns the place of the panic that is being recovered from.
func panicked() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	begun := false // the frames of the panic itself have begun
	for {
		f, more := frames.Next()
		switch own := strings.HasPrefix(f.Function, "runtime."); {
		case own && (f.Function == "runtime.gopanic" || f.Function == "runtime.sigpanic"):
			begun = true
		case begun && !own:
			return fmt.Sprintf("%s, %s:%d", path.Base(f.Function), path.Base(f.File), f.Line)
		}
		if !more {
			return ""
		}
	}
}

func isPanic(err error) bool {
	_, ok := errors.AsType[*PanicError](err)
	return ok
}

func perform(ctx context.Context, f Faculty, v *View, actor string, a Action) ([]Effect, error) {
	return guard(fmt.Sprintf("faculty %q", f.Name()), func() ([]Effect, error) { return f.Perform(ctx, v, actor, a) })
}

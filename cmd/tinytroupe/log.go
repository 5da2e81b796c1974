package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// notes is a log for people: one plain line a message, without time and level.
// Attributes follow it; "answer", what a server said in full, only when debugging.
type notes struct {
	mu    *sync.Mutex
	w     io.Writer
	level slog.Level
	attrs []slog.Attr
}

func newLog(w io.Writer, level string) *slog.Logger {
	levels := map[string]slog.Level{"DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "ERROR": slog.LevelError, "CRITICAL": slog.LevelError + 4}
	l, ok := levels[level]
	switch {
	case level == "NONE":
		return slog.New(slog.DiscardHandler)
	case !ok:
		l = slog.LevelWarn
	}
	return slog.New(&notes{mu: &sync.Mutex{}, w: w, level: l})
}

func (h *notes) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *notes) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString("note    " + r.Message)
	sep := ": "
	add := func(a slog.Attr) bool {
		if a.Key != "answer" || h.level <= slog.LevelDebug {
			fmt.Fprintf(&b, "%s%s", sep, line(a.Value.String()))
			sep = ", "
		}
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := fmt.Fprintln(h.w, b.String())
	return err
}

func (h *notes) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = append(append([]slog.Attr(nil), h.attrs...), attrs...)
	return &c
}

func (h *notes) WithGroup(string) slog.Handler { return h }

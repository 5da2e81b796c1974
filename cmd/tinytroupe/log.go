package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/tinytroupe-go/tinytroupe/config"
)

// notes is a log for people: one plain line a message, without time and level.
// Attributes follow it; "answer", what a server said in full, only when debugging.
type notes struct {
	mu    *sync.Mutex
	w     io.Writer
	level slog.Level
	attrs []slog.Attr
}

// newLog returns a log that shows notes on w, and writes a line for each in file where
// config.ini sets a level for that. file may be nil.
func newLog(w io.Writer, s *config.Settings, file *logFile) *slog.Logger {
	var handlers []slog.Handler
	if l, ok := level(cmp.Or(s.LogLevelConsole, s.LogLevel, "WARNING")); ok {
		handlers = append(handlers, &notes{mu: &sync.Mutex{}, w: w, level: l})
	}
	if l, ok := level(cmp.Or(s.LogLevelFile, s.LogLevel)); ok && file != nil {
		file.wanted = true
		handlers = append(handlers, slog.NewTextHandler(file, &slog.HandlerOptions{Level: l}))
	}
	return slog.New(slog.NewMultiHandler(handlers...))
}

// level is the level that config.ini calls name, or false where there is none.
func level(name string) (slog.Level, bool) {
	switch name {
	case "DEBUG":
		return slog.LevelDebug, true
	case "INFO":
		return slog.LevelInfo, true
	case "WARNING":
		return slog.LevelWarn, true
	case "ERROR":
		return slog.LevelError, true
	case "CRITICAL":
		return slog.LevelError + 4, true
	}
	return 0, false
}

// logFile is log.txt of a record. What is logged before the record is there waits in
// memory.
type logFile struct {
	wanted bool

	mu      sync.Mutex
	waiting []byte
	f       *os.File
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		l.waiting = append(l.waiting, p...)
		return len(p), nil
	}
	return l.f.Write(p)
}

// open writes what waits to the end of a file, and from now on all else.
func (l *logFile) open(name string) error {
	if !l.wanted {
		return nil
	}
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", name)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.f = f
	_, err = f.Write(l.waiting)
	l.waiting = nil
	return err
}

func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	f := l.f
	l.f = nil
	return f.Close()
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

package serve

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// People returns a logger of short lines for people: the time of day, the level unless it is that of information, the
// message, the error, and the other attributes in parentheses.
func People(w io.Writer, level slog.Level) *slog.Logger {
	h := people{level: level, out: &out{w: w}}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		h.before = "\r\x1b[K" // a bar may stand there; clear it
	}
	return slog.New(h)
}

// people is the handler of People. Groups are left out: nothing in this program uses them.
type people struct {
	level      slog.Level
	attributes []slog.Attr
	*out
}

type out struct {
	mu     sync.Mutex
	w      io.Writer
	before string
}

// Enabled reports whether a level is logged.
func (h people) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// WithAttrs returns a handler that adds the attributes to each line.
func (h people) WithAttrs(attributes []slog.Attr) slog.Handler {
	h.attributes = append(slices.Clip(h.attributes), attributes...)
	return h
}

// WithGroup returns h itself.
func (h people) WithGroup(string) slog.Handler { return h }

// Handle writes one line.
func (h people) Handle(_ context.Context, r slog.Record) error {
	var reason string
	var about []string
	add := func(a slog.Attr) bool {
		switch text := wording(a.Value); {
		case text == "":
		case (a.Key == "error" || a.Key == "cause") && reason == "":
			reason = ": " + text
		default:
			about = append(about, a.Key+" "+text)
		}
		return true
	}
	for _, a := range h.attributes {
		add(a)
	}
	r.Attrs(add)
	var line bytes.Buffer
	line.WriteString(r.Time.Format(time.TimeOnly) + " ")
	switch {
	case r.Level >= slog.LevelError:
		line.WriteString("error: ")
	case r.Level >= slog.LevelWarn:
		line.WriteString("warning: ")
	}
	line.WriteString(r.Message + reason)
	if len(about) > 0 {
		line.WriteString(" (" + strings.Join(about, ", ") + ")")
	}
	line.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := io.WriteString(h.w, h.before); err != nil {
		return err
	}
	_, err := Plain(h.w).Write(line.Bytes())
	return err
}

// wording is a value on one line, with durations that people can read.
func wording(v slog.Value) string {
	v = v.Resolve()
	if v.Kind() == slog.KindDuration {
		precision := time.Microsecond
		if v.Duration() >= time.Second {
			precision = time.Millisecond
		}
		return v.Duration().Round(precision).String()
	}
	return strings.Join(strings.Fields(v.String()), " ")
}

// Lines returns a writer that logs each line as a message, so that progress and reports stand among JSON. A line that
// begins with warning: has that level.
func Lines(log *slog.Logger) io.Writer { return &lines{log: log} }

type lines struct {
	mu   sync.Mutex
	log  *slog.Logger
	rest []byte
}

// Write logs the lines that b ends.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, b...)
	for {
		line, rest, ended := bytes.Cut(l.rest, []byte{'\n'})
		if !ended {
			return len(b), nil
		}
		l.rest = rest
		text, level := strings.TrimSpace(string(line)), slog.LevelInfo
		if warning, ok := strings.CutPrefix(text, "warning: "); ok {
			text, level = warning, slog.LevelWarn
		}
		if text != "" {
			l.log.Log(context.Background(), level, text)
		}
	}
}

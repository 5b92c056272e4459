package serve

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// Logger writes text to a terminal, and JSON lines to anything else.
func Logger(w io.Writer, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

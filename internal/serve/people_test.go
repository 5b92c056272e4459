package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestPeopleReadShortLines(t *testing.T) {
	var out bytes.Buffer
	log := People(&out, slog.LevelInfo).With("stage", "llm")
	log.Debug("unseen")
	log.Info("Stage works again")
	log.Warn("Stage failed", "reason", "ModelNotFound", "error", errors.New("no such\nmodel \x1b[31m"), "took", 1234567*time.Microsecond, "none", "")
	log.Error("Handler panicked", "cause", "poison")
	got := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d `).ReplaceAllString(out.String(), "")
	want := "Stage works again (stage llm)\n" +
		"warning: Stage failed: no such model \ufffd[31m (stage llm, reason ModelNotFound, took 1.235s)\n" +
		"error: Handler panicked: poison (stage llm)\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestLinesBecomeMessages(t *testing.T) {
	var out bytes.Buffer
	w := Lines(Logger(&out, slog.LevelInfo))
	fmt.Fprint(w, "3 documents in ")
	fmt.Fprint(w, "4 chunks\nwarning: one is long\n\n")
	var got []string
	for line := range strings.Lines(out.String()) {
		var r struct{ Level, Msg string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Level+" "+r.Msg)
	}
	if want := "INFO 3 documents in 4 chunks|WARN one is long"; strings.Join(got, "|") != want {
		t.Errorf("got %q", got)
	}
}

package audit

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWhatTheOperatorAskedIsReadFromTheAuditLog(t *testing.T) {
	lines := []struct{ line, want string }{
		{`{"stage":"ResponseComplete","verb":"get","objectRef":{"resource":"secrets"},"responseStatus":{"code":200}}`, ""},
		{`{"stage":"ResponseStarted","verb":"watch","objectRef":{"resource":"pods"},"responseStatus":{"code":200}}`, ""},
		{`{"stage":"ResponseComplete","verb":"update","objectRef":{"resource":"leases"},"responseStatus":{"code":200}}`, ""},
		{`{"stage":"ResponseComplete","verb":"patch","objectRef":{"resource":"services"},"responseStatus":{"code":201}}`, "writes applies creates"},
		{`{"stage":"ResponseComplete","verb":"patch","objectRef":{"resource":"services"},"responseStatus":{"code":200}}`, "writes applies"},
		{`{"stage":"ResponseComplete","verb":"patch","objectRef":{"resource":"services"},"responseStatus":{"code":409}}`, "writes applies refused"},
		{`{"stage":"ResponseComplete","verb":"update","objectRef":{"resource":"ragpipelines","subresource":"status"},"responseStatus":{"code":200}}`, "writes status"},
		{`{"stage":"ResponseComplete","verb":"create","objectRef":{"resource":"events"},"responseStatus":{"code":201}}`, "writes event creates"},
		{`{"stage":"ResponseComplete","verb":"delete","objectRef":{"resource":"jobs"},"responseStatus":{"code":200}}`, "writes"},
	}
	s := &Server{log: filepath.Join(t.TempDir(), "audit.log")}
	log, err := s.Log()
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, l := range lines {
		text += l.line + "\n"
	}
	if err := os.WriteFile(s.log, []byte(text+`{"stage":"Resp`), 0o600); err != nil {
		t.Fatal(err)
	}
	requests, err := log.Requests()
	if err != nil || len(requests) != len(lines) {
		t.Fatalf("%d requests: %v", len(requests), err)
	}
	for i, l := range lines {
		r := requests[i]
		got := ""
		for _, is := range []struct {
			name string
			yes  bool
		}{{"writes", r.Writes()}, {"applies", r.Apply()}, {"status", r.Status()}, {"event", r.Event()}, {"creates", r.Writes() && r.Creates()}, {"refused", r.Refused()}} {
			if is.yes {
				got += " " + is.name
			}
		}
		if got != "" {
			got = got[1:]
		}
		if got != l.want {
			t.Errorf("%s: %q, want %q", l.line, got, l.want)
		}
	}
	file, err := os.OpenFile(s.log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`onseComplete","verb":"get"}` + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if requests, err := log.Requests(); err != nil || len(requests) != len(lines)+1 {
		t.Errorf("once the last line is whole, there are %d requests: %v", len(requests), err)
	}
}

package redact

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
)

func TestASecretIsFoundInItsForms(t *testing.T) {
	const secret = "Planted/Secret+7731"
	for name, said := range map[string]string{
		"as it is":     "no " + secret + " here",
		"escaped":      "no " + url.QueryEscape(secret) + " here",
		"in base64":    "no " + base64.StdEncoding.EncodeToString([]byte("me:"+secret)) + " here",
		"shifted by 1": base64.URLEncoding.EncodeToString([]byte("." + secret + ".")),
		"shifted by 2": base64.RawURLEncoding.EncodeToString([]byte(".." + secret + "..")),
		"in hex":       fmt.Sprintf("%X", secret),
		"in two lines": "no " + secret[:9] + "\n" + secret[9:] + " here",
	} {
		got := Text(said, "", secret)
		if !strings.Contains(got, Hidden) || strings.Contains(got, secret[:9]) || strings.Contains(got, secret[9:]) {
			t.Errorf("%s: %q becomes %q", name, said, got)
		}
	}
	if got := Text("the bucket does not exist", secret); got != "the bucket does not exist" {
		t.Errorf("a text without it becomes %q", got)
	}
	if got := Text("keynote of the donkey", "key"); got != "[key]note of the don[key]" {
		t.Errorf("a short secret: %q", got)
	}
	if got := Text("no s3cret-of-alice here", "s3cret", "s3cret-of-alice"); got != "no [key] here" {
		t.Errorf("a secret that begins with another: %q", got)
	}
}

func TestAnErrorKeepsItsChain(t *testing.T) {
	var s Secrets
	err := s.Error(fmt.Errorf("not for %s: %w", s.Use("opensesame\n"), io.ErrUnexpectedEOF))
	if strings.Contains(err.Error(), "opensesame") || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
	if s.Error(nil) != nil || !errors.Is(s.Error(io.EOF), io.EOF) {
		t.Error("other errors do not stay as they are")
	}
	for i := range 3 * mostUsed {
		s.Use(fmt.Sprint("key-", i))
	}
	if len(s.used) > mostUsed {
		t.Errorf("%d secrets are remembered", len(s.used))
	}
}

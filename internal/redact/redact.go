// Package redact takes secrets out of what other servers say: they may send back what they were sent, in another form.
package redact

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Hidden stands where a secret was.
const Hidden = "[key]"

// LeastEncoded is the length, in bytes, from which a secret is looked for in its encoded forms, and in pieces. Shorter
// ones are in too many words.
const LeastEncoded = 8

// Forms are the secrets as servers echo them: as they are, as in urls, in base64, wherever within it they begin, and in
// hexadecimal. The longest come first, so that a secret that another begins with leaves nothing of that one.
func Forms(secrets []string) (forms []string) {
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		forms = append(forms, secret)
		if len(secret) < LeastEncoded {
			continue
		}
		forms = append(forms, url.QueryEscape(secret), url.PathEscape(secret), fmt.Sprintf("%x", secret))
		for before := range 3 {
			forms = append(forms, within(base64.RawStdEncoding, secret, before), within(base64.RawURLEncoding, secret, before))
		}
	}
	slices.SortStableFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return forms
}

// within is what stands for the secret within the base64 of a text that has so many bytes more before it, modulo 3. The
// letters at its ends depend on its neighbours, and are left out.
func within(e *base64.Encoding, secret string, before int) string {
	encoded := e.EncodeToString([]byte(strings.Repeat("\x00", before) + secret))
	return encoded[(before*8+5)/6 : (before+len(secret))*8/6]
}

// Hide replaces the forms in a text.
func Hide(text string, forms []string) string {
	for _, form := range forms {
		text = strings.ReplaceAll(text, form, Hidden)
	}
	return text
}

// Letters keeps the letters and digits of s, in lower case: what is left of a text however it is wrapped, spaced or
// quoted.
func Letters(s string) []rune {
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			out = append(out, unicode.ToLower(r))
		}
	}
	return out
}

// Text is the text without the secrets; of one that has a secret in pieces, nothing is left.
func Text(text string, secrets ...string) string {
	forms := Forms(secrets)
	text = Hide(text, forms)
	said := string(Letters(text))
	for _, form := range forms {
		if piece := string(Letters(form)); len(piece) >= LeastEncoded && strings.Contains(said, piece) {
			return Hidden
		}
	}
	return text
}

// Error is err with a text that has no secret. Its chain stays, for errors.Is and errors.As.
func Error(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	told := Text(err.Error(), secrets...)
	if told == err.Error() {
		return err
	}
	return &redacted{told, err}
}

type redacted struct {
	told string
	err  error
}

func (e *redacted) Error() string { return e.told }
func (e *redacted) Unwrap() error { return e.err }

// Secrets are those that a client has used, which it may read anew for each request. The zero value has none.
type Secrets struct {
	mu   sync.Mutex
	used map[string]bool
}

// mostUsed bounds the secrets that are remembered: those before them have been replaced long ago.
const mostUsed = 64

// Use remembers a secret, and returns it.
func (s *Secrets) Use(secret string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used == nil || len(s.used) >= mostUsed && !s.used[secret] {
		s.used = map[string]bool{}
	}
	s.used[secret] = true
	return secret
}

// Error is err without the secrets that were used.
func (s *Secrets) Error(err error) error {
	if err == nil {
		return nil
	}
	s.mu.Lock()
	secrets := make([]string, 0, len(s.used))
	for secret := range s.used {
		secrets = append(secrets, secret, strings.TrimSpace(secret))
	}
	s.mu.Unlock()
	return Error(err, secrets...)
}

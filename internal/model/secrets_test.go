package model

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/redact"
)

// echoed is a secret as a server may send it back.
var echoed = map[string]func(secret string) string{
	"as it is":               func(s string) string { return s },
	"in upper case":          strings.ToUpper,
	"over two lines":         func(s string) string { return s[:9] + "\n" + s[9:] },
	"with spaces":            func(s string) string { return strings.Join(strings.Split(s, ""), " ") },
	"in quotation marks":     func(s string) string { return fmt.Sprintf("%q", s) },
	"as in a url":            url.QueryEscape,
	"in base64":              func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"in base64 for urls":     func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"as basic authorisation": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("me:" + s)) },
	"within base64":          func(s string) string { return base64.StdEncoding.EncodeToString([]byte("{\"k\":\"" + s + "\"}")) },
	"in hexadecimal":         func(s string) string { return fmt.Sprintf("%X", s) },
	"as a cookie":            func(s string) string { return "Set-Cookie: session=" + s + "; Path=/" },
	"beyond the bound":       func(s string) string { return strings.Repeat("error ", 30) + s },
}

// places are where in a reply it does so.
var places = map[string]func(w http.ResponseWriter, words string){
	"a message": func(w http.ResponseWriter, words string) {
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"message": "not for " + words, "code": words}})
	},
	"plain text": func(w http.ResponseWriter, words string) { http.Error(w, "no: "+words, http.StatusForbidden) },
	"the title of a page": func(w http.ResponseWriter, words string) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html><title>"+words+"</title>")
	},
	"a reply that is not JSON": func(w http.ResponseWriter, words string) { _, _ = io.WriteString(w, words) },
	"JSON that ends early":     func(w http.ResponseWriter, words string) { _, _ = io.WriteString(w, `{"error": "`+words) },
	"an error within a 200": func(w http.ResponseWriter, words string) {
		_ = json.NewEncoder(w).Encode(map[string]string{"error": words})
	},
	"the address of a redirect": func(w http.ResponseWriter, words string) {
		w.Header().Set("Location", "https://me:"+url.QueryEscape(words)+"@login.example/"+url.PathEscape(words)+"?key="+url.QueryEscape(words))
		w.WriteHeader(http.StatusFound)
	},
	"a head that is not HTTP": func(w http.ResponseWriter, words string) { hijacked(w, words+"\r\n") },
	"a header that is none": func(w http.ResponseWriter, words string) {
		hijacked(w, "HTTP/1.1 200 OK\r\nno header: "+words+"\r\n"+words+"\r\n\r\n")
	},
	"a length that is none": func(w http.ResponseWriter, words string) {
		hijacked(w, "HTTP/1.1 200 OK\r\nContent-Length: "+strings.ReplaceAll(words, "\n", " ")+"\r\n\r\n")
	},
	"an encoding that is none": func(w http.ResponseWriter, words string) {
		hijacked(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "+strings.ReplaceAll(words, "\n", " ")+"\r\n\r\n")
	},
}

// hijacked writes bytes to the connection in place of a reply.
func hijacked(w http.ResponseWriter, bytes string) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(c, bytes)
	_ = c.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, c)
	c.Close()
}

// Whatever secret a request has, and however the server sends it back, no error has it.
func TestNoErrorHoldsASecretOfARequest(t *testing.T) {
	const secret = "Planted/Secret+7731=x"
	for place, send := range places {
		for form, of := range echoed {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				send(w, of(secret))
			}))
			at, _ := url.Parse(server.URL)
			plain := config.Model{URL: server.URL, Name: "m"}
			key := func() (string, error) { return secret, nil }
			user, password, query := *at, *at, *at
			user.User, password.User = url.User(secret), url.UserPassword("me", secret)
			query.RawQuery = "api-key=" + url.QueryEscape(secret)
			for from, chat := range map[string]*Chat{
				"the key":       NewChat(config.LLM{Model: plain}, key, Transport{}),
				"a user":        NewChat(config.LLM{Model: config.Model{URL: user.String(), Name: "m"}}, nil, Transport{}),
				"a password":    NewChat(config.LLM{Model: config.Model{URL: password.String(), Name: "m"}}, nil, Transport{}),
				"extraBody":     NewChat(config.LLM{Model: plain, ExtraBody: map[string]any{"x": []any{map[string]any{"y": secret}}}}, nil, Transport{}),
				"a parameter":   NewChat(config.LLM{Model: config.Model{URL: query.String(), Name: "m"}}, nil, Transport{}),
				"a single word": NewChat(config.LLM{Model: plain, ExtraBody: map[string]any{"user_token": secret}}, nil, Transport{}),
			} {
				err := chat.Probe(t.Context())
				e, ok := errors.AsType[*Error](err)
				if !ok {
					t.Fatalf("%s, %s, %s: %v", place, form, from, err)
				}
				for _, told := range []string{e.Error(), e.Summary(), e.Message, e.Code, e.URL, fmt.Sprint(errors.Unwrap(e))} {
					if holds(told, secret) {
						t.Errorf("%s, %s, %s: %s", place, form, from, told)
					}
				}
			}
			server.CloseClientConnections()
			server.Close()
		}
	}
}

// holds reports whether a text has a part of the secret that gives it away, in any of the forms.
func holds(text, secret string) bool {
	said := string(redact.Letters(text))
	for _, form := range append(redact.Forms([]string{secret}), secret[:12], secret[len(secret)-12:]) {
		if strings.Contains(said, string(redact.Letters(form))) {
			return true
		}
	}
	return false
}

// What servers say about values of a request that are not secret is what their users must read.
func TestOtherValuesOfARequestMayBeTold(t *testing.T) {
	s := answer(t, http.StatusBadRequest, `{"error":{"message":"api-version 2024-02-01 does not know reasoning_effort ultra"}}`)
	m := s.model()
	m.URL += "?api-version=2024-02-01"
	err := NewChat(config.LLM{Model: m, ExtraBody: map[string]any{"reasoning_effort": "ultra"}}, nil, Transport{}).Probe(t.Context())
	if !strings.Contains(err.Error(), "api-version 2024-02-01 does not know reasoning_effort ultra") {
		t.Errorf("got %v", err)
	}
}

// EMPTY is the key by which clients of a vLLM without keys fill the field.
func TestAKeyThatIsAWordHidesNoOtherWords(t *testing.T) {
	s := answer(t, http.StatusBadRequest, `{"error":{"message":"input must not be empty"}}`)
	key := func() (string, error) { return "EMPTY", nil }
	err := NewChat(config.LLM{Model: s.model()}, key, Transport{}).Probe(t.Context())
	if !strings.Contains(err.Error(), "input must not be empty") {
		t.Errorf("got %v", err)
	}
}

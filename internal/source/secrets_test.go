package source

import (
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Servers of documents that send back what they were sent get none of it into an error.
func TestNoErrorOfASourceHoldsASecret(t *testing.T) {
	const secret = "Planted/Secret+7731"
	basic := base64.StdEncoding.EncodeToString([]byte("me:" + secret))
	quoted := strings.Join([]string{secret, basic, url.QueryEscape(secret)}, " ")
	xml := func(w http.ResponseWriter, code string, status int) {
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>not for %s</Message><Resource>%s</Resource></Error>", code, quoted, secret)
	}
	answers := map[string]http.HandlerFunc{
		"a refusal": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, quoted, http.StatusForbidden) },
		"another refusal": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", quoted)
			w.WriteHeader(http.StatusUnauthorized)
		},
		"XML":                func(w http.ResponseWriter, _ *http.Request) { xml(w, "InvalidToken", http.StatusBadRequest) },
		"XML of its own":     func(w http.ResponseWriter, _ *http.Request) { xml(w, secret, http.StatusBadRequest) },
		"a page":             func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>"+quoted) },
		"a type":             func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/"+quoted) },
		"a refusal of Git":   func(w http.ResponseWriter, _ *http.Request) { gitRefuses(w, quoted) },
		"a status":           func(w http.ResponseWriter, _ *http.Request) { raw(w, "HTTP/1.1 418 "+quoted+"\r\n\r\n") },
		"a head that is not": func(w http.ResponseWriter, _ *http.Request) { raw(w, quoted+"\r\n\r\n") },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/"+url.PathEscape(secret)+"?token="+url.QueryEscape(secret), http.StatusFound)
		},
		"a redirect to nowhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "ftp://"+url.QueryEscape(secret)+"/", http.StatusFound)
		},
	}
	r := Resolvers{Secret: func(config.SecretKey) (string, error) { return secret, nil }}
	for name, answer := range answers {
		server := httptest.NewServer(answer)
		for kind, c := range map[string]config.Source{
			"S3":      {Name: "s", S3: &config.S3{Endpoint: server.URL, Bucket: "papers", Region: "eu", Secret: "s"}},
			"HTTP":    {Name: "s", HTTP: &config.HTTP{URLs: []string{server.URL + "/a.html"}, Secret: "s", AllowHosts: []string{"127.0.0.1"}}},
			"sitemap": {Name: "s", HTTP: &config.HTTP{Sitemaps: []string{server.URL + "/map.xml?token=" + url.QueryEscape(secret)}, Secret: "s", AllowHosts: []string{"127.0.0.1"}}},
			"Git":     {Name: "s", Git: &config.Git{URL: server.URL + "/r.git", Secret: "s"}},
		} {
			s, err := New(c, r)
			if err != nil {
				t.Fatal(err)
			}
			if w, ok := s.(*paired).Source.(*web); ok {
				w.pause = 0
			}
			var failed []error
			failed = append(failed, s.List(t.Context(), func(e Entry) bool {
				_, err := Read(t.Context(), s, e, 1<<20)
				failed = append(failed, err)
				return true
			}))
			_, err = Revision(t.Context(), s)
			for _, err := range append(failed, err) {
				if said := fmt.Sprint(err); strings.Contains(said, secret) || strings.Contains(said, basic) ||
					strings.Contains(said, url.QueryEscape(secret)) || strings.Contains(said, url.PathEscape(secret)) {
					t.Errorf("%s, %s: %s", name, kind, said)
				}
			}
		}
		server.CloseClientConnections()
		server.Close()
	}
}

// gitRefuses answers as a Git server that has words for why it gives nothing.
func gitRefuses(w http.ResponseWriter, words string) {
	w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
	line := "ERR " + words + "\n"
	fmt.Fprintf(w, "001e# service=git-upload-pack\n0000%04x%s0000", len(line)+4, line)
}

func raw(w http.ResponseWriter, bytes string) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(c, bytes) // the test looks at what is told
	c.Close()
}

// The name of a user is in other words too, and is no secret.
func TestErrorsKeepWordsThatHoldAUsersName(t *testing.T) {
	const secret = "Planted/Secret+7731"
	entries := map[string]string{config.GitUsername: "git", config.GitPassword: secret}
	r := Resolvers{Secret: func(key config.SecretKey) (string, error) {
		if value, found := entries[key.Key]; found {
			return value, nil
		}
		return "", fs.ErrNotExist
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		gitRefuses(w, "digital legitimacy of "+secret)
	}))
	defer server.Close()
	s, err := New(config.Source{Name: "s", Git: &config.Git{URL: server.URL + "/r.git", Secret: "s"}}, r)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Revision(t.Context(), s)
	if said := fmt.Sprint(err); !strings.Contains(said, "digital legitimacy of [key]") {
		t.Error(said)
	}
}

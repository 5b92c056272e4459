// Package starter writes a first manifest for a directory of documents, with the models that are at hand.
package starter

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Server is a program that serves models on this machine.
type Server struct {
	Name string
	URL  string // is the base of its API, which ends in /v1
	// owner is what owned_by of its models has to be; empty is anything.
	owner string
}

// Local are the servers that are looked for, at their default ports or, of Ollama, where its own variable OLLAMA_HOST
// says, if that is on this machine: documents are not sent to another one unasked. The gateway's default port is that
// of llama.cpp, which names itself.
func Local(getenv func(string) string) []Server {
	const ollamaPort = "11434"
	host, port := "127.0.0.1", ollamaPort
	if u, err := url.Parse("http://" + strings.TrimPrefix(getenv("OLLAMA_HOST"), "http://")); err == nil {
		if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
			host, port = u.Hostname(), cmp.Or(u.Port(), ollamaPort)
		}
	}
	return []Server{
		{Name: "Ollama", URL: "http://" + net.JoinHostPort(host, port) + "/v1"},
		{Name: "llama.cpp", URL: "http://127.0.0.1:8080/v1", owner: "llamacpp"},
	}
}

// Model is a model of a server.
type Model struct {
	Server Server
	ID     string
}

// Found are the models that were found for each role, and what was learned on the way.
type Found struct {
	Embedding, Reranking, LLM *Model
	// Notes say of each server what it serves, or that nobody answers.
	Notes []string
}

// Any reports whether there is a model at all.
func (f *Found) Any() bool { return f.Embedding != nil || f.Reranking != nil || f.LLM != nil }

// A server on this machine answers at once, with a short list.
const (
	answersWithin = time.Second
	maxList       = 4 << 20
)

// Find asks the servers which models they have, all at the same time. For each role, it takes the first one. What a
// model is for shows in its name alone: to try it would load it, which can take minutes.
func Find(ctx context.Context, servers []Server) *Found {
	lists, errs := make([][]string, len(servers)), make([]error, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() { lists[i], errs[i] = s.models(ctx) })
	}
	all.Wait()
	found := new(Found)
	for i, s := range servers {
		switch {
		case errs[i] != nil:
			found.note("no %s answers at %s", s.Name, s.URL)
		case len(lists[i]) == 0:
			found.note("%s at %s has no models yet", s.Name, s.URL)
		default:
			found.note("%s at %s has %s", s.Name, s.URL, strings.Join(lists[i], ", "))
		}
		for _, id := range lists[i] {
			found.take(&Model{s, id})
		}
	}
	return found
}

func (f *Found) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}

// embeds matches the names of embedding models.
var embeds = regexp.MustCompile(`(?i)embed|minilm|nomic-bert|(^|[/-])(bge|gte|e5|multilingual-e5)[-_:]`)

// take uses the model for its role, unless an earlier one has it.
func (f *Found) take(m *Model) {
	role := &f.LLM
	switch name := strings.ToLower(m.ID); {
	case strings.Contains(name, "rerank"):
		role = &f.Reranking
	case embeds.MatchString(name):
		role = &f.Embedding
	}
	if *role == nil {
		*role = m
	}
}

// models returns the names of the server's models, in its own order.
func (s Server) models(ctx context.Context) (names []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/models", nil)
	if err != nil {
		return nil, err
	}
	direct := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // a proxy does not lead to this machine
	reply, err := direct.Do(request)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	var list struct {
		Data []struct {
			ID      string `json:"id"`
			OwnedBy string `json:"owned_by"`
		} `json:"data"`
	}
	if err := json.NewDecoder(io.LimitReader(reply.Body, maxList)).Decode(&list); err != nil {
		return nil, err
	}
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d", reply.StatusCode)
	}
	for _, m := range list.Data {
		if s.owner != "" && m.OwnedBy != s.owner {
			return nil, fmt.Errorf("another server answers at %s", s.URL)
		}
		if m.ID != "" {
			names = append(names, m.ID)
		}
	}
	return names, nil
}

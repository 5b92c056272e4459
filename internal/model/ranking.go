package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

const (
	// maxPassages is NIM's limit for one ranking request.
	maxPassages = 512

	rankingTimeout = time.Minute
)

// Ranker orders passages by how well they answer a question.
type Ranker struct {
	client   *client
	protocol config.Protocol
}

// NewRanker makes a client of the reranking model m. A nil key sends none.
func NewRanker(m config.Model, key Key, t Transport) *Ranker {
	return &Ranker{client: newClient(config.StageReranking, m.Name, rankingURL(m), key, t), protocol: m.Protocol}
}

// Rank returns every passage once, the best first and ties by index. It ranks a passage over the
// model's limit by its beginning.
func (r *Ranker) Rank(ctx context.Context, query string, passages []string) ([]Ranked, error) {
	out := make([]Ranked, 0, len(passages))
	for start := 0; start < len(passages); start += maxPassages {
		part, err := r.rank(ctx, query, passages[start:min(start+maxPassages, len(passages))], interactive)
		if err != nil {
			return nil, err
		}
		for _, p := range part {
			out = append(out, Ranked{Index: start + p.Index, Score: p.Score})
		}
	}
	slices.SortFunc(out, func(a, b Ranked) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Index, b.Index))
	})
	return out, nil
}

// Probe ranks one short passage, once.
func (r *Ranker) Probe(ctx context.Context) error {
	_, err := r.post(ctx, probeText, []string{probeText}, probe)
	return err
}

// rank ranks one request's worth of passages. For a server that does not truncate, it shortens them
// until the server accepts them.
func (r *Ranker) rank(ctx context.Context, query string, passages []string, retry retryPolicy) ([]Ranked, error) {
	for {
		ranked, err := r.post(ctx, query, passages, retry)
		if err == nil || FailureOf(err) != config.InputTooLong {
			return ranked, err
		}
		shorter, ok := halveLongest(passages)
		if !ok {
			return nil, err
		}
		passages = shorter
	}
}

// halveLongest cuts every passage to half the length of the longest; not ok when nothing is left to
// cut.
func halveLongest(passages []string) (shorter []string, ok bool) {
	longest := 0
	for _, p := range passages {
		longest = max(longest, utf8.RuneCountInString(p))
	}
	const least = 100 // code points; below it, the passages are not what is too long
	limit := longest / 2
	if limit < least {
		return nil, false
	}
	for _, p := range passages {
		if runes := []rune(p); len(runes) > limit {
			p = string(runes[:limit])
		}
		shorter = append(shorter, p)
	}
	return shorter, true
}

func (r *Ranker) post(
	ctx context.Context, query string, passages []string, retry retryPolicy,
) (ranked []Ranked, err error) {
	err = r.client.do(ctx, call{
		operation: "ranking",
		body:      r.body(query, passages),
		texts:     append([]string{query}, passages...),
		retry:     retry,
		timeout:   rankingTimeout,
		read: r.client.readsWhole(func(answer []byte) (err error) {
			ranked, err = parseRanking(answer, len(passages))
			return err
		}),
	})
	return ranked, err
}

func (r *Ranker) body(query string, passages []string) []byte {
	b := make([]byte, 0, capacity(passages...)+len(query))
	b = append(b, `{"model":`...)
	b = appendString(b, r.client.model)
	if r.protocol == config.OpenAI {
		return r.openAIBody(b, query, passages)
	}
	b = append(b, `,"query":{"text":`...)
	b = appendString(b, query)
	b = append(b, `},"passages":[`...)
	for i, p := range passages {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"text":`...)
		b = appendString(b, p)
		b = append(b, '}')
	}
	return append(b, `],"truncate":"END"}`...)
}

// openAIBody is a request in Cohere's shape, which vLLM, llama.cpp and others took over.
func (r *Ranker) openAIBody(b []byte, query string, passages []string) []byte {
	b = append(b, `,"query":`...)
	b = appendString(b, query)
	b = append(b, `,"documents":[`...)
	for i, p := range passages {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, p)
	}
	b = append(b, `],"top_n":`...)
	b = strconv.AppendInt(b, int64(len(passages)), 10)
	return append(b, '}')
}

// rankingReply is the wire format of an answer: NIM's rankings of {index, logit}, or the others'
// results of {index, relevance_score}, in whatever order.
type rankingReply struct {
	Rankings list[rankingItem] `json:"rankings"`
	Results  list[rankingItem] `json:"results"`
}

type rankingItem struct {
	Index     number `json:"index"`
	Logit     number `json:"logit"`
	Relevance number `json:"relevance_score"`
}

// parseRanking reads the answer to a request of n passages.
func parseRanking(answer []byte, n int) ([]Ranked, error) {
	var in rankingReply
	if err := readJSON(answer, &in); err != nil {
		return nil, err
	}
	ranked := make([]Ranked, 0, n)
	seen := make([]bool, n)
	for _, item := range slices.Concat(in.Rankings, in.Results) {
		score := item.Logit
		if !score.given {
			score = item.Relevance
		}
		index := whole(item.Index.value)
		switch {
		case !item.Index.given, !score.given, index < 0:
			return nil, errors.New("it holds an entry without index or score")
		case index >= n:
			return nil, fmt.Errorf("it ranks a passage with index %d of %d", index, n)
		case seen[index]:
			return nil, fmt.Errorf("it ranks the passage with index %d twice", index)
		}
		seen[index] = true
		ranked = append(ranked, Ranked{Index: index, Score: score.value})
	}
	if len(ranked) != n {
		return nil, fmt.Errorf("it ranks %d of %d passages", len(ranked), n)
	}
	return ranked, nil
}

// AreLogits reports whether the scores of a ranking, which come best first, are logits, and not a
// relevance in 0..1. A NIM gives logits. Of the servers with OpenAI's protocol, some give logits
// too (llama.cpp), others a relevance (vLLM).
func AreLogits(p config.Protocol, ranking []Ranked) bool {
	return p != config.OpenAI || len(ranking) == 0 || ranking[0].Score > 1 || ranking[len(ranking)-1].Score < 0
}

// join puts a route after a base url that ends in /v1.
func join(base, route string) string { return strings.TrimRight(base, "/") + route }

// rankingURL is the url at which m ranks. A NIM has {url}/ranking, or its url itself if that
// already names the route; NVIDIA's hosted API has a host and a path for each model;
// OpenAI-compatible servers have {url}/rerank.
func rankingURL(m config.Model) string {
	if m.Protocol == config.OpenAI {
		return join(m.URL, "/rerank")
	}
	for _, route := range []string{"/ranking", "/reranking", "/rerank"} {
		if strings.HasSuffix(m.URL, route) {
			return m.URL
		}
	}
	if isHosted(m.URL) {
		name := strings.TrimPrefix(m.Name, "nvidia/")
		return "https://ai.api.nvidia.com/v1/retrieval/nvidia/" + strings.ReplaceAll(name, ".", "_") + "/reranking"
	}
	return join(m.URL, "/ranking")
}

// isHosted reports whether the url is of NVIDIA's hosted API.
func isHosted(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return host == "integrate.api.nvidia.com" || host == "ai.api.nvidia.com"
}

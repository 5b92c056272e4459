package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
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

// Rank returns every passage once, the best first and ties by index. A passage over the model's limit is
// judged by its beginning.
func (r *Ranker) Rank(ctx context.Context, query string, passages []string) ([]Ranked, error) {
	out := make([]Ranked, 0, len(passages))
	for start := 0; start < len(passages); start += maxPassages {
		part, err := r.rank(ctx, query, passages[start:min(start+maxPassages, len(passages))], prompt)
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
	_, err := r.post(ctx, probeText, []string{probeText}, once)
	return err
}

// rank ranks one request's worth of passages. A server that does not truncate by itself gets them shortened
// until it takes them.
func (r *Ranker) rank(ctx context.Context, query string, passages []string, retry patience) ([]Ranked, error) {
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

// halveLongest cuts every passage to half the length of the longest; not ok when nothing is left to cut.
func halveLongest(passages []string) (shorter []string, ok bool) {
	longest := 0
	for _, p := range passages {
		longest = max(longest, utf8.RuneCountInString(p))
	}
	const least = 100 // code points; below, it is not the passages that are too long
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

func (r *Ranker) post(ctx context.Context, query string, passages []string,
	retry patience) (ranked []Ranked, err error) {
	err = r.client.do(ctx, call{
		operation: "ranking",
		body:      r.body(query, passages),
		texts:     append([]string{query}, passages...),
		retry:     retry,
		timeout:   rankingTimeout,
		read: r.client.whole(func(answer []byte) (err error) {
			ranked, err = parseRanking(answer, len(passages))
			return err
		}),
	})
	return ranked, err
}

func (r *Ranker) body(query string, passages []string) []byte {
	b := make([]byte, 0, room(passages...)+len(query))
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

// openAIBody is the request of vLLM, llama.cpp and others that took over Cohere's shape.
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

// parseRanking reads the answer to a request of n passages, NIM's rankings[] of {index, logit} or the others'
// results[] of {index, relevance_score}, in whatever order it has.
func parseRanking(answer []byte, n int) ([]Ranked, error) {
	ranked := make([]Ranked, 0, n)
	seen := make([]bool, n)
	var wrong error
	r := &reader{data: answer}
	r.object(func(key []byte) {
		switch string(key) {
		case "rankings", "results":
			r.array(func() {
				p, err := r.ranked()
				switch {
				case err != nil:
				case p.Index >= n:
					err = fmt.Errorf("it ranks a passage with index %d of %d", p.Index, n)
				case seen[p.Index]:
					err = fmt.Errorf("it ranks the passage with index %d twice", p.Index)
				default:
					seen[p.Index] = true
					ranked = append(ranked, p)
				}
				wrong = firstError(wrong, err)
			})
		default:
			r.skip()
		}
	})
	if err := r.end(); err != nil {
		return nil, err
	}
	if wrong != nil {
		return nil, wrong
	}
	if len(ranked) != n {
		return nil, fmt.Errorf("it ranks %d of %d passages", len(ranked), n)
	}
	return ranked, nil
}

// ranked reads one entry of a ranking.
func (r *reader) ranked() (p Ranked, err error) {
	p.Index = -1
	scored := false
	r.object(func(key []byte) {
		switch string(key) {
		case "index":
			p.Index = r.integer()
		case "logit", "relevance_score":
			p.Score = r.number(64)
			scored = true
		default:
			r.skip()
		}
	})
	if p.Index < 0 || !scored {
		return p, errors.New("it holds an entry without index or score")
	}
	return p, nil
}

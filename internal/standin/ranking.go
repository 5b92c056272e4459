package standin

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/lexical"
)

// maxPassages is a NIM's limit on the passages of one request.
const maxPassages = 512

type rankingRequest struct {
	Model    string `json:"model"`
	Query    *text  `json:"query"`
	Passages []text `json:"passages"`
	Truncate string `json:"truncate"`
}

type text struct {
	Text string `json:"text"`
}

type ranking struct {
	Index int     `json:"index"`
	Logit float64 `json:"logit"`
}

// ranking answers POST /v1/ranking.
func (h *handler) ranking(body []byte) (reply, error) {
	var q rankingRequest
	if err := decode(body, &q); err != nil {
		return nil, err
	}
	if err := serves(q.Model, h.Names.Reranking); err != nil {
		return nil, err
	}
	if err := checkRanking(&q); err != nil {
		return nil, err
	}
	passages, used, err := h.passages(&q)
	if err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter) {
		writeJSON(w, http.StatusOK, map[string]any{
			"rankings": rank(q.Query.Text, passages),
			"usage":    usage{Prompt: used, Total: used},
		})
	}, nil
}

func checkRanking(q *rankingRequest) error {
	switch {
	case q.Query == nil || strings.TrimSpace(q.Query.Text) == "":
		return refuse(http.StatusBadRequest, "'query.text' must not be empty")
	case len(q.Passages) == 0:
		return refuse(http.StatusBadRequest, "'passages' must not be empty")
	case len(q.Passages) > maxPassages:
		return refuse(http.StatusBadRequest, "'passages' holds %d, more than the maximum %d", len(q.Passages), maxPassages)
	case q.Truncate == "START":
		return refuse(http.StatusBadRequest, "'truncate' must be NONE or END")
	}
	return nil
}

// passages are the texts as the model sees them: query and passage share the limit.
func (h *handler) passages(q *rankingRequest) (texts []string, used int, err error) {
	query := tokens(q.Query.Text)
	for i, p := range q.Passages {
		if p.Text == "" {
			return nil, 0, refuse(http.StatusBadRequest, "'passages[%d].text' must not be empty", i)
		}
		seen, err := fit(p.Text, max(1, h.MaxTokens-query), q.Truncate)
		if err != nil {
			return nil, 0, err
		}
		texts = append(texts, seen)
		used += query + tokens(seen)
	}
	return texts, used, nil
}

// rank scores the passages and sorts them, the best first and equal ones in their order.
func rank(query string, passages []string) []ranking {
	ranked := make([]ranking, len(passages))
	for i, logit := range lexical.Logits(query, passages) {
		ranked[i] = ranking{Index: i, Logit: logit}
	}
	slices.SortStableFunc(ranked, func(a, b ranking) int { return cmp.Compare(b.Logit, a.Logit) })
	return ranked
}

package model

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// rankingReply is the wire format of an answer: a list of items, or of bare scores, at the top level
// (text-embeddings-inference) or under one of these names, in whatever order.
type rankingReply struct {
	Rankings list[rankingItem] `json:"rankings"` // NIM
	Results  list[rankingItem] `json:"results"`  // Cohere, vLLM, llama.cpp, Jina
	Data     list[rankingItem] `json:"data"`     // Voyage, vLLM's score
	Scores   list[rankingItem] `json:"scores"`
	Output   struct {
		Results list[rankingItem] `json:"results"`
	} `json:"output"` // is DashScope's
	Error jsontext.Value `json:"error"`
}

// rankingItem is a passage's place.
type rankingItem struct {
	index, logit, relevance, camel, other numeral
}

// UnmarshalJSONFrom reads an object name by name, which takes two thirds of the time that reflection does: a question
// has 45 of them. A bare number is a score.
func (i *rankingItem) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*i = rankingItem{}
	if d.PeekKind() != '{' {
		return i.other.UnmarshalJSONFrom(d)
	}
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != '}' {
		err = i.member(d)
	}
	if err != nil {
		return err
	}
	_, err = d.ReadToken()
	return err
}

func (i *rankingItem) member(d *jsontext.Decoder) error {
	name, err := d.ReadToken()
	if err != nil {
		return err
	}
	switch name.String() {
	case "index":
		return i.index.UnmarshalJSONFrom(d)
	case "logit":
		return i.logit.UnmarshalJSONFrom(d)
	case "relevance_score":
		return i.relevance.UnmarshalJSONFrom(d)
	case "relevanceScore": // Bedrock's
		return i.camel.UnmarshalJSONFrom(d)
	case "score":
		return i.other.UnmarshalJSONFrom(d)
	}
	return d.SkipValue()
}

func (i *rankingItem) score() numeral {
	for _, score := range []numeral{i.logit, i.relevance, i.camel, i.other} {
		if score.given {
			return score
		}
	}
	return numeral{}
}

// numeral is a finite number, or a string that holds one. Null is none.
type numeral number

func (n *numeral) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	if n.given = value.Kind() != 'n'; !n.given {
		return nil
	}
	n.value, err = strconv.ParseFloat(strings.Trim(string(value), `"`), 64)
	if math.IsNaN(n.value) || math.IsInf(n.value, 0) {
		return errNotJSON
	}
	return err
}

// items reads an answer's list.
func (r *rankingReply) items(answer []byte) ([]rankingItem, error) {
	if strings.HasPrefix(strings.TrimSpace(string(answer[:min(len(answer), 16)])), "[") {
		var items []rankingItem
		if json.Unmarshal(answer, &items, tolerant) != nil {
			return nil, errNotJSON
		}
		return items, nil
	}
	err := readJSON(answer, r)
	items := []rankingItem(r.Rankings)
	for _, others := range [][]rankingItem{r.Results, r.Data, r.Scores, r.Output.Results} {
		items = append(items, others...)
	}
	return items, err
}

// cutError is an answer that ranks fewer passages than were sent.
type cutError struct {
	ranked []Ranked
	sent   int
}

func (e *cutError) Error() string {
	return fmt.Sprintf("it ranks %d of %d passages", len(e.ranked), e.sent)
}

// parseRanking reads the answer to a request of n passages. If the answer ranks some of them only, the
// error is a *cutError.
func parseRanking(answer []byte, n int) ([]Ranked, error) {
	var in rankingReply
	items, err := in.items(answer)
	if err != nil {
		return nil, err
	}
	inOrder := len(items) == n && !slices.ContainsFunc(items, func(i rankingItem) bool { return i.index.given })
	ranked := make([]Ranked, 0, n)
	seen := make([]bool, n)
	for i, item := range items {
		score, index := item.score(), whole(item.index.value)
		if inOrder {
			index = i
		}
		switch {
		case !item.index.given && !inOrder, !score.given, index < 0:
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
		return nil, &cutError{ranked, n}
	}
	return ranked, nil
}

package retrieval

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// inquiry is an employee's or a customer's question to the documents of a company, in the words that
// come to mind. A text that holds any of the facts answers it.
type inquiry struct {
	Document string   `json:"document"`
	Question string   `json:"question"`
	Facts    []string `json:"facts"`
	// Half is "tuned" if the stand-ins were improved with the question at hand, else "kept".
	Half string `json:"half"`
}

// leastAnswered is the share of each half for which a reply without a real LLM must hold the fact.
const leastAnswered = 0.7

func TestAReplyWithoutARealLLMHoldsTheFact(t *testing.T) {
	b, err := os.ReadFile("testdata/company.json")
	if err != nil {
		t.Fatal(err)
	}
	var inquiries []inquiry
	if err := json.Unmarshal(b, &inquiries); err != nil {
		t.Fatal(err)
	}
	standIn := startStandIn(t)
	embedding := config.Model{URL: standIn, Name: config.StandInEmbedding}
	store := index(t, "testdata/company", "**", embedding)
	ranker := &config.Model{URL: standIn, Name: config.StandInReranking}
	llm := &config.LLM{Model: config.Model{URL: standIn, Name: config.StandInLLM}, ContextWindow: 8192}
	quoting := newService(store, embedding, config.Hybrid, ranker, llm)
	plain := newService(store, embedding, config.Hybrid, ranker, nil)
	for _, half := range []string{"tuned", "kept"} {
		t.Run(half, func(t *testing.T) {
			all, among, quoted, shown := 0, 0, 0, 0
			for _, q := range inquiries {
				if q.Half != half {
					continue
				}
				all++
				r := q.ask(t, quoting)
				if among += count(q.isAmong(r.Passages)); !q.isAmong(r.Passages) {
					t.Logf("no passage answers %q: %s", q.Question, q.Facts[0])
				}
				if quoted += count(q.isAnsweredBy(r.Answer)); !q.isAnsweredBy(r.Answer) {
					t.Logf("%q: %s in %s is not in %q", q.Question, q.Facts[0], q.Document, r.Answer)
				}
				shown += count(q.isAnsweredBy(q.ask(t, plain).Answer))
			}
			t.Logf("of %d questions, a passage answers %d, the stand-in LLM's quotes %d, the reply without any LLM %d",
				all, among, quoted, shown)
			if least := int(math.Ceil(leastAnswered * float64(all))); min(quoted, shown) < least {
				t.Errorf("%d and %d replies hold the fact, want at least %d of %d", quoted, shown, least, all)
			}
		})
	}
}

func (q inquiry) ask(t *testing.T, s *query.Service) *query.Result {
	t.Helper()
	r, err := s.Answer(t.Context(), query.Request{Messages: []model.Message{{Role: "user", Content: q.Question}}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func count(holds bool) int {
	if holds {
		return 1
	}
	return 0
}

func (q inquiry) isAmong(passages []query.Passage) bool {
	for _, p := range passages {
		if strings.HasSuffix(p.Document, "/"+q.Document) && q.isAnsweredBy(p.Text) {
			return true
		}
	}
	return false
}

func (q inquiry) isAnsweredBy(text string) bool {
	text = strings.Join(strings.Fields(text), " ")
	for _, fact := range q.Facts {
		if holds(text, fact) {
			return true
		}
	}
	return false
}

package model

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestRankingIsSortedHereWhateverTheServerDoes(t *testing.T) {
	s := answer(t, http.StatusOK, `{"rankings":[{"index":2,"logit":-1.5},{"index":0,"logit":3},{"index":3,"logit":3},{"index":1,"logit":7.25}],"usage":{}}`)
	got, err := s.ranker().Rank(t.Context(), "q", []string{"a", "b", "c", "d"})
	want := []Ranked{{1, 7.25}, {0, 3}, {3, 3}, {2, -1.5}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestMoreThan512PassagesAreRankedInSeveralRequests(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, body []byte) {
		in := decode[struct{ Passages []struct{ Text string } }](t, body)
		if len(in.Passages) > 512 {
			t.Errorf("%d passages in a request", len(in.Passages))
		}
		var entries []string
		for i, p := range in.Passages {
			entries = append(entries, fmt.Sprintf(`{"index":%d,"logit":%s}`, i, p.Text))
		}
		fmt.Fprintf(w, `{"rankings":[%s]}`, strings.Join(entries, ","))
	})
	passages := make([]string, 1200)
	var want []Ranked
	for i := range passages {
		passages[i] = fmt.Sprint(i)
		want = append(want, Ranked{Index: len(passages) - 1 - i, Score: float64(len(passages) - 1 - i)})
	}
	got, err := s.ranker().Rank(t.Context(), "q", passages)
	if diff := cmp.Diff(want, got); err != nil || diff != "" || s.count() != 3 {
		t.Errorf("%v in %d requests (-want +got):\n%s", err, s.count(), diff)
	}
}

func TestPassagesThatAnOpenAICompatibleRankerFindsTooLongAreShortened(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, body []byte) {
		in := decode[struct{ Documents []string }](t, body)
		for _, d := range in.Documents {
			if utf8.RuneCountInString(d) > 400 {
				w.WriteHeader(http.StatusBadRequest)
				io.WriteString(w, `{"error":{"message":"This model's maximum context length is 512 tokens."}}`)
				return
			}
		}
		var results []string
		for i, d := range in.Documents {
			results = append(results, fmt.Sprintf(`{"index":%d,"relevance_score":%g}`, i, 1/float64(len(d))))
		}
		fmt.Fprintf(w, `{"results":[%s]}`, strings.Join(results, ","))
	})
	m := s.openAI()
	got, err := NewRanker(m, nil, Transport{}).Rank(t.Context(), "q", []string{strings.Repeat("漢", 1000), "short"})
	if err != nil || got[0].Index != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	if in := decode[struct{ Documents []string }](t, []byte(s.bodies[s.count()-1])); in.Documents[len(in.Documents)-1] != "short" {
		t.Errorf("the short passage became %q", in.Documents)
	}
}

func TestAQuestionThatIsTooLongToRankIsAnErrorSoon(t *testing.T) {
	s := answer(t, http.StatusBadRequest, `{"error":"context length exceeded"}`)
	_, err := NewRanker(s.openAI(), nil, Transport{}).Rank(t.Context(), strings.Repeat("q", 1000), []string{strings.Repeat("x", 2000)})
	if FailureOf(err) != config.InputTooLong || s.count() > 6 {
		t.Errorf("got %v after %d requests", err, s.count())
	}
}

func TestRankingAnswersAreChecked(t *testing.T) {
	cases := []struct{ name, answer, want string }{
		{"no JSON", `404 page not found`, "not the JSON"},
		{"nothing in it", `{}`, "0 of 2"},
		{"too few", `{"rankings":[{"index":1,"logit":1}]}`, "1 of 2"},
		{"an index twice", `{"rankings":[{"index":1,"logit":1},{"index":1,"logit":2}]}`, "index 1 twice"},
		{"an index out of range", `{"rankings":[{"index":1,"logit":1},{"index":2,"logit":2}]}`, "index 2 of 2"},
		{"a negative index", `{"rankings":[{"index":-1,"logit":1},{"index":0,"logit":2}]}`, "without index or score"},
		{"a fraction for an index", `{"rankings":[{"index":0.5,"logit":1},{"index":0,"logit":2}]}`, "without index or score"},
		{"no index", `{"rankings":[{"logit":1},{"index":0,"logit":2}]}`, "without index or score"},
		{"no score", `{"rankings":[{"index":0},{"index":1,"logit":2}]}`, "without index or score"},
		{"NaN", `{"rankings":[{"index":0,"logit":NaN},{"index":1,"logit":2}]}`, "not the JSON"},
		{"infinity", `{"rankings":[{"index":0,"logit":1e999},{"index":1,"logit":2}]}`, "not the JSON"},
		{"a null score", `{"rankings":[{"index":0,"logit":null},{"index":1,"logit":2}]}`, "without index or score"},
		{"a word for a score", `{"results":[{"index":0,"relevance_score":"high"},{"index":1,"relevance_score":2}]}`, "not the JSON"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := answer(t, http.StatusOK, tc.answer)
			_, err := s.ranker().Rank(t.Context(), "q", []string{"a", "b"})
			if FailureOf(err) != config.ModelBroken || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want config.ModelBroken with %q", err, tc.want)
			}
		})
	}
}

func TestRankingReadsBothProtocolsAnswers(t *testing.T) {
	for _, protocol := range []config.Protocol{config.NIM, config.OpenAI} {
		s := answer(t, http.StatusOK, `{"id":"x","model":"m","results":[{"index":0,"relevance_score":0.5,"document":{"text":"a"}}],"meta":{"n":[1]}}`)
		m := s.model()
		m.Protocol = protocol
		if got, err := NewRanker(m, nil, Transport{}).Rank(t.Context(), "q", []string{"a"}); err != nil || got[0].Score != 0.5 {
			t.Errorf("%s: got %v, %v", protocol, got, err)
		}
	}
}

func TestMembersThatAreNullAreAbsent(t *testing.T) {
	s := answer(t, http.StatusOK, `{"results":[{"index":null,"score":0.5,"logit":null},{"index":null,"score":"2","relevance_score":null}]}`)
	got, err := NewRanker(s.openAI(), nil, Transport{}).Rank(t.Context(), "q", []string{"a", "b"})
	if diff := cmp.Diff([]Ranked{{1, 2}, {0, 0.5}}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

package model

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plainAnswers are answers of numbers alone, and others that nearly are.
var plainAnswers = []string{
	`{"rankings":[{"index":0,"logit":-1.5},{"index":1,"logit":2.25e-3}]}`,
	` { "results" : [ { "index" : 1 , "relevance_score" : 0 } , { "score" : -0 , "index" : 0 } ] , "usage" : { "total_tokens" : 3 } } `,
	`{"rankings":[{"index":0,"logit":1}],"rankings":[{"index":1,"logit":2}],"results":[{"index":2,"logit":3}]}`,
	`{"results":[{"index":0,"logit":1,"logit":2}],"rankings":[{"index":1,"logit":2}]}`,
	`{"rankings":[{"index":0,"logit":1}],}`,
	`{"rankings":[{"index":0,"logit":1}] "usage":1}`,
	`{"rankings":[{"index":0,"logit":1}]}{}`,
	`{"rankings":[{"index":0,"logit":1},]}`,
	`{"rankings":[{"index":0,"logit":1,}]}`,
	`{"rankings":[{"index":0,"logit":"1"}]}`,
	`{"rankings":[{"index":0,"logit":null}]}`,
	`{"rankings":[{"index":0,"logit":1e999}]}`,
	`{"rankings":[{"index":00,"logit":+1}]}`,
	`{"rankings":[{"index":0,"logit":1.}]}`,
	`{"rankings":[{"index":0,"logit":.5}]}`,
	`{"rankings":[{"index":0,"logit":1e}]}`,
	`{"rankings":[{"index":0,"logit":0x1p-2}]}`,
	`{"rankings":[{"index":0,"logit":1_0}]}`,
	`{"rankings":[{"ind\u0065x":0,"logit":1}]}`,
	`{"rankings":[{"index":0,"logit":1,"text":"a"}]}`,
	`{"rankings":[{"index":0,"Logit":1}]}`,
	`{"rankings":[{}]}`, `{"rankings":[]}`, `{"rankings":[1]}`, `{"rankings":{}}`, `{"rankings":[{"index":0,"logit":1}`,
	`{"rankings":[{"index":0,"logit":1}],"output":{"results":[{"index":1,"logit":2}]}}`,
	`{"rankings":[{"index":0,"logit":1}],"error":{"message":"no"}}`,
}

// What is read without the library is what the library reads.
func TestPlainRankingsAreThoseOfTheLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	answers := plainAnswers
	for range 20_000 { // spoilt in one place, or two
		b := []byte(plainAnswers[random.IntN(len(plainAnswers))])
		for range 1 + random.IntN(2) {
			i, other := random.IntN(len(b)), plainAnswers[random.IntN(len(plainAnswers))]
			switch random.IntN(3) {
			case 0:
				b[i] = other[random.IntN(len(other))]
			case 1:
				b = append(b[:i], b[i+1:]...)
			default:
				b = append(b[:i], append([]byte{other[random.IntN(len(other))]}, b[i:]...)...)
			}
		}
		answers = append(answers, string(b))
	}
	for _, answer := range answers {
		var want rankingReply
		wantErr := readJSON([]byte(answer), &want)
		var got rankingReply
		gotErr := readJSON(got.readPlain([]byte(answer)), &got)
		if fmt.Sprint(wantErr) != fmt.Sprint(gotErr) {
			t.Fatalf("%s: %v without the library, and %v with it", answer, gotErr, wantErr)
		}
		if diff := cmp.Diff(listed(&want), listed(&got)); wantErr == nil && diff != "" {
			t.Fatalf("%s (-library +plain):\n%s", answer, diff)
		}
	}
}

func listed(r *rankingReply) string {
	return strings.ReplaceAll(fmt.Sprint(r.Rankings, r.Results, r.Data, r.Scores, r.Output.Results, string(r.Error)), "[]", "")
}

func TestPlainRankingsNeedNoLibrary(t *testing.T) {
	for _, answer := range plainAnswers[:2] {
		var r rankingReply
		if rest := r.readPlain([]byte(answer)); len(r.Rankings)+len(r.Results) != 2 {
			t.Errorf("%s: the library would read %s", answer, rest)
		}
	}
}

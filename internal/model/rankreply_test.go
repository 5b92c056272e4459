package model

import (
	"slices"
	"testing"
)

// reflectedItem is a rankingItem that the library reads by its tags.
type reflectedItem struct {
	Index     numeral `json:"index"`
	Logit     numeral `json:"logit"`
	Relevance numeral `json:"relevance_score"`
	Camel     numeral `json:"relevanceScore"`
	Score     numeral `json:"score"`
}

// FuzzRankingItem holds what is read name by name against what the library reads by reflection.
func FuzzRankingItem(f *testing.F) {
	for _, members := range []string{
		`"index":0,"logit":-1.5`, ` "index" : 1 , "relevance_score" : 0 , "document" : { "text" : "}" } `,
		`"relevanceScore":"2.5","index":"3"`, `"score":-0,"Logit":1`, `"index":0,"logit":1,"logit":2`,
		`"logit":1,"logit":null`, `"ind\u0065x":0,"logit":2.25e-3`, "\"inde\xffx\":0", `"index":null`, ``,
		`"index":1},{"index":0`, `"index":0,`, `"index":0 "logit":1`, `"index"`, `"index":[0]`, `"index":{}`,
		`"index":1e999`, `"index":00`, `"logit":"NaN"`, `"logit":.5`, `"logit":0x1p-2`, `"logit":true`, `1:0`, `"index":0]`,
	} {
		f.Add(members)
	}
	f.Fuzz(func(t *testing.T, members string) {
		answer := []byte("[{" + members + "}]")
		var reflected []reflectedItem
		wantErr := readJSON(answer, &reflected)
		var want []rankingItem
		for _, i := range reflected {
			want = append(want, rankingItem{i.Index, i.Logit, i.Relevance, i.Camel, i.Score})
		}
		var got []rankingItem
		err := readJSON(answer, &got)
		if bare := err == nil && wantErr != nil && slices.ContainsFunc(got, func(i rankingItem) bool {
			return i == rankingItem{other: i.other} // the library has no such form
		}); bare {
			return
		}
		if (err == nil) != (wantErr == nil) || err == nil && !slices.Equal(got, want) {
			t.Errorf("%s: got %v (%v), want %v (%v)", answer, got, err, want, wantErr)
		}
	})
}

package status

import "testing"

func TestTheFieldsOfTheSpecTakeThePlaceOfAdvice(t *testing.T) {
	for message, want := range map[string]string{
		`llm model "a; b" refused the API key; check secretRef (HTTP 401): no`:     `llm model "a; b" refused the API key (HTTP 401): no`,
		`llm model "m" cannot be reached; check its url: connection refused`:       `llm model "m" cannot be reached: connection refused`,
		`llm model "m" speaks TLS; write https:// in its url`:                      `llm model "m" speaks TLS`,
		`llm model "m" failed; see its log (HTTP 500): one; two`:                   `llm model "m" failed (HTTP 500): one; two`,
		`llm model "m" rejected the request (HTTP 400): one; two`:                  `llm model "m" rejected the request (HTTP 400): one; two`,
		`llm model "m" returned an unusable reply: a page; check url`:              `llm model "m" returned an unusable reply: a page; check url`,
		`the extraction server failed; nothing is quoted`:                          `the extraction server failed; nothing is quoted`,
		`extraction server "Tika" is not reached by the proxy before it; check it`: `extraction server "Tika" is not reached by the proxy before it`,
	} {
		if got := withoutAdvice(message); got != want {
			t.Errorf("%s becomes %s", message, got)
		}
	}
}

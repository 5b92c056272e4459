package model

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
)

// holdsError reports whether an answer is an object with an error in the place of what was asked for.
func holdsError(answer []byte) bool {
	var in struct {
		Error  jsontext.Value `json:"error"`
		Detail jsontext.Value `json:"detail"`
	}
	return readJSON(answer, &in) == nil && (in.Error != nil && in.Error.Kind() != 'n' || in.Detail != nil)
}

// problem is an error that came as or within a 200, of which only the status matters: {"error":
// {"code": 429}}, {"code": 429}, {"status": 429}.
type problem struct {
	Code   count    `json:"code"`
	Status count    `json:"status"`
	Error  *problem `json:"error"`
}

func (p *problem) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*p = problem{}
	return absentUnless('{', d)
}

// status is the highest number that p or an error within it holds, or 0 if there is none.
func (p *problem) status() int {
	if p == nil {
		return 0
	}
	return max(int(p.Code), int(p.Status), p.Error.status())
}

// inBand is an error that came as or within a 200. Its own code selects its failure, if it has one.
func (c *client) inBand(data []byte) *Error {
	var p problem
	_ = readJSON(data, &p) // it has been read before
	code := p.status()
	if code < 400 || code > 599 {
		code = http.StatusInternalServerError
	}
	return c.refused(code, string(data))
}

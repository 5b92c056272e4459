package model

import (
	"bytes"
	"encoding/json" // as in errors.go
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// isError reports whether a value is an object with an error in the place of what was asked for, or a list
// of such objects, as Gemini sends it.
func isError(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) > 0 && isError(v[0])
	case map[string]any:
		for _, key := range []string{"error", "Error", "errors", "detail", "fault", "error_msg", "err_msg", "errmsg"} {
			if isGiven(v[key]) {
				return true
			}
		}
		ok, told := v["success"].(bool) // Cloudflare
		base, _ := v["base_resp"].(map[string]any)
		return told && !ok || isGiven(base["status_code"]) || isError(v["Response"]) // MiniMax; Tencent
	}
	return false
}

// tellsError is isError of JSON.
func tellsError(data []byte) bool {
	var v any
	return json.Unmarshal(data, &v) == nil && isError(v)
}

// isGiven reports whether a member has a value that is not empty.
func isGiven(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case bool:
		return v
	case float64:
		return v != 0
	case []any:
		return len(v) > 0
	}
	return true
}

// problem is an error that came as or within a 200, of which only the status matters: {"error":
// {"code": 429}}, {"code": 429}, {"status": 429}, {"base_resp": {"status_code": 1002}}.
type problem struct {
	Code   count    `json:"code"`
	Status count    `json:"status"`
	Error  *problem `json:"error"`
	Base   struct {
		Status count `json:"status_code"`
	} `json:"base_resp"`
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
	return max(int(p.Code), int(p.Status), minimaxStatus[int(p.Base.Status)], p.Error.status())
}

// minimaxStatus are the statuses that others have for MiniMax's codes
// (https://platform.minimax.io/docs/api-reference/errorcode).
var minimaxStatus = map[int]int{
	1001: http.StatusGatewayTimeout,
	1002: http.StatusTooManyRequests, 1039: http.StatusTooManyRequests, 1041: http.StatusTooManyRequests,
	2045: http.StatusTooManyRequests, 2056: http.StatusTooManyRequests,
	1004: http.StatusUnauthorized, 2049: http.StatusUnauthorized,
	1008: http.StatusPaymentRequired,
	1026: http.StatusBadRequest, 1027: http.StatusBadRequest, 1042: http.StatusBadRequest, 2013: http.StatusBadRequest,
}

// inBand is an error that came as or within a 200. Its own code selects its failure, if it has one, or else
// its words.
func (c *client) inBand(data []byte) *Error {
	var p problem
	var all []jsontext.Value
	if readJSON(data, &all) == nil && len(all) > 0 {
		data = all[0]
	}
	_ = readJSON(data, &p) // without a code, its words count
	code := p.status()
	if code >= 400 && code <= 599 {
		return c.refused(code, string(data))
	}
	e := c.refused(http.StatusInternalServerError, string(data))
	if e.Failure == config.ModelBroken {
		switch {
		case byWords(e.Message) != "":
			e.Failure = byWords(e.Message)
		case containsAny(e.Message, fullWords):
			e.Failure = config.ModelOverloaded
		}
	}
	return e
}

// unread is why a 200 is not the answer that was asked for: the error that stands in its place, or else err
// with what the server has sent in words.
func (c *client) unread(data []byte, err error) *Error {
	var v any
	if json.Unmarshal(data, &v) == nil && isError(v) {
		return c.inBand(data)
	}
	e := c.fail(config.ModelBroken, err)
	if len(bytes.TrimSpace(data)) == 0 {
		e.Err = errEmpty
		return e
	}
	if isPage(data) {
		e.Err, e.Message = errWebPage, pageTitle(data)
		return e
	}
	e.Message = serverMessage(string(data[:min(len(data), maxErrorBody)]))
	return e
}

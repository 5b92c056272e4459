package nimsim

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// statusFaults answer with an error, in the shapes that NIMs, NVIDIA's hosted API and proxies use for it.
var statusFaults = []Fault{
	status("bad-request", "400, the request is not understood", 400, `{"error":"'input' is not valid"}`),
	inputTooLong(),
	status("unauthorized", "401, the key is wrong", 401, `{"status":401,"title":"Unauthorized","detail":"Authentication failed"}`),
	keyEchoed(),
	status("unpaid", "402, no credits", 402, `{"status":402,"title":"Payment Required","detail":"Account has no credits left"}`),
	status("forbidden", "403, the key may not use the model", 403, `{"detail":"Forbidden"}`),
	page("no-route", "404 in plain text, as a wrong path gets", 404, "text/plain; charset=utf-8", "404 page not found\n"),
	status("no-model", "404 in JSON, the account cannot use the model", 404,
		`{"status":404,"title":"Not Found","detail":"Function '6d1a': Not found for account 'acme'"}`),
	status("retired", "410, the hosted model is at its end of life", 410,
		`{"status":410,"title":"Gone","detail":"The model has reached its end of life on 2026-05-18T00:00:00Z and is no longer available."}`),
	status("unprocessable", "422, validation failed", 422,
		`{"detail":[{"type":"extra_forbidden","loc":["body","field"],"msg":"Extra inputs are not permitted"}]}`),
	RateLimited(time.Second),
	rateLimitedByDate(),
	status("internal-error", "500", 500, `{"error":"CUDA out of memory"}`),
	status("detail-null", "500 whose JSON says nothing", 500, `{"detail":null}`),
	page("no-words", "500 without a body", 500, "", ""),
	page("bad-gateway", "502 from a proxy, in HTML", 502, "text/html", proxyPage),
	status("loading", "503, the model is being loaded", 503, `{"detail":"Service is not ready: the model is being loaded"}`),
	queueFull(),
	page("gateway-timeout", "504 from a proxy, in HTML", 504, "text/html", proxyPage),
}

const proxyPage = "<html><head><title>Error</title></head><body><center><h1>Error</h1></center><hr><center>nginx</center></body></html>\n"

func status(name, does string, code int, body string) Fault {
	return page(name, does, code, "application/json", body)
}

func page(name, does string, code int, contentType, body string) Fault {
	return Fault{Name: name, Does: does, Roles: anyRole, serve: func(x *exchange) { x.refuse(code, contentType, body) }}
}

func (x *exchange) refuse(code int, contentType, body string) {
	if contentType != "" {
		x.w.Header().Set("Content-Type", contentType)
	}
	x.w.WriteHeader(code)
	_, _ = x.w.Write([]byte(body))
}

// inputTooLong says of every text that it is too long, in the words of the role's NIM.
func inputTooLong() Fault {
	return Fault{Name: "input-too-long", Does: "400, the text exceeds the model's limit", Roles: anyRole, serve: func(x *exchange) {
		body := `{"error":"Input length 9000 exceeds maximum allowed token size 8192"}`
		if role, _ := roleOf(x.r); role == config.StageLLM {
			body = `{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",` +
				`"type":"BadRequestError","param":null,"code":400}}`
		}
		x.refuse(http.StatusBadRequest, "application/json", body)
	}}
}

// keyEchoed repeats the key that was sent, as careless proxies do.
func keyEchoed() Fault {
	return Fault{Name: "key-echoed", Does: "401 that repeats the key it was sent", Roles: anyRole, serve: func(x *exchange) {
		x.refuse(http.StatusUnauthorized, "application/json",
			fmt.Sprintf(`{"detail":%q}`, "no such token: "+x.r.Header.Get("Authorization")))
	}}
}

const tooMany = `{"status":429,"title":"Too Many Requests"}`

// RateLimited answers 429 with Retry-After, in whole seconds.
func RateLimited(after time.Duration) Fault {
	seconds := strconv.Itoa(int(after / time.Second))
	return Fault{Name: "rate-limited", Does: "429 with Retry-After in seconds", Roles: anyRole, serve: func(x *exchange) {
		x.w.Header().Set("Retry-After", seconds)
		x.refuse(http.StatusTooManyRequests, "application/json", tooMany)
	}}
}

func rateLimitedByDate() Fault {
	return Fault{Name: "rate-limited-by-date", Does: "429 with Retry-After as a date, one second ahead", Roles: anyRole, serve: func(x *exchange) {
		x.w.Header().Set("Retry-After", time.Now().Add(time.Second).UTC().Format(http.TimeFormat))
		x.refuse(http.StatusTooManyRequests, "application/json", tooMany)
	}}
}

func queueFull() Fault {
	return Fault{Name: "queue-full", Does: "503 with Retry-After, the server's queue is full", Roles: anyRole, serve: func(x *exchange) {
		x.w.Header().Set("Retry-After", "1")
		x.refuse(http.StatusServiceUnavailable, "application/json", `{"error":"request queue is full"}`)
	}}
}

package gateway

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

var tracer = otel.Tracer("github.com/ragpipeline/ragpipeline/internal/gateway")

// exchange is one request on its way, and what its log line will say.
type exchange struct {
	http.ResponseWriter
	id      string
	started time.Time
	route   string // the path when it is a route, so that a log line holds nothing a caller made up
	client  string // name of the key; empty for everyone
	status  int    // 0 until the header is written
	err     error  // what failed
}

// WriteHeader notes the status.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	return x.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// ServeHTTP answers one request, whatever happens, and writes its log line.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{ResponseWriter: w, id: requestID(r), started: time.Now(), route: "unknown"}
	x.Header().Set("X-Request-Id", x.id)
	x.Header().Set("X-Content-Type-Options", "nosniff")
	defer func() {
		p, begun := recover(), x.status != 0
		if p != nil {
			g.panicked(x, p)
		}
		g.logLine(r, x)
		if p != nil && begun {
			panic(http.ErrAbortHandler) // half a reply has gone out: the connection must show that it is cut
		}
	}()
	if x.err = cutOff(r.Context(), g.serve(x, r)); x.err != nil {
		fail(x, r, x.err)
	}
}

// serve is a request's way to its handler.
func (g *Gateway) serve(x *exchange, r *http.Request) error {
	if err := g.guard(r); err != nil {
		return err
	}
	route, err := g.find(x, r)
	if err != nil {
		return err
	}
	if g.auth != nil && !route.open {
		if x.client, err = g.auth.client(r); err != nil {
			return err
		}
	}
	if !route.work {
		return route.handle(x, r)
	}
	release, err := g.limit.acquire(r.Context())
	if err != nil {
		return err
	}
	defer release()
	return traced(route.handle)(x, r)
}

// find looks up the route.
func (g *Gateway) find(x *exchange, r *http.Request) (route, error) {
	methods, ok := g.routes[r.URL.Path]
	if !ok {
		return route{}, notFound("UnknownRoute", "there is no such route; /openapi.json lists them")
	}
	x.route = r.URL.Path
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	found, ok := methods[method]
	if !ok {
		return route{}, wrongMethod(methods)
	}
	return found, nil
}

// traced puts a handler into a span that continues the caller's trace.
func traced(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx := otel.GetTextMapPropagator().Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := tracer.Start(ctx, r.Method+" "+r.URL.Path, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		if !span.SpanContext().IsValid() { // nobody traces: spare the copy of the request
			return next(w, r)
		}
		err := next(w, r.WithContext(ctx))
		if span.IsRecording() && err != nil {
			span.SetAttributes(attribute.String("error.type", failureOf(err).Code))
		}
		return err
	}
}

// panicked turns a panic into a plain 500, if nothing has been sent yet.
func (g *Gateway) panicked(x *exchange, p any) {
	g.log.Error("Handler panicked", "request_id", x.id, "route", x.route, "panic", p, "stack", string(debug.Stack()))
	if x.status == 0 {
		fail(x, nil, internal())
	}
}

// logLine tells what became of a request: nothing of what was asked or answered.
func (g *Gateway) logLine(r *http.Request, x *exchange) {
	level := slog.LevelInfo
	switch {
	case x.route == "/healthz" || x.route == "/readyz":
		level = slog.LevelDebug
	case x.err != nil && failureOf(x.err).status >= http.StatusInternalServerError: // in a stream, too
		level = slog.LevelWarn
	}
	if !g.log.Enabled(context.Background(), level) {
		return
	}
	attributes := make([]slog.Attr, 0, 10)
	attributes = append(attributes,
		slog.String("method", method(r)), slog.String("route", x.route), slog.Int("status", x.status),
		slog.Duration("took", time.Since(x.started)), slog.String("request_id", x.id))
	if x.client != "" {
		attributes = append(attributes, slog.String("client", x.client))
	}
	if x.err != nil {
		attributes = append(attributes, describe(x.err)...)
	}
	g.log.LogAttrs(context.Background(), level, "Request served", attributes...)
}

// method is the request's, or OTHER: a caller may send any word.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions:
		return r.Method
	}
	return "OTHER"
}

// requestID is the caller's, when it is short and plain, or a new one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	if len(id) == 0 || len(id) > 64 {
		return rand.Text()
	}
	for i := range len(id) {
		c := id[i]
		plain := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
		if !plain {
			return rand.Text()
		}
	}
	return id
}

package gateway

import (
	"net/http"
	"slices"
	"strings"
)

// cors admits the pages of declared origins, which a browser calls the gateway for.
type cors struct {
	origins map[string]bool
	any     bool // reports whether every origin is admitted
}

// newCORS reads the declared origins. Without keys, "*" admits nobody: through the browser of someone
// who can reach the gateway, any page could read the documents.
func newCORS(declared []string, keyed bool) cors {
	c := cors{origins: make(map[string]bool, len(declared)), any: keyed && slices.Contains(declared, "*")}
	for _, origin := range declared {
		c.origins[withoutDefaultPort(origin)] = origin != "*"
	}
	return c
}

// withoutDefaultPort is an origin as browsers send it.
func withoutDefaultPort(origin string) string {
	switch {
	case strings.HasPrefix(origin, "https://"):
		return strings.TrimSuffix(origin, ":443")
	case strings.HasPrefix(origin, "http://"):
		return strings.TrimSuffix(origin, ":80")
	}
	return origin
}

// admits reports whether a page of the origin may call the gateway, and lets it read the reply. It
// never allows credentials that a browser adds by itself: a page sends its key in a header of its own.
func (c *cors) admits(h http.Header, origin string) bool {
	if len(c.origins) > 0 && !c.any {
		h.Add("Vary", "Origin") // for caches, also of replies to those who are not admitted
	}
	if origin == "" || !c.any && !c.origins[origin] {
		return false
	}
	allowed := origin
	if c.any {
		allowed = "*"
	}
	h.Set("Access-Control-Allow-Origin", allowed)
	h.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After, X-Should-Retry, Content-Disposition")
	return true
}

// preflight answers a browser's question whether an admitted page may send a request. It reports
// whether r is one. Whatever headers the page sends are allowed: SDKs send many of their own.
func preflight(x *exchange, r *http.Request) bool {
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h := x.Header()
	h.Add("Vary", "Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST")
	if headers := r.Header.Get("Access-Control-Request-Headers"); headers != "" {
		h.Set("Access-Control-Allow-Headers", headers)
	}
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	h.Set("Access-Control-Max-Age", "600")
	x.route = "preflight"
	x.WriteHeader(http.StatusNoContent)
	return true
}

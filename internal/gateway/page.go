package gateway

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
)

//go:embed index.html
var pageHTML []byte

//go:embed openapi.json
var openAPIJSON []byte

// pagePolicy allows the page its own style and script, by their hashes, and requests to its own gateway: nothing
// else, wherever a passage's text may point.
var pagePolicy = "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" +
	"; style-src " + hashOf("style") + "; script-src " + hashOf("script")

// hashOf is the CSP source for the content of the page's only element of that name.
func hashOf(element string) string {
	_, rest, _ := bytes.Cut(pageHTML, []byte("<"+element+">"))
	content, _, _ := bytes.Cut(rest, []byte("</"+element+">"))
	sum := sha256.Sum256(content)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// page answers GET /.
func (g *Gateway) page(w http.ResponseWriter, _ *http.Request) error {
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	return send(w, http.StatusOK, "text/html; charset=utf-8", pageHTML)
}

// openAPI answers GET /openapi.json.
func (g *Gateway) openAPI(w http.ResponseWriter, _ *http.Request) error {
	return send(w, http.StatusOK, "application/json", openAPIJSON)
}

// Package page serves the gateway's web page, on which a user asks questions and reads the answers
// with their citations.
package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

//go:embed index.html style.css page.js
var assets embed.FS

// Handler serves the page as one document, with its style and its script inline. The policy admits
// these two by their hashes, and requests to the page's own gateway: nothing else, wherever the
// text of a passage may point.
func Handler() http.Handler {
	style, script := asset("style.css"), asset("page.js")
	document := strings.NewReplacer("{{style.css}}", style, "{{page.js}}", script).Replace(asset("index.html"))
	policy := "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" +
		"; style-src " + hash(style) + "; script-src " + hash(script)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Length", strconv.Itoa(len(document)))
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		_, _ = w.Write([]byte(document)) // the error is that the client is gone
	})
}

func asset(name string) string {
	b, err := assets.ReadFile(name)
	if err != nil {
		panic(err) // the binary was built without the file
	}
	return string(b)
}

// hash is the source of a content security policy that admits exactly this asset.
func hash(asset string) string {
	sum := sha256.Sum256([]byte(asset))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

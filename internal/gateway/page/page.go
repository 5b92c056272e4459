// Package page serves the gateway's web page, on which a user asks questions, reads the answers beside
// their passages, and sees what the index holds.
//
// The page is the files of assets as they are: there is no build step. Each asset is served under a
// name that contains a hash of it, so that a browser keeps it for good and still takes every new one.
package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed assets
var assets embed.FS

// document is the name of the page itself; every other file of assets is an asset of it.
const document = "index.html"

// types has the extensions of assets.
var types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// file is what is served under a name.
type file struct{ contentType, body string }

// Page is the web page, an http.Handler for / and for /assets/NAME.
type Page struct {
	html, policy string
	assets       map[string]file // by their names with hashes
}

// New makes the page of the embedded files. If signIn is true, it signs its users in at the gateway's issuer instead of
// asking for a key.
func New(signIn bool) *Page {
	p := &Page{assets: map[string]file{}}
	imports := map[string]string{} // from a module's address to that with its hash, both relative to the page
	var renamed []string           // pairs of these, for the page itself
	entries, err := assets.ReadDir("assets")
	if err != nil {
		panic(err) // the binary was built without the page
	}
	for _, e := range entries {
		if e.Name() == document {
			continue
		}
		body, extension := read(e.Name()), path.Ext(e.Name())
		hashed := strings.TrimSuffix(e.Name(), extension) + "." + hash(body) + extension
		p.assets[hashed] = file{types[extension], body}
		renamed = append(renamed, `"assets/`+e.Name()+`"`, `"assets/`+hashed+`"`)
		if extension == ".js" {
			imports["./assets/"+e.Name()] = "./assets/" + hashed
		}
	}
	names, _ := json.Marshal(map[string]any{"imports": imports}) // cannot fail: all are strings
	p.html = strings.NewReplacer(append(renamed,
		"{{imports}}", string(names), "{{sign-in}}", strconv.FormatBool(signIn))...).Replace(read(document))
	p.policy = policy(string(names))
	return p
}

// policy lets the page load its own assets and call its own gateway: nothing else, wherever the text
// of a document may point. A blob is a picture of a document's page, fetched with the caller's key.
func policy(imports string) string {
	sum := sha256.Sum256([]byte(imports))
	return "default-src 'none'; script-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'" +
		"; style-src 'self'; img-src 'self' blob:; connect-src 'self'" +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
}

func read(name string) string {
	b, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // the binary was built without the file
	}
	return string(b)
}

// hash names a version of an asset.
func hash(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:6])
}

// ServeHTTP sends the page, or the asset that the path names.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Referrer-Policy", "no-referrer")
	name := r.PathValue("name")
	if name == "" {
		h.Set("Content-Security-Policy", p.policy)
		h.Set("Cache-Control", "no-cache")
		send(w, file{"text/html; charset=utf-8", p.html})
		return
	}
	asset, found := p.assets[name]
	if !found { // a page that was loaded from another version of the gateway
		http.NotFound(w, r)
		return
	}
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	send(w, asset)
}

func send(w http.ResponseWriter, f file) {
	w.Header().Set("Content-Type", f.contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(f.body)))
	_, _ = w.Write([]byte(f.body)) // the error is that the client is gone
}

package gateway

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestThePageTrustsNobody(t *testing.T) {
	f := newFixture()
	got := f.call("GET", "/", "")
	if got.Code != 200 || got.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("status %d, %s", got.Code, got.Header().Get("Content-Type"))
	}
	policy, page := got.Header().Get("Content-Security-Policy"), got.Body.String()
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") ||
		!strings.Contains(policy, "require-trusted-types-for 'script'") {
		t.Errorf("policy %q", policy)
	}
	if n := strings.Count(page, "<script"); n != 2 || strings.Contains(page, "<style") {
		t.Errorf("%d scripts: the policy knows the map of imports, and one that is loaded", n)
	}
	if m := regexp.MustCompile(`<[^>]* (on\w+|style)=`).FindString(page); m != "" {
		t.Errorf("an inline handler or style: %s", m)
	}
	for _, address := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(address[1], "assets/") && !strings.HasPrefix(address[1], "#") {
			t.Errorf("the page refers to %s", address[1])
		}
	}
}

// The names of assets change with their content, and the scripts refer to each other by the names of their files: the
// map of imports joins the two.
func TestThePageHasAllItsAssets(t *testing.T) {
	f := newFixture()
	page := f.call("GET", "/", "").Body.String()
	_, rest, _ := strings.Cut(page, `<script type="importmap">`)
	text, _, _ := strings.Cut(rest, "</script>")
	var scripts struct{ Imports map[string]string }
	if err := json.Unmarshal([]byte(text), &scripts); err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`assets/[^"]*`).FindAllString(page, -1)
	loaded := map[string]string{}
	for _, name := range names {
		if !regexp.MustCompile(`\.[0-9a-f]{12}\.(js|css|svg)$`).MatchString(name) {
			continue // the left side of the map
		}
		asset := f.call("GET", "/"+name, "")
		if asset.Code != 200 || !strings.Contains(asset.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: status %d, %v", name, asset.Code, asset.Header())
		}
		loaded["./"+name] = asset.Body.String()
	}
	if len(loaded) != len(scripts.Imports)+2 { // the style and the icon
		t.Errorf("%d assets in the page, and %d scripts", len(loaded), len(scripts.Imports))
	}
	for file, hashed := range scripts.Imports {
		for _, m := range regexp.MustCompile(`from "\./([^"]+)"`).FindAllStringSubmatch(loaded[hashed], -1) {
			if scripts.Imports["./assets/"+m[1]] == "" {
				t.Errorf("%s imports %s, which the map does not have", file, m[1])
			}
		}
		for _, forbidden := range []string{"innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("} {
			if strings.Contains(loaded[hashed], forbidden) {
				t.Errorf("%s holds %s", file, forbidden)
			}
		}
	}
	if got := f.call("GET", "/assets/app.js", ""); got.Code != 404 {
		t.Errorf("an asset without a hash: status %d", got.Code)
	}
}

type description struct {
	Paths map[string]map[string]struct {
		Responses map[string]json.RawMessage
	}
	Components struct {
		Schemas map[string]struct {
			Properties map[string]json.RawMessage
		}
	}
}

func readOpenAPI(t *testing.T) description {
	t.Helper()
	var doc description
	if err := json.Unmarshal(newFixture().call("GET", "/openapi.json", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestOpenAPINamesEveryRoute(t *testing.T) {
	var want, got []string
	for _, to := range newFixture().gateway().routes() {
		method, path, _ := strings.Cut(strings.TrimSuffix(strings.ReplaceAll(to.pattern, "...}", "}"), "{$}"), " ")
		want = append(want, strings.ToLower(method)+" "+path)
	}
	for path, methods := range readOpenAPI(t).Paths {
		for method := range methods {
			got = append(got, method+" "+path)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes (-served +described):\n%s", diff)
	}
}

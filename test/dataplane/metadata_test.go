package dataplane

import (
	"net/http"
	"strings"
	"testing"
)

// Questions are limited by what the manifest, documents and sidecars tell, in every route that retrieves.
func TestAFilterComparesMetadataOfEveryOriginByItsType(t *testing.T) {
	t.Parallel()
	docs := directory(t, map[string]string{
		"front.md": "---\nyear: 2024\ndraft: true\n---\nThe pump is red.", "plain.md": "The pump is blue.",
		"side.md": "The pump is green.", "stray.md.metadata.json": `{"metadataAttributes": {"a": 1}}`,
		"side.md.metadata.json": `{"metadataAttributes": {"year": {"value": {"type": "STRING", "stringValue": "2025"}}, "tags": ["a", "b"]}}`,
	})
	spec := manifest(t, pipeline(strings.Replace(volume, "persistentVolumeClaim", "metadata: {team: pumps, year: 2023}\n    persistentVolumeClaim", 1), standIns))
	args := []string{"-f", spec, "--documents", docs, "--data", t.TempDir()}
	p, c := serving(t, args)
	for filter, want := range map[string]string{
		`{"team": "pumps"}`:                                 "front.md plain.md side.md",
		`{"year": {"$gte": 2023, "$lt": 2024}}`:             "plain.md",
		`{"year": {"$gte": 2024}}`:                          "front.md",
		`{"year": "2025"}`:                                  "side.md",
		`{"tags": ["b", "x"]}`:                              "side.md",
		`{"draft": {"$ne": true}}`:                          "plain.md side.md",
		`{"$or": [{"draft": true}, {"tags": "a"}]}`:         "front.md side.md",
		`{"document": {"$nin": ["docs/side.md"]}}`:          "front.md plain.md",
		`{"team": {"$exists": false}}`:                      "",
		`{"team": "pumps", "$and": [{"year": {"$gt": 1}}]}`: "front.md plain.md",
	} {
		found := c.post("/v1/search", `{"query": "What colour is the pump?", "filter": `+filter+`}`)
		found.want(t, http.StatusOK)
		answered := c.post("/v1/chat/completions",
			`{"messages": [{"role": "user", "content": "What colour is the pump?"}], "filter": `+filter+`}`)
		answered.want(t, http.StatusOK)
		for _, name := range []string{"front.md", "plain.md", "side.md"} {
			id := `"document_id":"` + "docs/" + name + `"`
			for route, body := range map[string]string{"search": found.body, "chat": answered.body} {
				if strings.Contains(body, id) != strings.Contains(want, name) {
					t.Errorf("%s with %s: %s is found: %v", route, filter, name, !strings.Contains(want, name))
				}
			}
		}
	}
	c.post("/v1/search", `{"query": "x", "filter": {"year": {"$gt": true}}}`).want(t, http.StatusBadRequest, "filter.year.$gt")
	c.post("/v1/search", `{"query": "pump", "filter": {"Team": "pumps"}}`).want(t, http.StatusOK, "FilterKeyUnknown", "NoPassages")
	c.get("/v1/documents").want(t, http.StatusOK, `"metadata":{"tags":["a","b"],"team":"pumps","year":"2025"}`,
		`"metadata":{"draft":true,"team":"pumps","year":2024}`)
	c.get("/v1/index").want(t, http.StatusOK, "MetadataConflict")
	p.says(`stray\.md\.metadata\.json`)
}

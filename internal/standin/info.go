package standin

import (
	"net/http"
	"strings"
)

// models lists the models that are served, the embedding model first: a client that names none takes the first
// it finds.
func (h *handler) models(w http.ResponseWriter, _ *http.Request) {
	type model struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Created int64  `json:"created"`
		OwnedBy string `json:"owned_by"`
		Root    string `json:"root"`
	}
	data := []model{}
	for _, name := range h.names() {
		data = append(data, model{ID: name, Object: "model", OwnedBy: "ragpipeline", Root: name})
	}
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": data})
}

// names are those of the models that are served.
func (h *handler) names() []string {
	var names []string
	for _, name := range []string{h.Names.Embedding, h.Names.Reranking, h.Names.LLM} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

func health(state string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"object": "health.response", "message": state, state: true})
	}
}

func (h *handler) metadata(w http.ResponseWriter, _ *http.Request) {
	type info struct {
		ShortName string `json:"shortName"`
		ModelURL  string `json:"modelUrl"`
	}
	infos := []info{}
	for _, name := range h.names() {
		infos = append(infos, info{ShortName: strings.ReplaceAll(name, "/", ":"), ModelURL: ""})
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"id": "ragpipeline-stand-in", "version": release, "modelInfo": infos, "assetInfo": []string{},
		"licenseInfo": map[string]string{},
	})
}

// release is what /v1/version and /v1/metadata answer.
const release = "1.0.0"

func version(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"release": release, "api": release})
}

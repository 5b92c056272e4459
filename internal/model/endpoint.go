package model

import (
	"net/url"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// join puts a route after a base url that ends in /v1.
func join(base, route string) string { return strings.TrimRight(base, "/") + route }

// rankingURL is where m ranks. A NIM does at {url}/ranking, or at its url itself when that already names the
// route; NVIDIA's hosted API has a host and a path for each model; OpenAI-compatible servers have {url}/rerank.
func rankingURL(m config.Model) string {
	if m.Protocol == config.OpenAI {
		return join(m.URL, "/rerank")
	}
	for _, route := range []string{"/ranking", "/reranking", "/rerank"} {
		if strings.HasSuffix(m.URL, route) {
			return m.URL
		}
	}
	if isHosted(m.URL) {
		name := strings.TrimPrefix(m.Name, "nvidia/")
		return "https://ai.api.nvidia.com/v1/retrieval/nvidia/" + strings.ReplaceAll(name, ".", "_") + "/reranking"
	}
	return join(m.URL, "/ranking")
}

// isHosted says whether the url is of NVIDIA's hosted API.
func isHosted(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return host == "integrate.api.nvidia.com" || host == "ai.api.nvidia.com"
}

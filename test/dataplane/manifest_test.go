package dataplane

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

const (
	// volume is a source that `run` needs --documents for.
	volume = `
  documents:
  - name: docs
    persistentVolumeClaim: {claimName: docs}`
	standIns = `
  models:
    embedding: {standIn: {}}
    reranking: {standIn: {}}
    llm: {standIn: {}}`
	quickstart = "../../config/samples/quickstart.yaml"
)

// endpoints are models served at url: the stand-ins' names, behind the API of NIMs.
func endpoints(url string) string {
	return `
  models:
    embedding:
      endpoint: {url: "` + url + `/v1", model: ` + config.StandInEmbedding + `}
    reranking:
      endpoint: {url: "` + url + `/v1", model: ` + config.StandInReranking + `}
    llm:
      endpoint: {url: "` + url + `/v1", model: ` + config.StandInLLM + `}`
}

// pipeline is the manifest of a pipeline with the given parts of a spec.
func pipeline(parts ...string) string {
	return `apiVersion: ragpipeline.io/v1alpha1
kind: RAGPipeline
metadata: {name: papers}
spec:` + strings.Join(parts, "") + `
  vectorStore: {weaviate: {}}
`
}

// manifest writes a manifest into a file.
func manifest(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipeline.yaml")
	write(t, path, text)
	return path
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// directory writes documents into a directory.
func directory(t *testing.T, documents map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range documents {
		write(t, filepath.Join(dir, name), content)
	}
	return dir
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

package command

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/keys"
)

// configs are the data plane's configs of a pipeline on this machine.
type configs struct {
	ingest  config.Ingest
	gateway config.Gateway
}

func (f *runFlags) configs(p *v1alpha1.RAGPipeline, standInURL string) (c configs, err error) {
	data := f.data
	if data == "" {
		data = filepath.Join(".ragpipeline", p.Name)
	}
	machine := derive.DataPlane{
		StandInURL: standInURL,
		Index:      config.Index{Local: &config.LocalIndex{Directory: data}},
	}
	if c.ingest, err = derive.Ingest(p, machine); err != nil {
		return c, err
	}
	if c.ingest.Sources, err = placeDocuments(p.Spec.Documents, c.ingest.Sources, f.documents); err != nil {
		return c, err
	}
	c.gateway, err = derive.Gateway(p, machine)
	return c, err
}

// placeDocuments applies the --documents flags, each [SOURCE=]DIR, to the manifest's sources.
func placeDocuments(
	declared []v1alpha1.Source, sources []config.Source, flags []string,
) ([]config.Source, error) {
	for _, flag := range flags {
		name, dir, err := parseDocuments(flag)
		if err == nil {
			sources, err = derive.PlaceDirectory(sources, name, dir)
		}
		if err != nil {
			return nil, fmt.Errorf("--documents %s: %w", flag, err)
		}
	}
	return sources, derive.CheckPlaced(declared, sources)
}

// parseDocuments splits [SOURCE=]DIR and makes DIR absolute. A directory whose own name has a "="
// needs no SOURCE.
func parseDocuments(flag string) (name, dir string, err error) {
	name, dir, ok := strings.Cut(flag, "=")
	if !ok || isDirectory(flag) {
		name, dir = "", flag
	}
	if !isDirectory(dir) {
		return "", "", fmt.Errorf("%s is not a directory", dir)
	}
	dir, err = filepath.Abs(dir)
	return name, dir, err
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// checkKeys returns an error for a missing key before any work is done.
func checkKeys(ring keys.Ring, c configs) error {
	check := func(field string, ref *config.SecretKey) error {
		if key := ring(ref); key != nil {
			if _, err := key(); err != nil {
				return fmt.Errorf("spec.%s.endpoint.secretRef: %w", field, err)
			}
		}
		return nil
	}
	m := c.gateway.Models
	err := check("models.embedding", m.Embedding.Key)
	if err == nil && m.Reranking != nil {
		err = check("models.reranking", m.Reranking.Key)
	}
	if err == nil && m.LLM != nil {
		err = check("models.llm", m.LLM.Key)
	}
	if e := c.ingest.Extraction; err == nil && e != nil {
		err = check("extraction.server", e.Server.Key)
	}
	return err
}

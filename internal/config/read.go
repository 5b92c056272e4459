package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxBytes bounds a config file: a ConfigMap holds at most 1 MiB.
const maxBytes = 1 << 20

// ReadIngest reads and validates an ingestion's config file.
func ReadIngest(path string) (*Ingest, error) {
	c := new(Ingest)
	if err := read(path, c); err != nil {
		return nil, err
	}
	return c, invalid(path, c.Validate())
}

// ReadGateway reads and validates a gateway's config file.
func ReadGateway(path string) (*Gateway, error) {
	c := new(Gateway)
	if err := read(path, c); err != nil {
		return nil, err
	}
	return c, invalid(path, c.Validate())
}

// read decodes the file at path strictly: a field that this version does not know would not be obeyed.
func read(path string, into any) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return fmt.Errorf("config %s: %w", path, err)
	}
	if len(b) > maxBytes {
		return fmt.Errorf("config %s: larger than %d bytes", path, maxBytes)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("config %s: %w", path, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("config %s: something follows the JSON object", path)
	}
	return nil
}

func invalid(path string, err error) error {
	if err != nil {
		return fmt.Errorf("config %s: %w", path, err)
	}
	return nil
}

// Validate says what makes the config unusable. It guards against a file that no operator wrote; the rules that a
// user meets are the CRD's.
func (c *Ingest) Validate() error {
	errs := []error{checkVersion(c.Version), c.Pipeline.validate(), c.Generation.Chunking.validate(), c.Embedding.validate("embedding"), c.Index.validate()}
	names := map[string]bool{}
	for i, s := range c.Sources {
		if s.Name == "" || names[s.Name] {
			errs = append(errs, fmt.Errorf("sources[%d].name: %q is empty or taken", i, s.Name))
		}
		names[s.Name] = true
		if (s.Directory == nil) == (s.ConfigMap == nil) {
			errs = append(errs, fmt.Errorf("sources[%d]: exactly one of directory and configMap is needed", i))
		}
	}
	return errors.Join(errs...)
}

// Validate says what makes the config unusable.
func (c *Gateway) Validate() error {
	errs := []error{checkVersion(c.Version), c.Pipeline.validate(), c.Index.validate(), c.Models.Embedding.validate("models.embedding"), c.Retrieval.validate(),
		c.FailurePolicy.validate()}
	if m := c.Models.Reranking; m != nil {
		errs = append(errs, m.validate("models.reranking"))
	}
	if m := c.Models.LLM; m != nil {
		errs = append(errs, m.validate("models.llm"), c.Answer.validate(m.ContextWindow))
	}
	return errors.Join(errs...)
}

func checkVersion(v int) error {
	if v != Version {
		return fmt.Errorf("version: %d, but this build reads %d: operator and pods must run one image", v, Version)
	}
	return nil
}

func (p Pipeline) validate() error {
	if p.Namespace == "" || p.Name == "" {
		return errors.New("pipeline: namespace and name are needed")
	}
	return nil
}

func (c Chunking) validate() error {
	if c.Size <= 0 || c.Overlap < 0 || c.Overlap >= c.Size {
		return fmt.Errorf("generation.chunking: overlap %d must be at least 0 and less than size %d", c.Overlap, c.Size)
	}
	return nil
}

func (m Model) validate(field string) error {
	if m.URL == "" || m.Name == "" {
		return fmt.Errorf("%s: url and name are needed", field)
	}
	if m.Protocol != "" && m.Protocol != NIM && m.Protocol != OpenAI {
		return fmt.Errorf("%s.protocol: %q is neither NIM nor OpenAI", field, m.Protocol)
	}
	return nil
}

func (i Index) validate() error {
	switch {
	case (i.Local == nil) == (i.Weaviate == nil):
		return errors.New("index: exactly one of local and weaviate is needed")
	case i.Local != nil && i.Local.Directory == "":
		return errors.New("index.local.directory is needed")
	case i.Weaviate != nil && (i.Weaviate.URL == "" || i.Weaviate.GRPCURL == ""):
		return errors.New("index.weaviate: url and grpcURL are needed")
	}
	return nil
}

func (r Retrieval) validate() error {
	if r.Mode != Hybrid && r.Mode != Vector && r.Mode != Keyword {
		return fmt.Errorf("retrieval.mode: %q is none of Hybrid, Vector, Keyword", r.Mode)
	}
	if r.TopN < 1 || r.TopN > r.K {
		return fmt.Errorf("retrieval: topN %d must be at least 1 and at most k %d", r.TopN, r.K)
	}
	if r.Alpha < 0 || r.Alpha > 1 {
		return fmt.Errorf("retrieval.alpha: %v is not in 0..1", r.Alpha)
	}
	return nil
}

func (a Answer) validate(contextWindow int) error {
	if a.MaxTokens < 0 || contextWindow < 0 || contextWindow > 0 && a.MaxTokens >= contextWindow {
		return fmt.Errorf("answer.maxTokens: %d must be less than models.llm.contextWindow %d, which prompt and answer share", a.MaxTokens, contextWindow)
	}
	return nil
}

func (f FailurePolicy) validate() error {
	for _, p := range []Policy{f.Embedding, f.Reranking, f.LLM} {
		if p != "" && p != Degrade && p != Fail {
			return fmt.Errorf("failurePolicy: %q is neither Degrade nor Fail", p)
		}
	}
	return nil
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// build compiles the binary and the simulator, once.
func (b *bench) build(ctx context.Context) error {
	if b.binary != "" {
		return nil
	}
	for path, source := range map[string]string{"ragpipeline": ".", "nimsim": "./test/nimsim/cmd/nimsim"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", b.path(path), source)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", source, err, out)
		}
	}
	b.binary, b.simulator = b.path("ragpipeline"), b.path("nimsim")
	return nil
}

// startSimulator starts models that answer at once, and returns their base URL, without /v1.
func (b *bench) startSimulator(ctx context.Context, flags ...string) (*process, string, error) {
	if err := b.build(ctx); err != nil {
		return nil, "", err
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, "", err
	}
	p, err := b.launch(ctx, []string{"NIM_SERVER_BIND_ADDR=" + address}, b.simulator,
		append(flags, fmt.Sprintf("-dimensions=%d", dimensions))...)
	if err != nil {
		return nil, "", err
	}
	url := "http://" + address
	if err := p.ready(ctx, url+"/v1/health/ready"); err != nil {
		p.stop()
		return nil, "", err
	}
	return p, url, nil
}

// dimensions is the length of vectors, that of the usual embedding NIMs.
const dimensions = 1024

// gatewayProcess is a running gateway.
type gatewayProcess struct {
	*process
	url, ops string
}

// startGateway starts a gateway on an index, with the models at that base URL, and waits until it
// is ready.
func (b *bench) startGateway(ctx context.Context, index, models string) (*gatewayProcess, error) {
	file := b.path("gateway.json")
	if err := writeJSON(file, gatewayConfig(index, models)); err != nil {
		return nil, err
	}
	api, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	ops, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	p, err := b.launch(ctx, nil, b.binary, "gateway", "--config", file, "--listen", api, "--ops-listen", ops)
	if err != nil {
		return nil, err
	}
	g := &gatewayProcess{p, "http://" + api, "http://" + ops}
	if err := p.ready(ctx, g.ops+"/readyz"); err != nil {
		p.stop()
		return nil, err
	}
	return g, nil
}

var (
	pipeline   = config.Pipeline{Namespace: "default", Name: "bench"}
	generation = config.Generation{
		Embedding:    config.EmbeddingSpace{Model: config.StandInEmbedding},
		Chunking:     config.Chunking{Size: 800, Overlap: 200, Unit: config.Characters},
		Analyser:     config.AnalyserVersion,
		EmbeddedText: config.EmbeddedTextVersion,
	}
)

// gatewayConfig is what the operator would write for a manifest that leaves everything at its
// default.
func gatewayConfig(index, models string) config.Gateway {
	at := func(name string) config.Model {
		return config.Model{URL: models + "/v1", Name: name, Protocol: config.NIM}
	}
	reranking := at(config.StandInReranking)
	return config.Gateway{
		Version:    config.Version,
		Pipeline:   pipeline,
		Generation: generation,
		Index:      config.Index{Local: &config.LocalIndex{Directory: index}},
		Models: config.Models{Embedding: at(config.StandInEmbedding), Reranking: &reranking,
			LLM: &config.LLM{Model: at(config.StandInLLM), ContextWindow: 8192}},
		Retrieval:     config.Retrieval{Mode: config.Hybrid, K: 45, TopN: 5, Alpha: 0.5},
		Answer:        config.Answer{MaxTokens: 1024},
		FailurePolicy: config.FailurePolicy{Embedding: config.Fail, Reranking: config.Degrade, LLM: config.Fail},
	}
}

// index builds an index of that many chunks, once, and returns its directory.
func (b *bench) index(ctx context.Context, chunks int) (string, error) {
	if dir, found := b.indexes[chunks]; found {
		return dir, nil
	}
	documents, err := b.chunkDocuments(chunks)
	if err != nil {
		return "", err
	}
	simulator, models, err := b.startSimulator(ctx, "-fast")
	if err != nil {
		return "", err
	}
	defer simulator.stop()
	dir, file := b.path(fmt.Sprintf("index-%d", chunks)), b.path("ingest.json")
	err = writeJSON(file, config.Ingest{
		Version:    config.Version,
		Pipeline:   pipeline,
		Generation: generation,
		Sources:    []config.Source{{Name: "documents", Directory: &config.Directory{Path: documents}}},
		Embedding:  config.Model{URL: models + "/v1", Name: config.StandInEmbedding, Protocol: config.NIM},
		Index:      config.Index{Local: &config.LocalIndex{Directory: dir}},
	})
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, b.binary, "ingest", "--config", file, "--ops-listen", "127.0.0.1:0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ingest %d chunks: %w\n%s", chunks, err, out)
	}
	b.indexes[chunks] = dir
	return dir, nil
}

func writeJSON(file string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

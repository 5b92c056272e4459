package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// manifest is a pipeline of stand-ins over a directory.
const manifest = `apiVersion: ragpipeline.io/v1alpha1
kind: RAGPipeline
metadata:
  name: bench
spec:
  documents:
  - name: documents
    persistentVolumeClaim: {claimName: documents}
  models:
    embedding: {standIn: {}}
    reranking: {standIn: {}}
    llm: {standIn: {}}
  vectorStore:
    weaviate: {}
`

// ingestion measures `ragpipeline run` over 10,000 documents of some 500 bytes: from its start to
// the answer of one question, with the stand-in models in the same process. Then again, when
// nothing is to be done.
func (b *bench) ingestion(ctx context.Context) error {
	const documents = 10_000
	if err := b.build(ctx); err != nil {
		return err
	}
	dir, err := b.documents("short-documents", documents, 550)
	if err != nil {
		return err
	}
	file := b.path("pipeline.yaml")
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		return err
	}
	const title = "Ingestion of 10,000 short documents, stand-in models included"
	took, peak, err := b.runOnce(ctx, file, dir)
	if err != nil {
		return err
	}
	b.report.add(title,
		row{what: "first run", value: documents / took.Seconds(), unit: "documents/s"},
		row{what: "first run, peak memory", value: peak, unit: "MB", atMost: 300})
	if took, peak, err = b.runOnce(ctx, file, dir); err != nil {
		return err
	}
	b.report.add(title,
		row{what: "second run, nothing changed", value: took.Seconds(), unit: "s"},
		row{what: "second run, peak memory", value: peak, unit: "MB", atMost: 300})
	return nil
}

// runOnce runs the pipeline for one question, and returns how long it took and the most memory it
// had, in MB.
func (b *bench) runOnce(ctx context.Context, manifest, documents string) (took time.Duration, peak float64, err error) {
	started := time.Now()
	p, err := b.launch(ctx, nil, b.binary, "run", "-f", manifest, "--documents", documents, "--data",
		b.path("run"), "--ask", question(1))
	if err != nil {
		return 0, 0, err
	}
	defer p.stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			if p.err != nil {
				return 0, 0, fmt.Errorf("%w\n%s", p.err, p.tail())
			}
			return time.Since(started), peak, nil
		case <-tick.C:
			if now, err := p.memory("VmHWM"); err == nil { // it may just have ended
				peak = now
			}
		}
	}
}

package dataplane

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

func TestAnAnswerAsJSONIsTheBodyOfAChatCompletion(t *testing.T) {
	t.Parallel()
	docs := directory(t, map[string]string{"wind.md": wind})
	p := run(t, "run", "-f", manifest(t, pipeline(volume, standIns)), "--documents", docs, "--output", "json", "--ask", "What is wind measured in?")
	p.ends(0)
	var body gateway.Completion
	if err := json.Unmarshal([]byte(p.stdout.String()), &body); err != nil {
		t.Fatalf("%v: %s", err, p.stdout.String())
	}
	if body.Object != "chat.completion" || body.Model != "papers" || len(body.Choices) != 1 || !strings.Contains(p.stdout.String(), "Wind is measured in knots. [1]") {
		t.Errorf("it is %s", p.stdout.String())
	}
	if len(body.Citations.Results) != 1 || body.Citations.Results[0].DocumentID != "docs/wind.md" {
		t.Errorf("citations are %+v", body.Citations)
	}
}

func TestAStageThatIsDownDegradesOrFailsAsThePolicySays(t *testing.T) {
	t.Parallel()
	docs, data := directory(t, map[string]string{"wind.md": wind}), t.TempDir()
	for _, c := range []struct {
		name   string
		role   config.Stage
		policy string
		code   int
		stderr string
		stdout string
	}{
		{"a reranker under Degrade", config.StageReranking, "reranking: Degrade", 0, "warning: reranking: ", "Wind is measured in knots. [1]"},
		{"a reranker under Fail", config.StageReranking, "reranking: Fail", 1, "ragpipeline: ", ""},
		{"an LLM under Degrade", config.StageLLM, "llm: Degrade", 0, "warning: llm: ", "[1] Wind: "},
		{"an LLM under Fail", config.StageLLM, "llm: Fail", 1, "ragpipeline: ", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim := nimsim.Start(t, nimsim.Options{})
			sim.Fault(c.role, nimsim.Named("retired"))
			spec := manifest(t, pipeline(volume, endpoints(sim.URL), "\n  failurePolicy: {"+c.policy+"}"))
			p := run(t, "run", "-f", spec, "--documents", docs, "--data", data, "--ask", "What is wind measured in?")
			p.ends(c.code, c.stderr, "has been retired")
			contains(t, p.stdout.String(), c.stdout)
		})
	}
}

func TestAnIngestionThatIsInterruptedGoesOnAtTheNextRun(t *testing.T) {
	t.Parallel()
	sim := nimsim.New(nimsim.Options{})
	t.Cleanup(sim.Close)
	url, reached, open := gate(t, sim)
	docs, data := directory(t, map[string]string{"wind.md": wind}), t.TempDir()
	args := []string{"run", "-f", manifest(t, pipeline(volume, endpoints(url))), "--documents", docs, "--data", data, "--ask", "What is wind measured in?"}

	p := start(t, args)
	select {
	case <-reached:
	case <-time.After(patience):
		t.Fatal("it embeds nothing")
	}
	p.stop().ends(1, "ingestion was interrupted; its work is kept, and the next run resumes there")
	open()
	run(t, args...).ends(0, "1 document in 1 chunk: 1 added")
}

func TestARunGoesOnAfterAnErrorOfTheEmbeddingServer(t *testing.T) {
	t.Parallel()
	sim := nimsim.Start(t, nimsim.Options{})
	sim.FaultNext(config.StageEmbedding, nimsim.Named("internal-error"), 1)
	docs, data := directory(t, map[string]string{"wind.md": wind}), t.TempDir()
	args := []string{
		"run", "-f", manifest(t, pipeline(volume, endpoints(sim.URL))), "--documents", docs, "--data", data, "--ask",
		"What is wind measured in?",
	}
	run(t, args...).ends(0, "1 document in 1 chunk: 1 added")

	sim.Fault(config.StageEmbedding, nimsim.Named("zero-vector"))
	run(t, args...).ends(1, "an embedding of zeros alone")
	args[6] = t.TempDir()
	run(t, args...).ends(1, "returned an unusable reply", "an embedding of zeros alone")
}

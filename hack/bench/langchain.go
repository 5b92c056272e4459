package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

// langchain runs hack/bench/langchain/chain.py on the same PDFs, texts, documents and questions,
// with the same models, and compares.
func (b *bench) langchain(ctx context.Context) error {
	python, err := b.pythonWithLangchain(ctx)
	if err != nil {
		return err
	}
	if err := b.compareReading(ctx, python); err != nil {
		return err
	}
	for _, c := range []struct {
		chunks, questions int
		aim               float64
	}{{sizes[0], 200, 10}, {sizes[1], 40, 20}} {
		if err := b.compareQuestions(ctx, python, c.chunks, c.questions, c.aim); err != nil {
			return err
		}
	}
	return nil
}

const versus = "Against a LangChain chain"

// compareReading compares reading PDFs and splitting.
func (b *bench) compareReading(ctx context.Context, python string) error {
	pdfs, err := b.pdfDirectory()
	if err != nil {
		return err
	}
	inputs, err := b.splitInputs(ctx)
	if err != nil {
		return err
	}
	texts := b.path("texts.json")
	if err := writeJSON(texts, inputs); err != nil {
		return err
	}
	chain, err := b.chain(ctx, python, "--docs", pdfs, "--questions", "1", "--texts", texts)
	if err != nil {
		return err
	}
	b.report.add(versus, row{what: fmt.Sprintf("PDF pages/s, to its %s", number(chain.PagesPerSecond)),
		value: b.pageRate / chain.PagesPerSecond, unit: "x", atLeast: 10})
	for _, input := range inputs {
		theirs := chain.SplitRates[input.Name]
		b.report.add(versus, row{what: fmt.Sprintf("splitting %s, to its %s MB/s", input.Name, number(theirs)),
			value: b.splitRates[input.Name] / theirs, unit: "x", atLeast: 5})
	}
	return nil
}

// compareQuestions compares the CPU of a question: the chain's with one in flight, which is when it
// needs least, with that of a saturated gateway, and then with that of a gateway with one in flight
// as well.
func (b *bench) compareQuestions(ctx context.Context, python string, chunks, questions int, aim float64) error {
	documents, err := b.chunkDocuments(chunks)
	if err != nil {
		return err
	}
	chain, err := b.chain(ctx, python, "--docs", documents, "--questions", fmt.Sprint(questions))
	if err != nil {
		return err
	}
	if chain.Chunks != chunks {
		return fmt.Errorf("the chain made %d chunks of %d", chain.Chunks, chunks)
	}
	over := fmt.Sprintf("over %s chunks, to its %s ms", number(float64(chunks)), number(chain.CPU))
	b.report.add(versus,
		row{what: "CPU a question " + over, value: chain.CPU / b.cpu[chunks].busy, unit: "x", atLeast: aim},
		row{what: "CPU a question, one in flight at the gateway too, " + over,
			value: chain.CPU / b.cpu[chunks].alone, unit: "x"})
	return nil
}

// chainFigures is what the chain prints, as far as it is compared.
type chainFigures struct {
	Chunks         int                `json:"chunks"`
	PagesPerSecond float64            `json:"pdf_pages_per_second"`
	SplitRates     map[string]float64 `json:"split_megabytes_per_second"`
	CPU            float64            `json:"cpu_milliseconds_per_question"`
}

// chain runs the chain against models that answer at once.
func (b *bench) chain(ctx context.Context, python string, args ...string) (*chainFigures, error) {
	simulator, models, err := b.startSimulator(ctx, "-fast")
	if err != nil {
		return nil, err
	}
	defer simulator.stop()
	cmd := exec.CommandContext(ctx, python, append([]string{"hack/bench/langchain/chain.py", "--base-url", models + "/v1"},
		args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("chain.py %v: %w", args, err)
	}
	figures := new(chainFigures)
	if err := json.Unmarshal(out, figures); err != nil {
		return nil, fmt.Errorf("chain.py printed %q: %w", out, err)
	}
	return figures, nil
}

// pythonWithLangchain is the one given, or that of a new venv.
func (b *bench) pythonWithLangchain(ctx context.Context) (string, error) {
	if b.python != "" {
		return b.python, nil
	}
	venv := b.path("venv")
	for _, command := range [][]string{
		{"python3", "-m", "venv", venv},
		{b.path("venv", "bin", "pip"), "install", "--quiet", "-r", "hack/bench/langchain/requirements.txt"},
	} {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%v: %w; or name a Python that has the packages with -python\n%s", command, err, out)
		}
	}
	b.python = b.path("venv", "bin", "python")
	return b.python, nil
}

package dataplane

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// vilaPages is a paper, in our own words, on how the 7B VILA model was trained. The answer to "Where is the A100 GPU
// used?" stands on its second page.
var vilaPages = []string{
	`How a visual language model is pre-trained

This note sums up what is known of the training of VILA, a family of visual language models that join an image encoder
to a language model by a small projector.

Design. An image is cut into patches by a vision transformer, the projector maps each patch to the width of the
language model, and the language model reads image tokens and text tokens in one sequence. Unfreezing the language
model during pre-training is what lets it learn in context from images; a frozen one answers well at once but does not
learn from examples.

Data. Interleaved documents, in which images stand among paragraphs as on a web page, keep the text-only skills of the
language model; pairs of an image and its caption alone make them decay. Blending text-only instructions into the last
stage wins back what was lost.

Inputs. Images are scaled to 336x336 pixels and become 576 tokens each, so that a page with several pictures soon fills
the context window.`,

	`Training cost

All training of the 7B model was done on one cluster. VILA 7B was trained on 16 nodes with 8 A100 GPUs each, 128 in all.

Three stages follow each other. Projector initialisation took 4 hours: only the projector learns, from image and caption
pairs. Visual language pre-training took 30 hours: the projector and the language model learn together from interleaved
documents. Visual instruction tuning took 6 hours: all learn from prompts with images and the answers that people gave.

The whole training took 5.1k GPU hours on the A100 GPUs, of which the pre-training stage used three quarters.

Mixed precision and sharded optimiser states were used throughout; activations were recomputed rather than kept, which
traded a fifth of the speed for half of the memory.`,

	`What was learnt

Low resolution is a limit for reading small print: raising the resolution helped more on documents than adding tokens
for each patch.

The kind of projector mattered little; a single linear layer did as well as a transformer, and generalised better.

For serving, the weights were quantised to four bits, so that the model answers on a laptop or an embedded board, with
little loss in quality. Answers there take tens of tokens a second.

Open questions are video, for which the tokens of each frame add up, and longer documents.`,
}

// gpuNotes are short documents that speak of GPUs too: more than 60 chunks among which the paper must be found.
func gpuNotes() map[string]string {
	cards := []struct {
		name, memory, power, use string
	}{
		{"T4", "16 GB", "70 W", "small inference services"},
		{"L4", "24 GB", "72 W", "video and light inference"},
		{"A10", "24 GB", "150 W", "graphics and inference"},
		{"A30", "24 GB", "165 W", "mixed workloads"},
		{"A40", "48 GB", "300 W", "rendering"},
		{"L40S", "48 GB", "350 W", "fine-tuning of small models"},
		{"V100", "32 GB", "300 W", "older training jobs"},
		{"H100", "80 GB", "700 W", "large language models"},
		{"H200", "141 GB", "700 W", "long contexts"},
		{"B200", "192 GB", "1000 W", "the largest models"},
	}
	topics := []struct{ title, text string }{
		{"Scheduling", "A pod asks for a %[1]s GPU by the extended resource nvidia.com/gpu in its limits. The scheduler places it on a node that has one free, and leaves it Pending when none is. A %[1]s cannot be overcommitted, so requests and limits are the same number."},
		{"Memory", "The %[1]s has %[2]s of memory. A model's weights, its key-value cache and the activations must fit at once; what does not fit is either sharded over several GPUs or quantised. Watch the framebuffer in use rather than the utilisation."},
		{"Power and cooling", "A %[1]s draws up to %[3]s under load. A rack that was planned for less throttles its GPUs when all of them run, and the clocks fall before an alarm is raised. Plan the air for the sum of the cards and a third more."},
		{"Drivers", "The device plugin reports a %[1]s only when the driver on the node and the container toolkit agree. After a driver upgrade the node is drained, because a running GPU container keeps the old library mapped."},
		{"Cost", "In our clusters the %[1]s serves %[4]s. An hour of it is charged to the team that asked for it, whether the GPU was busy or idle, so that nobody keeps one for later."},
		{"Monitoring", "For each %[1]s the exporter reports temperature, memory in use, power and errors of the memory's correction. A GPU with more than a few uncorrectable errors is taken out of service by a taint on its node."},
		{"Sharing", "Several small services can share a %[1]s GPU by time slicing. They share its memory too, without a wall between them, so one service that grows can end the others; give each a limit in its own settings."},
	}
	notes := map[string]string{}
	for _, c := range cards {
		for _, t := range topics {
			name := fmt.Sprintf("gpu/%s-%s.md", c.name, t.title)
			notes[name] = fmt.Sprintf("# %s of the %s\n\n", t.title, c.name) + fmt.Sprintf(t.text+"%[5]s", c.name, c.memory, c.power, c.use, "") + "\n"
		}
	}
	notes["gpu/partitions.md"] = "# Partitions\n\nAn A100 or H100 can be cut into up to seven instances, each with memory and compute of its own. The device plugin then reports nvidia.com/mig-1g.10gb instead of whole GPUs.\n"
	return notes
}

// vilaPaper is the paper as a PDF of two columns.
func vilaPaper() []byte {
	d := pdftest.Document{Title: "Pre-training of visual language models"}
	for _, text := range vilaPages {
		left, right := halves(text)
		d.Pages = append(d.Pages, pdftest.Page{Columns: []string{left, right}})
	}
	return d.Bytes()
}

// halves cuts a page at the paragraph nearest to its middle. A paragraph is one line: the PDF breaks lines anew. The
// first is the heading.
func halves(page string) (left, right string) {
	var paragraphs []string
	for i, p := range strings.Split(page, "\n\n") {
		p = strings.ReplaceAll(p, "\n", " ")
		if i == 0 {
			p = "# " + p
		}
		paragraphs = append(paragraphs, p)
	}
	middle := (len(paragraphs) + 1) / 2
	return strings.Join(paragraphs[:middle], "\n\n"), strings.Join(paragraphs[middle:], "\n\n")
}

func TestTheA100QuestionIsAnsweredFromThePapersSecondPage(t *testing.T) {
	t.Parallel()
	documents := gpuNotes()
	for name, text := range documents { // each is a chunk at least
		if !strings.Contains(text, "GPU") {
			t.Errorf("%s does not speak of GPUs", name)
		}
	}
	if len(documents) < 60 {
		t.Fatalf("there are only %d other documents", len(documents))
	}
	documents["papers/vila.pdf"] = string(vilaPaper())
	docs, data := directory(t, documents), withReader(t)

	for _, mode := range []string{"Hybrid", "Vector", "Keyword"} { // of one index
		spec := manifest(t, pipeline(volume, standIns, "\n  retrieval: {mode: "+mode+"}"))
		p := run(t, "run", "-f", spec, "--documents", docs, "--data", data, "--ask", "Where is the A100 GPU used?")
		p.ends(0, fmt.Sprintf("%d documents in ", len(documents)))
		answer, citations, _ := strings.Cut(p.stdout.String(), "\nCitations\n")
		contains(t, answer, "16 nodes with 8 A100 GPUs each", "5.1k GPU hours")
		number := regexp.MustCompile(`16 nodes[^\[]*\[(\d+)\]`).FindStringSubmatch(answer)
		if number == nil {
			t.Fatalf("%s: the sentence with the nodes has no citation:\n%s", mode, answer)
		}
		contains(t, citations, "["+number[1]+"] docs/papers/vila.pdf, page 2, Training cost ")
	}
}

package starter

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/config/samples"
)

// Manifest is a manifest and what it was made of.
type Manifest struct {
	Name string
	Text string
	// Models says in a line which models were chosen.
	Models string
}

// notInNames matches what a pipeline's name cannot hold.
var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// maxName is how long a pipeline's name may be.
const maxName = 40

// NameOf is the name of a pipeline for a directory.
func NameOf(directory string) string {
	name := notInNames.ReplaceAllString(strings.ToLower(filepath.Base(directory)), "-")
	name = strings.TrimLeft(name, "-0123456789")
	name = strings.Trim(name[:min(len(name), maxName)], "-")
	if name == "" {
		return "documents"
	}
	return name
}

// WithLocal makes the manifest with the models that were found, and stand-ins where there are none.
func WithLocal(name string, f *Found) Manifest {
	var b strings.Builder
	b.WriteString("  models:\n")
	writeModel(&b, "embedding", f.Embedding)
	if f.Embedding != nil {
		writePrefixes(&b, f.Embedding.ID)
	}
	if f.Reranking != nil || !f.Any() { // a stand-in would only undo the order of real models
		writeModel(&b, "reranking", f.Reranking)
	}
	writeModel(&b, "llm", f.LLM)
	if f.LLM != nil {
		fmt.Fprintf(&b, "      contextWindow: %d  # what %s has by default, in tokens; raise it there and here\n",
			contextWindow, f.LLM.Server.Name)
	}
	return Manifest{Name: name, Text: around(name, b.String()), Models: f.choice()}
}

// contextWindow is the smallest of what the servers have by default. With more, they would cut prompts in silence.
const contextWindow = 4096

func writeModel(b *strings.Builder, role string, m *Model) {
	fmt.Fprintf(b, "    %s:\n", role)
	if m == nil {
		b.WriteString("      standIn: {}  # on the CPU, by words alone: for trying out, never for quality\n")
		return
	}
	fmt.Fprintf(b, "      endpoint: {url: %q, model: %s, protocol: OpenAI}\n", m.Server.URL, strconv.QuoteToASCII(m.ID))
}

// prefixes are what families of embedding models were trained to find before queries and passages, by their cards.
var prefixes = []struct{ family, query, passage string }{
	{"nomic-embed-text", "search_query: ", "search_document: "},
	{"mxbai-embed", "Represent this sentence for searching relevant passages: ", ""},
	{"arctic-embed", "Represent this sentence for searching relevant passages: ", ""},
	{"embeddinggemma", "task: search result | query: ", "title: none | text: "},
	{"e5-", "query: ", "passage: "},
}

func writePrefixes(b *strings.Builder, model string) {
	for _, p := range prefixes {
		if !strings.Contains(strings.ToLower(model), p.family) {
			continue
		}
		fmt.Fprintf(b, "      queryPrefix: %q  # this model was trained with it\n", p.query)
		if p.passage != "" {
			fmt.Fprintf(b, "      passagePrefix: %q\n", p.passage)
		}
		return
	}
}

// choice says which model does what.
func (f *Found) choice() string {
	if !f.Any() {
		return "stand-ins on the CPU, which match words only: for trying out, never for quality"
	}
	say := func(m *Model, otherwise string) string {
		if m == nil {
			return otherwise
		}
		return fmt.Sprintf("%s of %s", m.ID, m.Server.Name)
	}
	return fmt.Sprintf("embedding by %s, %s, answers by %s",
		say(f.Embedding, "a stand-in, which matches words only"),
		map[bool]string{true: "no reranking", false: "reranking by " + say(f.Reranking, "")}[f.Reranking == nil],
		say(f.LLM, "a stand-in, which only quotes"))
}

// WithHosted makes the manifest with NVIDIA's hosted models, to which documents and questions are sent.
func WithHosted(name string) Manifest {
	models, _, _ := strings.Cut(samples.Hosted[strings.Index(samples.Hosted, "  models:\n"):], "  vectorStore:")
	return Manifest{
		Name:   name,
		Text:   around(name, models),
		Models: "NVIDIA's hosted models: the text of documents and questions is sent to " + strings.Join(Hosts(), " and "),
	}
}

// hosts matches the host of each URL.
var hosts = regexp.MustCompile(`url: https://([^/\s]+)`)

// Hosts are where WithHosted sends documents and questions.
func Hosts() (names []string) {
	for _, match := range hosts.FindAllStringSubmatch(samples.Hosted, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// around is the text around the models. Nothing in it takes the directory's path, which is that of one machine.
func around(name, models string) string {
	return `# Written by ragpipeline init. On this machine:
#
#   ragpipeline run -f FILE --documents DIR --ask "..."
#
# In a cluster, fill the volume below with the documents, and set the url of each model to an address that pods can
# reach. Every other field has a default: https://github.com/ragpipeline/ragpipeline/blob/main/docs/manifest.md
apiVersion: ragpipeline.io/v1alpha1
kind: RAGPipeline
metadata:
  name: ` + name + `
spec:
  documents:
  - name: documents
    persistentVolumeClaim:
      claimName: ` + name + `-documents  # with run, --documents DIR replaces it
    exclude:                       # hidden directories, and files that hold no text
    - "**/.*/**"
    - "**/node_modules/**"
    - "**/*.{png,jpg,jpeg,gif,webp,svg,ico}"
` + models + `  vectorStore:
    weaviate: {}
`
}

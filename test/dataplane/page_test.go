package dataplane

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// author is an LLM that streams a text word by word. At each ⏸, it waits until it may go on; at a ⚡, its connection
// breaks.
type author struct {
	URL  string
	goOn chan struct{}
	text chan string    // has the text of each answer
	got  chan []message // has what each answer was asked with
}

type message struct{ Role, Content string }

func newAuthor(t *testing.T) *author {
	a := &author{goOn: make(chan struct{}), text: make(chan string, 10), got: make(chan []message, 10)}
	server := httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	a.URL = server.URL
	return a
}

func (a *author) serve(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Stream   bool
		Messages []message
	}
	if json.NewDecoder(r.Body).Decode(&request); !request.Stream { // a probe, or the first answer
		fmt.Fprint(w, `{"choices":[{"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}`)
		return
	}
	a.got <- request.Messages
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(choice any) {
		b, _ := json.Marshal(map[string]any{"choices": []any{choice}}) // cannot fail
		fmt.Fprintf(w, "data: %s\n\n", b)
		http.NewResponseController(w).Flush()
	}
	for _, word := range strings.SplitAfter(<-a.text, " ") {
		switch strings.TrimSpace(word) {
		case "⏸":
			select {
			case <-a.goOn:
			case <-r.Context().Done():
				return
			}
		case "⚡":
			panic(http.ErrAbortHandler)
		default:
			send(map[string]any{"delta": map[string]any{"content": word}})
		}
	}
	send(map[string]any{"delta": map[string]any{}, "finish_reason": "stop"})
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// spec is a pipeline's models: those at url, and the author as the LLM.
func (a *author) spec(url string) string {
	model := `/v1", model: ` + config.StandInLLM
	return strings.Replace(endpoints(url), url+model, a.URL+model, 1)
}

// windFarm are documents about a wind farm.
var windFarm = map[string]string{
	"handbook/turbines.md": "# Turbines\n\n## Rated power\n\nEach turbine of the north field has a rated power of 4.2 megawatts. " +
		"It reaches that at a wind speed of 12 metres per second.\n\n## Cutting out\n\nAbove 25 metres per second, the turbine " +
		"turns its blades out of the wind and stops.\n",
	"handbook/maintenance.md": "# Maintenance\n\nA turbine is inspected every six months. The oil of the gearbox is changed " +
		"after 16,000 hours.\n",
	"reports/2025.md": "# Report of 2025\n\nThe north field produced 61 gigawatt hours in 2025, at an availability of 97 percent.\n",
	"handbook/safety.md": "# Safety\n\n## Climbing\n\nNobody climbs a turbine alone, or at a wind speed above 15 metres per second.\n\n" +
		"## Lightning\n\nAt the first thunder, everybody leaves the field.\n\n## Noise\n\nInside the nacelle, the sound is 105 decibels.\n",
	"handbook/grid.md": "# Grid\n\n## Transformer\n\nThe transformer raises the power of a turbine from 690 volts to 33 kilovolts.\n\n" +
		"## Limits\n\nThe grid may limit the power of the field to 60 percent for two hours a day.\n",
	"handbook/blades.md":     "# Blades\n\nA blade is 68 metres long and weighs 16 tonnes. Ice on a blade costs up to a tenth of its power.\n",
	"handbook/foundation.md": "# Foundation\n\nEach turbine stands on 600 cubic metres of concrete.\n",
	"handbook/visitors.md":   "# Visitors\n\nThe field is open to visitors on Sundays. How much they learn is up to the guide.\n",
	"reports/2024.md":        "# Report of 2024\n\nThe north field produced 58 gigawatt hours in 2024. One turbine lost power for a month.\n",
	"reports/outlook.md":     "# Outlook\n\nThe south field is to have eight turbines with a power of 6.6 megawatts each.\n",
	"reports/broken.pdf":     "%PDF-1.7\nnothing follows",
}

const markdownAnswer = "Each turbine has a **rated power of 4.2 megawatts**, ⏸ which it reaches at 12 metres per second [1]. " +
	"Above 25 metres per second it stops [1].\n\n| Wind speed | Turbine |\n|---:|---|\n| 12 m/s | full power |\n| 25 m/s | stops |\n\n" +
	"```python\nif wind > 25:\n    stop()\n```\n\n- The blades turn out of the wind.\n- Nobody climbs it then [1, 2].\n"

// hostileAnswer would run a script, and ask another host for a picture, on a page that took it for markup.
const hostileAnswer = "It is inspected every six months [1]. <img src=x onerror=alert(1)> ![p](https://example.com/p.png) " +
	"[a script](javascript:alert(1)) [a site](https://example.com/) <script>alert(2)</script>\n\n<iframe src=//example.com></iframe>"

func TestThePageHoldsAConversation(t *testing.T) {
	t.Parallel()
	sim, llm := nimsim.Start(t, nimsim.Options{}), newAuthor(t)
	p, c := serving(t, []string{"-f", manifest(t, pipeline(volume, llm.spec(sim.URL))), "--documents", directory(t, windFarm)})
	c.ask("What is wind?").want(t, http.StatusOK) // until then, the gateway does not know where the answers begin
	b := open(t, c)

	b.sees("#welcome", "Ask papers", "10 documents")
	b.sees("#freshness", "10 documents, updated just now")
	b.accessible("before the first question")

	llm.text <- markdownAnswer
	b.ask("Which rated power does a turbine have, and at which wind speed?")
	b.sees(".steps", "Searching the documents", "Ranking what was found", "Writing the answer")
	b.sees(".answer", "rated power of 4.2 megawatts")
	b.until("document.querySelector('.answer strong') !== null")
	b.accessible("while an answer is being written")
	llm.goOn <- struct{}{}
	contains(t, b.answered(), "which it reaches at 12 metres per second", "Sources", "Turbines")
	for selector, n := range map[string]int{
		".answer table td": 4, ".answer pre code": 1, ".answer ul li": 2, ".answer .cite": 4, ".source-list": 2,
	} {
		if got := read[int](b, fmt.Sprintf("document.querySelectorAll(%q).length", selector)); got != n {
			t.Errorf("%d of %s, want %d", got, selector, n)
		}
	}
	<-llm.got

	b.tabTo(".answer .cite")
	b.press(kb.Enter)
	b.sees("#panel", "Source 1", "handbook/turbines.md", "Rated power")
	if marked := b.text("#panel mark"); marked == "" {
		t.Error("no word of the passage is marked")
	}
	b.accessible("beside a passage")
	b.picture("page-passage")
	b.press(kb.Escape)
	b.until("document.getElementById('panel').hidden && document.activeElement.matches('.cite')")
	b.narrow(func() {
		b.press(kb.Enter)
		b.sees("#panel", "Source 1")
		b.picture("page-phone")
		b.press(kb.Escape)
	})

	b.tabTo(".actions [aria-expanded]")
	b.press(kb.Enter)
	b.sees(".explanation", "Retrieval", "Reranking", "Writing", "Found by vector", "Found by keyword", "Sent to the model")
	b.until("document.querySelectorAll('.explanation .found-way').length > 0")
	b.do("scroll", chromedp.Evaluate[chromedp.Void]("document.querySelector('.explanation').scrollIntoView()"))
	b.picture("page-found")
	b.tabTo(".explanation summary")
	b.press(kb.Enter)
	b.sees(".explanation .table", "Turbines", "cited", "#1")
	b.accessible("with how it was found")
	b.tabTo(".why-not input")
	b.press("docs/reports/broken.pdf", kb.Enter)
	b.sees(".why-not [role=status]", "The document failed: Malformed")

	llm.text <- "It is inspected ⏸ every six months [1]."
	b.ask("And how often is it inspected?")
	b.sees(".turn:last-child .answer", "It is inspected")
	b.tabTo("#stop")
	b.press(kb.Enter)
	contains(t, b.answered(), "Stopped.")
	history := <-llm.got
	if last := history[len(history)-1].Content; !strings.Contains(last, "And how often") || len(history) != 4 {
		t.Errorf("the follow-up came with %d messages: %v", len(history), history)
	}
	llm.text <- hostileAnswer
	b.tabTo(".turn:last-child .actions button")
	b.press(kb.Enter)
	contains(t, b.answered(), "every six months", "And how often", "<img src=x onerror=alert(1)>", "<script>")
	if markup := read[string](b, `[...document.querySelectorAll(".turn:last-child .answer :is(img, script, iframe, a)")].map(e => e.outerHTML).join()`); markup !=
		`<a href="https://example.com/" rel="noopener noreferrer" target="_blank">a site</a>` {
		t.Errorf("the answer became %s", markup)
	}
	b.narrow(func() {})

	b.behaved()
	p.stop().ends(0)
}

func TestThePageListsDocuments(t *testing.T) {
	t.Parallel()
	p, c := serving(t, []string{"-f", manifest(t, pipeline(volume, standIns)), "--documents", directory(t, windFarm)})
	b := open(t, c)
	b.tabTo("#nav-documents")
	b.press(kb.Enter)
	b.sees("#documents", "10 documents", "1 failed", "Need attention", "docs/reports/broken.pdf", "docs/handbook/turbines.md")
	if first := b.text("#rows li"); !strings.Contains(first, "broken.pdf") {
		t.Errorf("the list begins with %q", first)
	}
	b.accessible("with a list of documents")
	b.picture("page-documents")
	b.narrow(func() {})
	b.tabTo("[data-filter=failed]")
	b.press(kb.Enter)
	b.until("document.querySelectorAll('#rows li').length === 1")

	b.tabTo("#search")
	b.press("gearbox oil", kb.Enter)
	b.sees("#results", "Maintenance", "The oil of the gearbox")
	b.accessible("with what a search found")
	b.tabTo("#results a")
	b.press(kb.Enter)
	b.sees("#documents", "Maintenance", "docs/handbook/maintenance.md", "Source", "A turbine is inspected every six months.")
	b.accessible("with a document")
	b.narrow(func() {})
	b.do("go back", chromedp.Evaluate[chromedp.Void]("history.back()"))
	b.until("document.querySelector('#rows li, #results li') !== null")
	b.sees("#documents", "Search the documents")
	b.behaved()
	p.stop().ends(0)
}

func TestThePageTellsOfFailures(t *testing.T) {
	t.Parallel()
	sim, llm := nimsim.Start(t, nimsim.Options{}), newAuthor(t)
	p, c := serving(t, []string{"-f", manifest(t, pipeline(volume, llm.spec(sim.URL))), "--documents", directory(t, windFarm)})
	c.ask("What is wind?").want(t, http.StatusOK)
	b := open(t, c)

	sim.Fault(config.StageReranking, nimsim.Named("internal-error"))
	llm.text <- "4.2 megawatts [1]."
	b.ask("Which rated power does a turbine have?")
	contains(t, b.answered(), "4.2 megawatts", "the passages are in the order of retrieval")
	b.accessible("with a degraded answer")
	sim.Mend()

	llm.text <- "The gearbox is ⏸ ⚡ oiled."
	b.ask("What about the gearbox?")
	b.sees(".turn:last-child .answer", "The gearbox is")
	llm.goOn <- struct{}{}
	b.answered()
	b.sees(".turn:last-child .error", "llm")
	b.accessible("with an answer that broke off")
	llm.text <- "Its oil is changed after 16,000 hours [1]."
	b.tabTo(".turn:last-child .actions button")
	b.press(kb.Enter)
	contains(t, b.answered(), "16,000 hours")

	p.stop()
	b.ask("Are you there?")
	b.sees(".turn:last-child .error", "cannot be reached")
	b.sees("#banner", "cannot be reached")
	b.behaved()
}

func TestThePageAsksForAKey(t *testing.T) {
	t.Parallel()
	ring := t.TempDir() + "/keys"
	write(t, ring, "alice=correct-horse-battery\n")
	p := start(t, []string{"run", "--listen", "127.0.0.1:0", "-f", manifest(t, pipeline(volume, standIns)), "--keys", ring,
		"--documents", directory(t, windFarm)})
	c := client{t: t, url: p.says(`serving on (http://[\w.:]+:\d+)`)[1]}
	c.until("/readyz", http.StatusOK)
	b := open(t, c)
	b.sees("#lock", "This pipeline asks for a key")
	if text := b.text("#lock-error"); text != "" {
		t.Errorf("no key was entered, and the page says %q", text)
	}
	b.accessible("without a key")
	b.narrow(func() {})
	b.press("wrong", kb.Enter) // the field has the focus
	b.sees("#lock-error", "does not accept this key")
	b.accessible("with a wrong key")
	b.tabTo("#key")
	b.press(strings.Repeat(kb.Backspace, 5))
	b.press("correct-horse-battery", kb.Enter)
	b.sees("#welcome", "10 documents")
	b.load("/")
	b.sees("#welcome", "10 documents")
	if kept := read[string](b, "JSON.stringify([localStorage.length, document.cookie])"); kept != `[0,""]` {
		t.Errorf("the key outlives the tab: %s", kept)
	}
	b.ask("Which rated power does a turbine have?")
	contains(t, b.answered(), "4.2 megawatts")
	b.tabTo("#forget-key")
	b.press(kb.Enter)
	b.sees("#lock", "This pipeline asks for a key")
	b.behaved()
	p.stop().ends(0)
}

func TestThePageFollowsAnIndexThatIsBuilt(t *testing.T) {
	t.Parallel()
	readable := maps.Clone(windFarm)
	delete(readable, "reports/broken.pdf") // the first PDF has a run compile PDFium, which may take a minute
	sim, goOn := nimsim.Start(t, nimsim.Options{}), make(chan struct{})
	embedding := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "rated power of 4.2") {
			select {
			case <-goOn:
			case <-r.Context().Done():
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		sim.ServeHTTP(w, r)
	}))
	t.Cleanup(embedding.Close)
	p := start(t, []string{"run", "--listen", "127.0.0.1:0", "-f", manifest(t, pipeline(volume, embeddingAt(embedding.URL, sim.URL))),
		"--documents", directory(t, readable)})
	c := client{t: t, url: p.says(`building the index; (http://[\w.:]+:\d+)`)[1]}
	c.until("/healthz", http.StatusOK)
	if r := c.get("/readyz"); r.status != http.StatusServiceUnavailable {
		t.Errorf("ready while the index is being built: %d", r.status)
	}
	c.ask("What is wind?").want(t, http.StatusServiceUnavailable, "IndexBuilding")
	b := open(t, c)
	b.sees("#banner", "The index is being built: ", "This page follows by itself.")
	b.accessible("while the index is being built")
	b.picture("page-building")
	b.ask("Which rated power does a turbine have?")
	b.answered()
	b.sees(".turn:last-child .error", "The index is being built")
	close(goOn)
	b.until("document.getElementById('banner').innerText === ''")
	b.sees("#freshness", "10 documents, updated just now")
	b.tabTo(".turn:last-child .actions button")
	b.press(kb.Enter)
	contains(t, b.answered(), "4.2 megawatts")
	b.behaved()
	p.stop().ends(0)
}

// Of an index whose documents are all gone, the page says so, and an example may be asked.
func TestThePageOfAnEmptyIndex(t *testing.T) {
	t.Parallel()
	docs, data, spec := directory(t, map[string]string{"a.md": wind}), t.TempDir(), manifest(t, pipeline(volume, standIns))
	run(t, "run", "-f", spec, "--documents", docs, "--data", data, "--ask", "What is wind measured in?").ends(0)
	if err := os.Remove(filepath.Join(docs, "a.md")); err != nil {
		t.Fatal(err)
	}
	p, c := serving(t, []string{"-f", spec, "--documents", docs, "--data", data})
	p.says("1 removed")
	b := open(t, c)
	b.sees("#banner", "The index is empty", "nothing to answer from")
	b.sees("#welcome", "Ask papers", "What are these documents about?")
	b.accessible("with an empty index")
	b.narrow(func() {})
	b.tabTo(".examples button")
	b.press(kb.Enter)
	contains(t, b.answered(), "What are these documents about?", "No passage in the documents matches this question.")
	b.accessible("with an answer from nothing")
	b.tabTo("#nav-documents")
	b.press(kb.Enter)
	b.sees("#documents", "0 documents")
	b.accessible("with a list of no documents")
	b.behaved()
	p.stop().ends(0)
}

func TestThePageFramesThePassageOfAPDF(t *testing.T) {
	t.Parallel()
	docs := directory(t, windFarm)
	write(t, docs+"/papers/vila.pdf", string(vilaPaper()))
	p, c := serving(t, []string{"-f", manifest(t, pipeline(volume, standIns)), "--documents", docs})
	b := open(t, c)
	b.ask("How many A100 GPUs was VILA trained on?")
	contains(t, b.answered(), "16 nodes with 8 A100 GPUs each")
	b.tabTo(".answer .cite")
	b.press(kb.Enter)
	b.sees("#panel", "docs/papers/vila.pdf", "page 2")
	b.until("document.querySelector('#panel img')?.naturalWidth > 500")
	b.sees("#panel figcaption", "Page 2; the passage is framed")
	inside := read[bool](b, `(() => {
		const sheet = document.querySelector(".sheet").getBoundingClientRect();
		const frames = [...document.querySelectorAll(".sheet rect")].map(r => r.getBoundingClientRect());
		return frames.length > 2 && frames.every(f => f.left > sheet.left && f.right < sheet.right && f.top > sheet.top && f.bottom < sheet.bottom);
	})()`)
	if !inside {
		t.Error("the frames are not on the page")
	}
	b.accessible("beside a page of a PDF")
	b.picture("page-pdf")
	b.behaved()
	p.stop().ends(0)
}

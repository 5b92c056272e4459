package dataplane

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
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

// windFarm are documents about a wind farm.
var windFarm = map[string]string{
	"handbook/turbines.md": "# Turbines\n\n## Rated power\n\nEach turbine of the north field has a rated power of 4.2 megawatts. " +
		"It reaches that at a wind speed of 12 metres per second.\n\n## Cutting out\n\nAbove 25 metres per second, the turbine " +
		"turns its blades out of the wind and stops.\n",
	"handbook/maintenance.md": "# Maintenance\n\nA turbine is inspected every six months. The oil of the gearbox is changed " +
		"after 16,000 hours.\n",
	"reports/2025.md":    "# Report of 2025\n\nThe north field produced 61 gigawatt hours in 2025, at an availability of 97 percent.\n",
	"reports/broken.pdf": "%PDF-1.7\nnothing follows",
}

const markdownAnswer = "Each turbine has a **rated power of 4.2 megawatts**, ⏸ which it reaches at 12 metres per second [1]. " +
	"Above 25 metres per second it stops [1].\n\n| Wind speed | Turbine |\n|---:|---|\n| 12 m/s | full power |\n| 25 m/s | stops |\n\n" +
	"```python\nif wind > 25:\n    stop()\n```\n\n- one\n- two <img src=x onerror=alert(1)>\n\n[a site](javascript:alert(1))\n"

func TestThePageHoldsAConversation(t *testing.T) {
	t.Parallel()
	sim, llm := nimsim.Start(t, nimsim.Options{}), newAuthor(t)
	spec := strings.Replace(endpoints(sim.URL), sim.URL+`/v1", model: `+config.StandInLLM, llm.URL+`/v1", model: `+config.StandInLLM, 1)
	p, c := serving(t, []string{"-f", manifest(t, pipeline(volume, spec)), "--documents", directory(t, windFarm)})
	c.ask("What is wind?").want(t, http.StatusOK) // until then, the gateway does not know where the answers begin
	b := open(t, c)

	b.sees("#welcome", "Ask papers", "3 documents")
	b.sees("#freshness", "3 documents, updated just now")
	b.accessible("before the first question")
	b.picture("page-welcome")

	llm.text <- markdownAnswer
	b.ask("How much power does a turbine have?")
	b.sees(".steps", "Searching the documents", "Ranking what was found", "Writing the answer")
	b.sees(".answer", "rated power of 4.2 megawatts")
	b.until("document.querySelector('.answer strong') !== null")
	b.accessible("while an answer is being written")
	b.picture("page-writing")
	llm.goOn <- struct{}{}
	contains(t, b.answered(), "which it reaches at 12 metres per second", "Sources", "Turbines")
	for selector, n := range map[string]int{
		".answer table td": 4, ".answer pre code": 1, ".answer ul li": 2, ".answer img": 0, ".answer a": 0, ".answer .cite": 2, ".source-list": 2,
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
	b.sees(".explanation", "Retrieval", "Reranking", "Writing", "By vector", "By keyword")
	b.accessible("with how it was found")
	b.picture("page-found")

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
	llm.text <- "It is inspected every six months [1]."
	b.tabTo(".turn:last-child .actions button")
	b.press(kb.Enter)
	contains(t, b.answered(), "every six months", "And how often")
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
	b.sees("#documents", "3 documents", "1 failed", "Need attention", "docs/reports/broken.pdf", "docs/handbook/turbines.md")
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

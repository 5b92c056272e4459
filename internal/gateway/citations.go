package gateway

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// Citations holds every passage that was put before the LLM, in the format of NVIDIA's RAG
// blueprint (rag-server v2.6, field `citations`): [n] in the text refers to Results[n-1].
type Citations struct {
	TotalResults int        `json:"total_results"`
	Results      []Citation `json:"results"`
}

// Citation is one passage.
type Citation struct {
	DocumentID   string  `json:"document_id"`   // has the form <source>/<path>
	DocumentName string  `json:"document_name"` // is the file's name
	DocumentType string  `json:"document_type"` // is always text
	Content      string  `json:"content"`
	Score        float64 `json:"score"` // is from 0 to 1
	// Cited reports whether the answer cites the passage. It is omitted where that is not known: in a
	// stream, whose last chunk tells it, in a search, and for an answer in JSON.
	Cited    *bool `json:"cited,omitempty"`
	Metadata Place `json:"metadata"`
}

// Place describes where a passage is and how it was scored.
type Place struct {
	ChunkID    string `json:"chunk_id"`
	Source     string `json:"source"`
	Title      string `json:"title"`
	URL        string `json:"url"`                   // opens the document at this gateway
	Heading    string `json:"heading,omitempty"`     // is a path, joined by " > "
	PageNumber int    `json:"page_number,omitempty"` // counts from 1; is omitted if the format has no pages
	PageKind   string `json:"page_kind,omitempty"`   // is page or slide
	Start      int    `json:"start"`                 // counts code points of the page's text
	End        int    `json:"end"`
	// Boxes are where the passage's lines stand on the page of a PDF: left, bottom, right and top in
	// points of the page's own coordinates.
	Boxes []index.Box `json:"boxes,omitempty"`
	// FusedScore is from 0 to 1. The retrievers and the reranker gave the other scores; each is
	// omitted if its stage did not score the passage.
	FusedScore    float64  `json:"fused_score"`
	VectorScore   *float64 `json:"vector_score,omitempty"`
	KeywordScore  *float64 `json:"keyword_score,omitempty"`
	RerankerLogit *float64 `json:"reranker_logit,omitempty"`
	// ContentMetadata is the document's metadata.
	ContentMetadata config.Metadata `json:"content_metadata,omitempty"`
}

func newCitations(passages []query.Passage, to links) Citations {
	results := make([]Citation, len(passages))
	for i := range passages {
		p := &passages[i]
		results[i] = Citation{
			DocumentID:   p.Document,
			DocumentName: path.Base(p.Document),
			DocumentType: "text",
			Content:      p.Text,
			Score:        p.Score,
			Metadata: Place{
				ChunkID:         p.ID,
				Source:          p.Source,
				Title:           p.Title,
				URL:             to.passage(p),
				Heading:         p.Heading,
				PageNumber:      p.Page,
				PageKind:        pageKind(p),
				Boxes:           p.Layout.Boxes,
				Start:           p.Start,
				End:             p.End,
				FusedScore:      p.Fused,
				VectorScore:     p.Vector,
				KeywordScore:    p.Keyword,
				RerankerLogit:   p.Logit,
				ContentMetadata: p.Metadata,
			},
		}
	}
	return Citations{TotalResults: len(results), Results: results}
}

func pageKind(p *query.Passage) string {
	kind, _, _ := strings.Cut(p.PageName(), " ")
	return kind
}

// citationsOf are the passages of an answer, each with whether the answer cites it.
func citationsOf(r *query.Result, to links) Citations {
	all := newCitations(r.Passages, to)
	if r.Cited != nil {
		for i := range all.Results {
			all.Results[i].Cited = new(slices.Contains(r.Cited, i+1))
		}
	}
	return all
}

// Annotation is a place of the answer that cites a passage, as OpenAI's chat completions have it for
// results of a web search. Clients that drop unknown fields keep it.
type Annotation struct {
	Type string      `json:"type"` // is always url_citation
	URL  URLCitation `json:"url_citation"`
}

// URLCitation is what an Annotation cites. The indices count code points of the answer.
type URLCitation struct {
	StartIndex int    `json:"start_index"`
	EndIndex   int    `json:"end_index"`
	URL        string `json:"url"`
	Title      string `json:"title"`
}

func annotations(c *config.Gateway, r *query.Result) []Annotation {
	to, marks := linksOf(c), r.Marks
	if len(marks) == 0 { // the LLM cited in a list of its own, in the place of which stands the gateway's
		marks = marksInList(c, r)
	}
	all := make([]Annotation, len(marks))
	for i, m := range marks {
		p := &r.Passages[m.Passage-1]
		all[i] = Annotation{"url_citation", URLCitation{m.Start, m.End, to.passage(p), p.Label()}}
	}
	return all
}

// sourceList is what the text of an answer ends in if the pipeline's citations are InText: a line for
// each passage that the answer cites. It is empty if the answer cites none.
func sourceList(c *config.Gateway, r *query.Result) string {
	if c.Answer.Citations != config.InText || len(r.Cited) == 0 {
		return ""
	}
	to := linksOf(c)
	var b strings.Builder
	b.WriteString(sourceHeading)
	for _, n := range r.Cited {
		p := &r.Passages[n-1]
		fmt.Fprintf(&b, "\n[%d] %s: %s", n, plainTitle(p), to.passage(p))
	}
	return b.String()
}

// marksInList are the places of the numbers in the list of sources at the end of the text.
func marksInList(c *config.Gateway, r *query.Result) (marks []query.Mark) {
	list := sourceList(c, r)
	if list == "" {
		return nil
	}
	before := utf8.RuneCountInString(r.Answer)
	for _, n := range r.Cited {
		number := fmt.Sprintf("[%d]", n)
		start := before + utf8.RuneCountInString(list[:strings.Index(list, "\n"+number+" ")+1])
		marks = append(marks, query.Mark{Passage: n, Start: start, End: start + len(number)})
	}
	return marks
}

const sourceHeading = "\n\nSources:"

// plainTitle is a passage's label without the signs by which a title could look like another source
// of the list, or like a link that a client that renders Markdown would show.
func plainTitle(p *query.Passage) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("[]()<>`*!\\", r) {
			return -1
		}
		return r
	}, strings.ReplaceAll(p.Label(), "://", " "))
}

// withoutSourceList is an answer of an earlier turn as the LLM wrote it: or it would write such lists
// itself.
func withoutSourceList(answer string) string {
	at := strings.LastIndex(answer, sourceHeading+"\n[")
	if at < 0 || strings.Contains(answer[at+len(sourceHeading):], "\n\n") {
		return answer
	}
	return answer[:at]
}

// links makes the URLs of documents at this gateway. They never contain the Host that a request
// names, because the sender of the request chooses it.
type links struct{ base string }

// linksOf returns links that begin with the pipeline's public URL, or with a slash if it has none.
func linksOf(c *config.Gateway) links { return links{c.PublicURL} }

// document is where the document is described. The slashes of its identity stay, because many
// proxies decode or refuse %2F.
func (l links) document(id string) string {
	segments := strings.Split(id, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return l.base + documentsPath + strings.Join(segments, "/")
}

// passage opens the document, at the passage's page where the reader of the format knows how.
func (l links) passage(p *query.Passage) string {
	link := l.document(p.Document) + contentSuffix
	if p.Page > 0 && !p.Layout.Slide {
		link += "#page=" + strconv.Itoa(p.Page)
	}
	return link
}

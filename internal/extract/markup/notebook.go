package markup

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/charset"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// jupyter is what matters of a notebook (nbformat 3 and 4).
type jupyter struct {
	Cells      []jupyterCell `json:"cells"`
	Worksheets []struct {
		Cells []jupyterCell `json:"cells"`
	} `json:"worksheets"`
	Metadata struct {
		Title    jupyterText `json:"title"`
		Language struct {
			Name string `json:"name"`
		} `json:"language_info"`
	} `json:"metadata"`
}

type jupyterCell struct {
	Type    string          `json:"cell_type"`
	Source  jupyterText     `json:"source"`
	Input   jupyterText     `json:"input"` // nbformat 3
	Level   int             `json:"level"` // likewise, of a heading
	Outputs []jupyterOutput `json:"outputs"`
}

type jupyterOutput struct {
	Text  jupyterText            `json:"text"`
	Data  map[string]jupyterText `json:"data"`
	Name  string                 `json:"ename"`
	Value string                 `json:"evalue"`
}

// jupyterText is a text, or its lines, or a value in JSON. Anything else that an output holds is not text.
type jupyterText string

func (t *jupyterText) UnmarshalJSON(data []byte) error {
	var lines []string
	var one string
	switch {
	case json.Unmarshal(data, &one) == nil:
		*t = jupyterText(one)
	case json.Unmarshal(data, &lines) == nil:
		*t = jupyterText(strings.Join(lines, ""))
	case bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")):
		*t = jupyterText(data)
	}
	return nil
}

// ReadNotebook reads a notebook as Markdown: its texts, its code in fences, and what the code put out as text. Images
// are left out.
func ReadNotebook(ctx context.Context, s document.Source) (*document.Document, error) {
	text, warnings := charset.Decode(s.Data)
	if jsonValues(text) > maxNotebookValues {
		return nil, config.Failf(config.TooComplex, "the notebook holds more than %d values: clear its outputs",
			maxNotebookValues)
	}
	var n jupyter
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		return nil, config.Failf(config.Malformed, "the notebook is broken: %s", plain.Quote(err.Error()))
	}
	for _, sheet := range n.Worksheets {
		n.Cells = append(n.Cells, sheet.Cells...)
	}
	var b strings.Builder
	images := 0
	for _, cell := range n.Cells {
		left, err := cell.write(ctx, s, &b, n.Metadata.Language.Name)
		if err != nil {
			return nil, err
		}
		images += left
	}
	warnings.Add(config.PartsIgnored, images, "images in outputs")
	body, dropped := plain.WithoutPayloads(b.String())
	plain.Payloads(&warnings, dropped)
	d, err := wholeMarkdown(s, plain.OneLine(string(n.Metadata.Title)), body)
	return document.Warned(d, err, warnings)
}

// maxNotebookValues bounds a notebook: in memory a value may take fifty times its bytes.
const maxNotebookValues = 1_000_000

// jsonValues counts the values of a JSON text: one begins after each comma, bracket and brace outside of strings.
func jsonValues(text string) int {
	n, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			inString = !inString
		case inString && c == '\\':
			i++
		case !inString && (c == ',' || c == '[' || c == '{'):
			n++
		}
	}
	return n
}

// write appends the cell as Markdown and returns how many images it leaves out.
func (c *jupyterCell) write(ctx context.Context, s document.Source, b *strings.Builder, language string) (images int,
	err error,
) {
	text := strings.TrimSpace(string(c.Source + c.Input))
	switch {
	case text == "":
	case c.Type == "code":
		fenced(b, language, text)
	case c.Type == "heading":
		b.WriteString(strings.Repeat("#", min(max(c.Level, 1), 6)) + " " + text + "\n\n")
	default:
		b.WriteString(text + "\n\n")
	}
	for _, out := range c.Outputs {
		page, err := out.page(ctx, s)
		if err != nil {
			return images, err
		}
		if page != "" {
			b.WriteString(page + "\n\n")
			if err := document.NewLimit(s.Max).Fits(b.Len()); err != nil {
				return images, err
			}
			continue
		}
		text, image := out.readable()
		if text = strings.TrimSpace(text); text != "" {
			fenced(b, "", text)
		}
		if image {
			images++
		}
	}
	return images, nil
}

// page is an output in HTML as Markdown: a table, whose names of columns then stand above each of its parts, or what
// has no other form. Of a drawing it is the words.
func (o *jupyterOutput) page(ctx context.Context, s document.Source) (string, error) {
	page, plain := string(o.Data["text/html"]), strings.TrimSpace(string(o.Data["text/plain"]))
	if drawing := string(o.Data["image/svg+xml"]); page == "" && drawing != "" && strings.Contains(drawing, "<text") {
		page, plain = svgProlog.ReplaceAllString(drawing, ""), ""
	}
	if page == "" || o.Data["text/markdown"] != "" || !strings.Contains(page, "<tr") && plain != "" &&
		!strings.HasPrefix(plain, "<") {
		return "", nil
	}
	s.Reads(document.HTML)
	d, err := ReadHTMLText(ctx, s, page)
	if reason, own := config.ReasonOf(err); own && reason == config.Malformed {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return d.Pages[0].Text, nil
}

// svgProlog is what stands above a drawing in a file, and is not allowed in a page.
var svgProlog = regexp.MustCompile(`^\s*(?:<[?!][^<>]*>\s*|<!--.*?-->\s*)*`)

var ansi = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)

// readable is the output as text, and whether it is an image. Tables have a plain form, too.
func (o *jupyterOutput) readable() (text string, image bool) {
	for kind := range o.Data {
		image = image || strings.HasPrefix(kind, "image/")
	}
	text = string(o.Text)
	for _, kind := range []string{"text/markdown", "text/latex", "text/plain"} {
		if text == "" {
			text = string(o.Data[kind])
		}
	}
	if strings.HasPrefix(text, "<IPython.core.display.JSON") && o.Data["application/json"] != "" {
		text = string(o.Data["application/json"])
	}
	if image && strings.HasPrefix(text, "<") { // <Figure size 640x480 with 1 Axes>
		text = ""
	}
	if o.Name != "" {
		text = strings.TrimSpace(text + "\n" + o.Name + ": " + o.Value)
	}
	return ansi.ReplaceAllString(text, ""), image
}

// fenced writes a text between fences that are longer than any in it.
func fenced(b *strings.Builder, language, text string) {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	b.WriteString(fence + language + "\n" + text + "\n" + fence + "\n\n")
}

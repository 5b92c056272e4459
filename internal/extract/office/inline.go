package office

import (
	"net/url"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// baseline is where a piece of text stands on its line.
type baseline int

const (
	onLine baseline = iota
	superior
	inferior
)

// inline is the text of a paragraph, written run by run. Powers and indices stay what they are: a raised 6 after 10
// becomes ⁶, or the text would name another number.
type inline struct {
	text    strings.Builder
	pending strings.Builder // raised or lowered text, which may come in several runs
	level   baseline
	links   []textLink
}

func (w *inline) write(text string, level baseline) {
	if text == "" {
		return
	}
	if level != w.level {
		w.flush()
		w.level = level
	}
	if level == onLine {
		w.text.WriteString(text)
	} else {
		w.pending.WriteString(text)
	}
}

func (w *inline) flush() {
	text := w.pending.String()
	w.pending.Reset()
	switch w.level {
	case superior:
		w.text.WriteString(plain.Superscript(text))
	case inferior:
		w.text.WriteString(plain.Subscript(text))
	}
	w.level = onLine
}

// flushTo ends text of another level.
func (w *inline) flushTo(level baseline) {
	if level == onLine {
		w.flush()
	}
}

func (w *inline) String() string {
	w.flush()
	return w.text.String()
}

// textLink is a link in a paragraph.
type textLink struct{ text, address string }

// maxAddress bounds the address of a link that is written, in bytes: a longer one is for machines.
const maxAddress = 200

// endLink takes note of a link whose text began with a byte of the paragraph.
func (w *inline) endLink(begin int, link string) {
	w.flush()
	if begin > w.text.Len() {
		return
	}
	text := plain.Fold(w.text.String()[begin:])
	if address := addressOf(text, link); address != "" && text != "" {
		w.links = append(w.links, textLink{text, address})
	}
}

// addressOf returns the address that a link leads to, or "" if its text says that already or only programs can use it.
func addressOf(text, link string) string {
	u, err := url.Parse(plain.LinkTarget(strings.TrimSpace(link)))
	if err != nil || len(link) > maxAddress {
		return ""
	}
	address := ""
	switch u.Scheme {
	case "http", "https", "ftp":
		address = u.String()
	case "mailto":
		address = u.Opaque
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(address[strings.Index(address, ":")+1:], "//"), "/")
	if strings.Contains(text, bare) {
		return ""
	}
	return address
}

// withAddress is the whole text of a link, and where it leads.
func withAddress(text, link string) string {
	if address := addressOf(text, link); address != "" && text != "" {
		return text + " (" + address + ")"
	}
	return text
}

// addresses is where the links of the paragraph lead. It follows the paragraph, whose sentences stay whole.
func (w *inline) addresses() string {
	if len(w.links) == 0 {
		return ""
	}
	if len(w.links) == 1 {
		return " (" + w.links[0].address + ")"
	}
	told := make([]string, len(w.links))
	for i, l := range w.links {
		told[i] = l.text + ": " + l.address
	}
	return " (" + strings.Join(told, "; ") + ")"
}

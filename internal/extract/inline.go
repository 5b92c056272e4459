package extract

import (
	"net/url"
	"strings"
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
		w.text.WriteString(superscript(text))
	case inferior:
		w.text.WriteString(subscript(text))
	}
	w.level = onLine
}

func (w *inline) String() string {
	w.flush()
	return w.text.String()
}

// maxAddress bounds the address of a link that is written, in bytes: a longer one is for machines.
const maxAddress = 200

// linkAddress is what follows the text of a link, so that its address can be told: nothing if the text ends in it.
func linkAddress(text, link string) string {
	u, err := url.Parse(strings.TrimSpace(link))
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
	if bare == "" || strings.Contains(text, bare) || strings.TrimSpace(text) == "" {
		return ""
	}
	return " (" + address + ")"
}

package server

import (
	"html"
	"strings"
	"unicode/utf8"

	xhtml "golang.org/x/net/html"
)

// tikaPages cuts Tika's XHTML into its pages, <div class="page">, and slides, <div class="slide-content">. The text of
// an embedded image is put where the image stands. Anything outside the pages, such as attachments, follows as a page
// without a number; without pages, it is everything.
func tikaPages(content string) []page {
	s := &tikaSplitter{entries: map[string]string{}}
	s.section = &s.beside
	z := xhtml.NewTokenizer(strings.NewReader(content))
	for kind := z.Next(); kind != xhtml.ErrorToken; kind = z.Next() {
		raw := string(z.Raw())
		s.token(kind, z.Token(), raw)
	}
	for i := range s.pages {
		s.pages[i].html = s.withImages(s.pages[i].html)
	}
	var rest strings.Builder
	rest.WriteString(s.withImages(s.beside.html()))
	for _, name := range s.names {
		if entry := s.entries[name]; entry != "" {
			rest.WriteString("<h2>" + html.EscapeString(name) + "</h2>\n" + entry)
		}
	}
	if len(s.pages) == 0 || strings.TrimSpace(rest.String()) != "" {
		s.pages = append(s.pages, page{html: rest.String()})
	}
	return s.pages
}

// tikaSplitter takes the XHTML apart, token by token.
type tikaSplitter struct {
	pages   []page
	beside  tikaSection
	entries map[string]string // embedded documents in HTML, by name
	names   []string          // of entries, in order

	section *tikaSection // takes what comes
	inBody  bool
	depth   int // of elements <div>
	begunAt int // the depth at which the section began, 0 for beside
	ocrAt   int // the depth at which a text from OCR began
}

func (s *tikaSplitter) token(kind xhtml.TokenType, t xhtml.Token, raw string) {
	switch {
	case kind == xhtml.TextToken:
		if s.inBody {
			s.section.text(t.Data, raw, s.ocrAt > 0)
		}
	case t.Data == "body":
		s.inBody = kind == xhtml.StartTagToken
	case !s.inBody:
	case t.Data == "div" && kind == xhtml.StartTagToken:
		s.begin(attribute(t, "class"), raw)
	case t.Data == "div" && kind == xhtml.EndTagToken:
		s.end(raw)
	case t.Data == "img":
		s.section.image(strings.TrimPrefix(attribute(t, "src"), "embedded:"))
	case t.Data == "h1" && s.section.isEntry && s.section.naming(kind == xhtml.StartTagToken):
	default:
		s.section.markup(raw, s.ocrAt > 0)
	}
}

func (s *tikaSplitter) begin(class, raw string) {
	s.depth++
	switch {
	case s.begunAt == 0 && (class == "page" || class == "slide-content" || class == "package-entry"):
		s.begunAt, s.section = s.depth, &tikaSection{isEntry: class == "package-entry"}
	case class == "ocr" && s.ocrAt == 0:
		s.ocrAt = s.depth
	default:
		s.section.markup(raw, s.ocrAt > 0)
	}
}

func (s *tikaSplitter) end(raw string) {
	switch s.depth {
	case 0:
		return
	case s.ocrAt:
		s.ocrAt = 0
	case s.begunAt:
		if s.section.isEntry {
			name := strings.TrimSpace(s.section.name.String())
			if _, twice := s.entries[name]; !twice {
				s.names = append(s.names, name)
			}
			s.entries[name] += s.section.html()
		} else {
			s.pages = append(s.pages, page{len(s.pages) + 1, s.section.html()})
		}
		s.begunAt, s.section = 0, &s.beside
	default:
		s.section.markup(raw, s.ocrAt > 0)
	}
	s.depth--
}

// withImages puts the text of embedded images in their places, that of each once.
func (s *tikaSplitter) withImages(markup string) string {
	if !strings.Contains(markup, imageMark) {
		return markup
	}
	var b strings.Builder
	for i, part := range strings.Split(markup, imageMark) {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		b.WriteString(s.entries[part])
		s.entries[part] = ""
	}
	return b.String()
}

// imageMark stands before and after the name of an image; the tokenizer leaves no such character in a text.
const imageMark = "\x00"

// tikaSection is a page, an embedded document, or what is beside them.
type tikaSection struct {
	isEntry, inName bool
	name            strings.Builder // of an embedded document
	own, ocr        strings.Builder // in HTML
	letters, read   strings.Builder // the letters of own and of ocr
}

func (s *tikaSection) text(text, raw string, ocr bool) {
	switch {
	case s.inName:
		s.name.WriteString(text)
	case ocr:
		s.read.WriteString(lettersOf(text))
		for part := range strings.SplitSeq(raw, "\n\n") { // its blank lines are all the markup that it has
			if strings.TrimSpace(part) != "" {
				s.ocr.WriteString("<p>" + part + "</p>\n")
			}
		}
	default:
		s.letters.WriteString(lettersOf(text))
		s.own.WriteString(raw)
	}
}

func (s *tikaSection) markup(raw string, ocr bool) {
	if !ocr && !s.inName {
		s.own.WriteString(raw)
	}
}

func (s *tikaSection) image(name string) { s.own.WriteString(imageMark + name + imageMark) }

// naming begins or ends the name of an embedded document, its first heading. It reports whether that is done.
func (s *tikaSection) naming(begins bool) bool {
	if begins && s.name.Len() > 0 {
		return false
	}
	was := s.inName
	s.inName = begins
	return begins || was
}

// html is the section's text. Where Tika has recognised a page that has text too, the text of a page is left, and of a
// stamp on a scan what it adds.
func (s *tikaSection) html() string {
	own, ocr := s.letters.String(), s.read.String()
	decoded := strings.Count(own, string(utf8.RuneError))*20 < utf8.RuneCountInString(own)
	switch {
	case ocr == "" || decoded && (utf8.RuneCountInString(own) > fewLetters || strings.Contains(own, ocr)):
		return s.own.String()
	case !decoded || strings.Contains(ocr, own):
		return s.marksOf(s.own.String()) + s.ocr.String()
	}
	return s.own.String() + s.ocr.String()
}

// marksOf keeps the places of images.
func (s *tikaSection) marksOf(markup string) string {
	parts := strings.Split(markup, imageMark)
	var b strings.Builder
	for i := 1; i < len(parts); i += 2 {
		b.WriteString(imageMark + parts[i] + imageMark)
	}
	return b.String()
}

// lettersOf is text without white space, so that texts can be compared.
func lettersOf(text string) string { return strings.Join(strings.Fields(text), "") }

func attribute(t xhtml.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

package mail

import (
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/markup"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// mailBody is a text of a mail's own, or a piece of it.
type mailBody struct {
	text string
	html bool
}

// chosen are the bodies that are kept of alternatives: the plain ones, unless those in HTML have tables, or more than
// twice as many words, as where the plain one only asks for another program.
func chosen(alternatives []mailBody) []mailBody {
	var plain, pages []mailBody
	words, pageWords, tables := 0, 0, false
	for _, b := range alternatives {
		if b.html {
			pages, pageWords = append(pages, b), pageWords+wordsOfPage(b.text)
			tables = tables || strings.Contains(strings.ToLower(b.text), "<table")
		} else if strings.TrimSpace(b.text) != "" {
			plain, words = append(plain, b), words+len(strings.Fields(b.text))
		}
	}
	standIn := len(plain) == 1 && words < maxStandIn && strings.Contains(strings.ToUpper(plain[0].text), "HTML")
	if len(pages) == 0 || len(plain) > 0 && !standIn && !tables && pageWords <= 2*words {
		return plain
	}
	if !standIn && len(plain) > 0 {
		pages = append(pages, onlyPlain(plain, pages)...)
	}
	return pages
}

// onlyPlain is the end of the plain bodies that the pages do not have, such as a footer that a mail server wrote below
// them: the paragraphs behind the last one of which the pages have most words.
func onlyPlain(bodies, pages []mailBody) []mailBody {
	known := map[string]bool{}
	for _, b := range pages {
		for word := range strings.FieldsSeq(textOfPage(b.text)) {
			known[wordOnly(word)] = true
		}
	}
	var texts []string
	for _, b := range bodies {
		texts = append(texts, b.text)
	}
	paragraphs := strings.Split(plain.LineEnds.Replace(strings.Join(texts, "\n\n")), "\n\n")
	from := len(paragraphs)
	for ; from > 0; from-- {
		words := strings.Fields(paragraphs[from-1])
		missing := 0
		for _, word := range words {
			if w := wordOnly(word); w != "" && !known[w] {
				missing++
			}
		}
		if len(words) > 0 && missing*2 <= len(words) {
			break
		}
	}
	footer := strings.TrimSpace(strings.Join(paragraphs[from:], "\n\n"))
	if from == 0 || footer == "" || !strings.ContainsFunc(footer, plain.IsFigure) {
		return nil
	}
	return []mailBody{{text: footer}}
}

// wordOnly is a word without the signs around it, in lower case.
func wordOnly(word string) string {
	return strings.ToLower(strings.TrimFunc(word, func(r rune) bool { return !plain.IsFigure(r) }))
}

// maxStandIn is how many words a plain body has at most that only says that the mail is in HTML.
const maxStandIn = 40

// wordsOfPage counts the words of a page that its readers may see.
func wordsOfPage(page string) int { return len(strings.Fields(textOfPage(page))) }

// textOfPage is the words of a page that its readers may see, and no more of its form than blanks.
func textOfPage(page string) string {
	var words strings.Builder
	silent := false
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return words.String()
		case html.StartTagToken:
			name, _ := z.TagName()
			silent = slices.Contains([]string{"style", "script", "title"}, string(name))
		case html.EndTagToken:
			silent = false
		case html.TextToken:
			if !silent {
				words.Write(z.Text())
				words.WriteByte(' ')
			}
		}
	}
}

// write writes the header and the bodies, and then the attachments. Texts and pages of HTML do not share a page,
// because only the latter have headings.
func (m *mailReader) write(head string) error {
	texts, held := []string{head}, 0
	for i, b := range m.bodies {
		text := b.text
		if b.html {
			var err error
			if text, err = m.page(b.text); err != nil {
				return err
			}
		}
		text, dropped := plain.WithoutPayloads(text)
		plain.Payloads(&m.document.Warnings, dropped)
		texts = append(texts, strings.TrimLeft(text, "\n"))
		held += len(text)
		if err := m.limit.Fits(held); err != nil {
			return err
		}
		if i+1 < len(m.bodies) && m.bodies[i+1].html == b.html {
			continue
		}
		if err := m.add(texts, b.html); err != nil {
			return err
		}
		texts, held = nil, 0
	}
	if len(m.bodies) == 0 {
		if err := m.add(texts, false); err != nil {
			return err
		}
	}
	m.document.Pages = append(m.document.Pages, m.held...)
	return nil
}

func (m *mailReader) add(texts []string, isHTML bool) error {
	page := document.Page{Text: plain.Normalise(strings.Join(texts, "\n\n"))}
	if page.Text == "" {
		return nil
	}
	if err := m.limit.Take(len(page.Text)); err != nil {
		return err
	}
	if isHTML {
		markup.MarkdownStructure(&page)
	}
	m.document.Pages = append(m.document.Pages, page)
	return nil
}

// page reads a body in HTML. One that cannot be read has no text.
func (m *mailReader) page(text string) (string, error) {
	m.source.Reads(document.HTML)
	d, err := markup.ReadHTMLText(m.ctx, m.source, text)
	if reason, own := config.ReasonOf(err); own && reason == config.Malformed {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	m.document.Warnings.Merge(d.Warnings)
	if m.document.Title == "" {
		m.document.Title = d.Title
	}
	return d.Pages[0].Text, nil
}

// unflowed joins the lines of paragraphs that a mail program broke (RFC 3676): a space ends each line but the last.
// joined reports whether unflowed drops that space.
func unflowed(text string, joined bool) string {
	var b strings.Builder
	open, depth := false, 0
	for line := range strings.SplitSeq(plain.LineEnds.Replace(text), "\n") {
		quoted := len(line) - len(strings.TrimLeft(line, ">"))
		marks, line := line[:quoted], strings.TrimPrefix(line[quoted:], " ")
		switch {
		case open && quoted == depth && line != "-- ":
		default:
			if open || b.Len() > 0 {
				b.WriteByte('\n')
			}
			if b.WriteString(marks); quoted > 0 {
				b.WriteByte(' ')
			}
		}
		open, depth = strings.HasSuffix(line, " ") && line != "-- ", quoted
		if open && joined {
			line = strings.TrimSuffix(line, " ")
		}
		b.WriteString(line)
	}
	return b.String()
}

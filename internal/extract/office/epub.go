package office

import (
	"context"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/markup"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// ReadEPUB reads a book (EPUB 2 and 3): its chapters in the order of the spine, each as the HTML page that it is.
func ReadEPUB(ctx context.Context, s document.Source) (*document.Document, error) {
	a, err := openArchive(ctx, s)
	if err != nil {
		return nil, err
	}
	container, err := a.tree("META-INF/container.xml")
	if err != nil {
		return nil, err
	}
	opf := resolve("", container.at("rootfiles", "rootfile").attr("full-path"))
	book, err := a.tree(opf)
	if err != nil {
		return nil, err
	}
	parts := chapters(book, path.Dir(opf))
	if err := refuseEncrypted(a, parts); err != nil {
		return nil, err
	}
	if s.Imports == nil {
		return nil, config.Failf(config.Unsupported, "a book within a document within another is not read")
	}
	names, err := chapterNames(a, book, path.Dir(opf))
	if err != nil {
		return nil, err
	}
	d := &document.Document{Title: plain.PlausibleTitle(book.at("metadata", "title").content())}
	bounds, sheets := document.NewLimit(s.Max), bookSheets{rules: map[string]string{}, left: map[string]bool{}}
	for _, part := range parts {
		data, err := a.bytes(part)
		if err != nil {
			return nil, err
		}
		chapter, err := s.Imports(part, sheets.in(a, part, data))
		if err != nil {
			if err := noteUnread(d, part, err); err != nil {
				return nil, err
			}
			continue
		}
		nameChapter(chapter, names[partKey(part)])
		for _, p := range chapter.Pages {
			if !holdsWords(p.Text) {
				d.Warnings.Add(config.PagesWithoutText, 1, part)
				continue
			}
			if err := bounds.Take(len(p.Text)); err != nil {
				return nil, err
			}
			d.Pages = append(d.Pages, p)
		}
		d.Warnings.Merge(chapter.Warnings)
	}
	d.Warnings.Add(config.PartsIgnored, len(sheets.left), slices.Sorted(maps.Keys(sheets.left))...)
	for _, w := range d.Warnings {
		if w.Reason == config.PagesWithoutText && w.Count*2 > len(parts) {
			return nil, config.Failf(config.NoTextLayer,
				"%d of %d chapters of the book contain no text, only images perhaps; there is no OCR", w.Count, len(parts))
		}
	}
	return document.WithText(d, config.NoTextLayer, "the book contains no text, perhaps only images; there is no OCR")
}

var sheetLink = markup.Lazily(`<link\s[^>]{0,500}?href="([^"]{1,300}\.css)"[^>]{0,500}>`)

// Bounds on the rules of a book's style sheets that are written into its chapters, in bytes.
const (
	maxSheet      = 256 << 10 // of a sheet
	maxSheetRules = 16 << 10  // of one sheet
	maxBookRules  = 16 << 20  // of all chapters together
	maxSheetLinks = 100       // of a chapter
)

// bookSheets are the style sheets of a book, by part: of each the rules that raise or lower text, as figures are in
// books that know no sup. What a sheet hides is often shown by other means, such as a note on its page.
type bookSheets struct {
	rules   map[string]string
	written int             // bytes, into chapters
	left    map[string]bool // the sheets that have too many rules, or come too late
}

// in is a chapter with its sheets' rules in the place of the links to them.
func (b *bookSheets) in(a *archive, chapter string, data []byte) []byte {
	links, linked := 0, map[string]bool{}
	return sheetLink().ReplaceAllFunc(data, func(link []byte) []byte {
		part := resolve(path.Dir(chapter), string(sheetLink().FindSubmatch(link)[1]))
		if links++; links > maxSheetLinks || linked[part] {
			return nil
		}
		linked[part] = true
		rules, read := b.rules[part]
		if !read {
			rules = b.read(a, part)
			b.rules[part] = rules
		}
		if b.written += len(rules); b.written > maxBookRules {
			b.left[part] = true
			return nil
		}
		return []byte(rules)
	})
}

// read is what counts of a style sheet. One that is absent or damaged has no rules.
func (b *bookSheets) read(a *archive, part string) string {
	css, err := a.bytes(part)
	if err != nil {
		return ""
	}
	if len(css) <= maxSheet {
		if rules := scriptRules(string(css)); len(rules) <= maxSheetRules {
			return rules
		}
	}
	b.left[part] = true
	return ""
}

func scriptRules(css string) string {
	var b strings.Builder
	for _, rule := range markup.StyleRule().FindAllStringSubmatch(markup.MediaRule.ReplaceAllString(css, ""), -1) {
		if markup.ScriptIn(rule[2]) != 0 && !strings.ContainsRune(rule[0], '<') {
			b.WriteString("<style>" + rule[0] + "</style>")
		}
	}
	return b.String()
}

var pictureLink = regexp.MustCompile(`!\[\]\([^)]*\)`)

// holdsWords reports whether there is more on a page than pictures.
func holdsWords(text string) bool {
	return strings.ContainsFunc(pictureLink.ReplaceAllString(text, ""), plain.IsFigure)
}

// chapters are the parts of a book in reading order, each once, by however many names the book lists it. The list of
// chapters is a menu, unless there is nothing else.
func chapters(book *node, dir string) []string {
	targets, menus := map[string]string{}, map[string]string{}
	for item := range book.at("manifest").elements("item") {
		isMenu := slices.Contains(strings.Fields(item.attr("properties")), "nav")
		if !isChapter(item.attr("media-type"), item.attr("href")) {
			continue
		}
		kind := targets
		if isMenu {
			kind = menus
		}
		kind[item.attr("id")] = resolve(dir, item.attr("href"))
	}
	if len(targets) == 0 {
		targets = menus
	}
	var parts []string
	seen := map[string]bool{"": true}
	for ref := range book.at("spine").elements("itemref") {
		if part := targets[ref.attr("idref")]; !seen[partKey(part)] {
			seen[partKey(part)] = true
			parts = append(parts, part)
		}
	}
	return parts
}

// isChapter reports whether a part that a book lists holds text: pages, also where their type is wrong, drawings, and
// the books of the DAISY consortium.
func isChapter(mediaType, name string) bool {
	switch mediaType {
	case "image/svg+xml", "application/x-dtbook+xml":
		return true
	}
	extension := strings.ToLower(path.Ext(name))
	return strings.Contains(mediaType, "html") || slices.Contains([]string{".html", ".xhtml", ".htm"}, extension)
}

// refuseEncrypted fails a book whose chapters are locked. Its fonts alone often are.
func refuseEncrypted(a *archive, parts []string) error {
	root, err := a.tree("META-INF/encryption.xml")
	if err != nil {
		return err
	}
	locked := map[string]bool{}
	for reference := range root.descendants("CipherReference") {
		locked[resolve("", reference.attr("URI"))] = true
	}
	for _, part := range parts {
		if locked[part] {
			return config.Failf(config.Encrypted, "the book is locked by digital rights management: use an edition without it")
		}
	}
	return nil
}

// noteUnread warns of a chapter that cannot be read. A page that is only a picture is Malformed to the reader of HTML.
func noteUnread(d *document.Document, part string, err error) error {
	reason, own := config.ReasonOf(err)
	switch {
	case !own:
		return err
	case reason == config.Malformed:
		d.Warnings.Add(config.PagesWithoutText, 1, part)
	default:
		d.Warnings.Add(config.PartsIgnored, 1, part)
	}
	return nil
}

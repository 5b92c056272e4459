package office

import (
	"path"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// chapterNames are the names of a book's chapters in its table of contents, by part: many books draw the names of
// chapters as paragraphs. A part that the table names at several places has none. A damaged table names nothing.
func chapterNames(a *archive, book *node, dir string) (map[string]string, error) {
	names := map[string]string{}
	for item := range book.at("manifest").elements("item") {
		isMenu := slices.Contains(strings.Fields(item.attr("properties")), "nav")
		if !isMenu && item.attr("media-type") != "application/x-dtbncx+xml" {
			continue
		}
		part := resolve(dir, item.attr("href"))
		root, err := a.tree(part)
		if document.IsMalformed(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		listed := map[string]string{}
		root.nameChapters(listed, path.Dir(part))
		for part, name := range listed {
			if _, known := names[part]; !known {
				names[part] = name
			}
		}
	}
	return names, nil
}

// nameChapters notes the names in a table of contents, of EPUB 2 or 3.
func (n *node) nameChapters(names map[string]string, dir string) {
	if n == nil {
		return
	}
	note := func(target, name string) {
		part := partKey(resolve(dir, target))
		if known, ok := names[part]; ok && known != name {
			name = ""
		}
		names[part] = name
	}
	for _, c := range n.children {
		switch c.name {
		case "navPoint":
			note(c.at("content").attr("src"), plain.OneLine(c.at("navLabel").content()))
		case "a":
			note(c.attr("href"), plain.OneLine(c.content()))
		case "nav":
			if kind := c.attr("type"); kind != "" && kind != "toc" { // pages, landmarks
				continue
			}
		case "pageList":
			continue
		}
		c.nameChapters(names, dir)
	}
}

// nameChapter gives a chapter without headings the one that the table of contents has for it.
func nameChapter(d *document.Document, name string) {
	if len(d.Pages) == 0 || name == "" {
		return
	}
	for _, p := range d.Pages {
		if len(p.Headings) > 0 {
			return
		}
	}
	first := &d.Pages[0]
	first.Headings = []document.Heading{{Level: 1, Text: name}}
	line, _, _ := strings.Cut(first.Text, "\n")
	if strings.EqualFold(plain.Fold(strings.Trim(line, "*_ ")), name) {
		return
	}
	head := "# " + name + "\n\n"
	first.Text = head + first.Text
	shift := len([]rune(head))
	for i := range first.Tables {
		t := &first.Tables[i]
		t.Start, t.End = t.Start+shift, t.End+shift
		for k := range t.Rows {
			t.Rows[k] += shift
		}
	}
}

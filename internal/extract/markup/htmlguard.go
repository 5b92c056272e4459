package markup

import (
	"strings"

	"golang.org/x/net/html"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Bounds on a page that the parser does not have. A tag takes some 500 bytes of memory until it is Markdown.
const (
	MaxTags          = 700_000 // of a page
	maxTagAttributes = 100_000
	maxFormatted     = 5_000_000 // tags, each counted with the formatting elements that are open there
	maxTextLevels    = 3 << 30   // bytes of text, each counted with the elements around it
)

// checkTags fails a page of more tags than its tree may have, or with a tag of more attributes. formats reports
// whether the page leaves so many formatting elements open that its tree would be a multiple of it.
func checkTags(page string) (formats bool, err error) {
	var open formatting
	tags, work := 0, 0
	for at := 0; ; {
		i := strings.IndexByte(page[at:], '<')
		if i < 0 || at+i+1 == len(page) {
			return work > maxFormatted, nil
		}
		at += i + 1
		ends := page[at] == '/'
		if c := page[at] | 0x20; !ends && (c < 'a' || c > 'z') {
			continue
		}
		if tags++; tags > MaxTags {
			return false, config.Failf(config.TooComplex, "the HTML page has more than %d tags: split it", MaxTags)
		}
		name := tagName(page[at:])
		open.count(name)
		if !ends {
			work += open.total
		}
		var attributes int
		if attributes, at = tagAttributes(page, at+len(name)); attributes > maxTagAttributes {
			return false, config.Failf(config.TooComplex, "the HTML page has a tag of more than %d attributes: simplify it",
				maxTagAttributes)
		}
	}
}

// formatting counts the open elements that a parser opens again in each block that follows, until they are closed.
type formatting struct {
	open  map[string]int // by name
	total int
}

// formattingTags are the formatting elements of the HTML standard.
var formattingTags = map[string]bool{
	"a": true, "b": true, "big": true, "code": true, "em": true, "font": true, "i": true, "nobr": true, "s": true,
	"small": true, "strike": true, "strong": true, "tt": true, "u": true,
}

// count counts a tag by its name, which begins with a slash where the tag ends an element.
func (f *formatting) count(tag string) {
	name, ends := strings.CutPrefix(tag, "/")
	if len(name) > len("strong") {
		return
	}
	if name = strings.ToLower(name); !formattingTags[name] {
		return
	}
	if f.open == nil {
		f.open = map[string]int{}
	}
	switch {
	case !ends:
		f.open[name]++
		f.total++
	case f.open[name] > 0:
		f.open[name]--
		f.total--
	}
}

// tagName is the name that a tag begins with, and its slash.
func tagName(tag string) string {
	n := min(len(tag), 1)
	for n < len(tag) && !isTagSpace(tag[n]) && tag[n] != '/' && tag[n] != '>' {
		n++
	}
	return tag[:n]
}

func isTagSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' }

// tagAttributes counts the attributes of a tag behind its name, and returns where the tag ends. It reads them as the
// parser does, or a bracket in quotes could hide what follows.
func tagAttributes(page string, at int) (n, end int) {
	for at < len(page) && page[at] != '>' {
		if isTagSpace(page[at]) || page[at] == '/' {
			at++
			continue
		}
		n++
		at = attributeEnd(page, at)
	}
	return n, at
}

func attributeEnd(page string, at int) int {
	at++ // a name may begin with =
	for at < len(page) && !isTagSpace(page[at]) && page[at] != '/' && page[at] != '=' && page[at] != '>' {
		at++
	}
	value := tagSpaceEnd(page, at)
	if value == len(page) || page[value] != '=' {
		return at
	}
	at = tagSpaceEnd(page, value+1)
	if at == len(page) {
		return at
	}
	if quote := page[at]; quote == '"' || quote == '\'' {
		i := strings.IndexByte(page[at+1:], quote)
		if i < 0 {
			return len(page)
		}
		return at + i + 2
	}
	for at < len(page) && !isTagSpace(page[at]) && page[at] != '>' {
		at++
	}
	return at
}

func tagSpaceEnd(page string, at int) int {
	for at < len(page) && isTagSpace(page[at]) {
		at++
	}
	return at
}

// withoutFormatting is a page without its formatting elements. Their text is kept.
func withoutFormatting(page string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	for z.Next() != html.ErrorToken {
		raw := z.Raw()
		if name, _ := z.TagName(); !formattingTags[string(name)] {
			b.Write(raw)
		}
	}
	return b.String()
}

// checkNesting fails a page whose text stands so deep that each look at what an element holds would take too long.
func checkNesting(root *html.Node) error {
	levels := 0
	var visit func(n *html.Node, depth int)
	visit = func(n *html.Node, depth int) {
		if n.Type == html.TextNode {
			levels += len(n.Data) * depth
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			visit(c, depth+1)
		}
	}
	visit(root, 0)
	if levels > maxTextLevels {
		return config.Failf(config.TooComplex, "the HTML page nests its text too deep for its length: split it")
	}
	return nil
}

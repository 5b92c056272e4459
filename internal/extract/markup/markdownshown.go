package markup

import (
	"html"
	"regexp"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// shownMarkdown is Markdown with the characters that entities stand for, and without comments, as a reader sees it.
// Code stays as it is, and so does a text that holds nothing else.
func shownMarkdown(md string) string {
	if !strings.Contains(md, "<!--") && !entity.MatchString(md) || deeplyNested(md) {
		return md
	}
	var b strings.Builder
	from := 0
	_ = ast.Walk(blocks.Parse(text.NewReader([]byte(md))), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering || n.Type() != ast.TypeBlock {
			return ast.WalkContinue, nil
		}
		start, end, ok := shownBlock(n)
		if ok && start >= from && end > start {
			b.WriteString(md[from:start])
			writeShown(&b, md[start:end])
			from = end
		}
		return ast.WalkContinue, nil
	})
	b.WriteString(md[from:])
	if shown := b.String(); strings.TrimSpace(shown) != "" {
		return shown
	}
	return md
}

// shownBlock is where a block stands that is text, not code.
func shownBlock(n ast.Node) (start, end int, ok bool) {
	lines := n.Lines()
	switch n := n.(type) {
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		return 0, 0, false
	case *ast.HTMLBlock:
		if n.HTMLBlockType == ast.HTMLBlockType1 || lines.Len() == 0 { // pre, script, style
			return 0, 0, false
		}
		if n.HasClosure() {
			return lines.At(0).Start, n.ClosureLine.Stop, true
		}
	}
	if lines == nil || lines.Len() == 0 {
		return 0, 0, false
	}
	return lines.At(0).Start, lines.At(lines.Len() - 1).Stop, true
}

// entity is a character by its name or number, anywhere in a text or at its beginning.
var (
	entity      = regexp.MustCompile(entityForm)
	firstEntity = regexp.MustCompile(`^` + entityForm)
)

const entityForm = `&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`

// marks are the characters that mean something in Markdown, and so stay entities.
const marks = "<>|*_`[]\\#~$"

// writeShown writes a block without comments, and with characters for entities, but for spans of code.
func writeShown(b *strings.Builder, s string) {
	endless := false // reports whether no comment ends any more
	for s != "" {
		at := strings.IndexAny(s, "`<&\\")
		if at < 0 {
			break
		}
		b.WriteString(s[:at])
		s = s[at:]
		taken := 1
		shown := s[:1]
		switch {
		case s[0] == '\\' && len(s) > 1:
			taken, shown = 2, s[:2]
		case s[0] == '`':
			taken = codeSpan(s)
			shown = s[:taken]
		case strings.HasPrefix(s, "<!--") && !endless:
			end := strings.Index(s, "-->")
			if endless = end < 0; !endless {
				taken, shown = end+len("-->"), ""
			}
		case s[0] == '&':
			taken, shown = character(s)
		}
		b.WriteString(shown)
		s = s[taken:]
	}
	b.WriteString(s)
}

// character is what the entity stands for that a text begins with, and how long that is.
func character(s string) (taken int, shown string) {
	name := firstEntity.FindString(s)
	if name == "" {
		return 1, s[:1]
	}
	switch shown = html.UnescapeString(name); {
	case strings.ContainsAny(shown, marks):
		shown = name
	case strings.TrimSpace(shown) == "":
		shown = " "
	}
	return len(name), shown
}

// maxTicks is how many backticks open a span of code at most: each number of them is searched for to the block's end.
const maxTicks = 80

// codeSpan is the length of the span of code that a text begins with, or of its backticks if they are not closed.
func codeSpan(s string) int {
	ticks := len(s) - len(strings.TrimLeft(s, "`"))
	for at := ticks; at < len(s) && ticks <= maxTicks; {
		next := strings.IndexByte(s[at:], '`')
		if next < 0 {
			break
		}
		at += next
		n := len(s[at:]) - len(strings.TrimLeft(s[at:], "`"))
		if at += n; n == ticks {
			return at
		}
	}
	return ticks
}

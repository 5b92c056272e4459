package model

import (
	"bytes"
	"strings"
)

const (
	thinkOpen  = "<think>"
	thinkClose = "</think>"

	whiteSpace = " \t\r\n"
)

// thinkStyle is where a model's answers begin, as far as it is known.
type thinkStyle int32

const (
	styleUnknown  thinkStyle = iota // no answer has shown it yet
	styleExplicit                   // answers begin as text, or open their own blocks
	styleImplicit                   // the prompt template opens a block, so that an answer only closes it
)

// thinkFilter cuts <think> blocks out of an answer that comes in pieces, where a tag may be cut in
// two. It holds back what may still become a tag. A block that never closes is dropped when the
// answer began with it, for then the model ran out of tokens while thinking; further on it is text
// that mentions the tag.
type thinkFilter struct {
	buf      []byte     // not decided yet
	searched int        // of buf, when inside: no closing tag begins before it
	space    string     // white space before the first text, shown only when no block was cut there
	style    thinkStyle // is what was known of the model at the beginning of the answer
	inside   bool       // buf is within a block
	assumed  bool       // inside only because the model's answers begin so, or may
	cut      bool       // a block was cut
	shown    bool       // there has been text
	unopened bool       // a block was closed that nothing opened
}

// thinking makes a filter for one answer. Until a first answer has told where this model's answers
// begin, nothing is shown of one before its block closes or it ends: what looks like an answer may
// be reasoning.
func (c *Chat) thinking() *thinkFilter {
	style := thinkStyle(c.thinkStyle.Load())
	held := style != styleExplicit
	return &thinkFilter{style: style, inside: held, assumed: held}
}

// conclude ends an answer: it learns where answers begin, and returns what is left to show. An
// answer that was stopped, by a limit or by the caller's stop texts, tells nothing by a block that
// it does not close; of a model that is known to begin within one it is all reasoning.
func (c *Chat) conclude(f *thinkFilter, stopped bool) string {
	switch {
	case f.unopened:
		c.thinkStyle.Store(int32(styleImplicit))
	case !stopped:
		c.thinkStyle.Store(int32(styleExplicit))
	case f.assumed && f.style == styleImplicit:
		return ""
	}
	return f.flush()
}

// withoutThinking cuts the blocks out of a whole answer. Unlike a stream's beginning, which may
// have been shown by then, all that stands before an unopened block's end is cut as well.
func (c *Chat) withoutThinking(answer string, stopped bool) string {
	f := c.thinking()
	content := f.push(answer) + c.conclude(f, stopped)
	if f.unopened && f.style == styleExplicit {
		f = &thinkFilter{inside: true, assumed: true}
		content = f.push(answer) + f.flush()
	}
	return content
}

// push takes the next piece and returns what can be shown by now.
func (f *thinkFilter) push(piece string) string {
	f.buf = append(f.buf, piece...)
	var out strings.Builder
	for {
		if f.inside {
			if !f.leave() {
				return out.String()
			}
			continue
		}
		at, tag := findTag(f.buf)
		out.WriteString(f.show(string(f.buf[:at])))
		f.buf = f.buf[at+len(tag):]
		switch tag {
		case "":
			return out.String()
		case thinkOpen:
			f.inside = true
		case thinkClose:
			f.unopened = true
		}
	}
}

// leave drops the block that buf is within, if its end has come.
func (f *thinkFilter) leave() bool {
	if f.assumed && bytes.HasPrefix(bytes.TrimLeft(f.buf, whiteSpace), []byte(thinkOpen)) {
		f.assumed = false // the answer opens its block itself
	}
	i := bytes.Index(f.buf[f.searched:], []byte(thinkClose))
	if i < 0 {
		f.searched = max(0, len(f.buf)-len(thinkClose)+1)
		return false
	}
	f.buf = f.buf[f.searched+i+len(thinkClose):]
	f.unopened = f.unopened || f.assumed
	f.searched, f.inside, f.assumed, f.cut = 0, false, false, true
	return true
}

// flush returns what is left when the answer is complete.
func (f *thinkFilter) flush() string {
	rest := string(f.buf)
	switch {
	case !f.inside, f.assumed:
		return f.show(rest)
	case f.shown:
		return f.show(thinkOpen + rest)
	}
	return ""
}

// show passes text on, less the white space that a block at the beginning leaves behind.
func (f *thinkFilter) show(text string) string {
	if f.shown {
		return text
	}
	trimmed := strings.TrimLeft(text, whiteSpace)
	if trimmed == "" {
		f.space += text
		return ""
	}
	f.shown = true
	if f.cut {
		return trimmed
	}
	return f.space + text
}

// findTag returns where the first tag begins, or what may become one, or else the end.
func findTag(b []byte) (at int, tag string) {
	for at < len(b) {
		i := bytes.IndexByte(b[at:], '<')
		if i < 0 {
			return len(b), ""
		}
		at += i
		for _, tag := range []string{thinkOpen, thinkClose} {
			if bytes.HasPrefix(b[at:], []byte(tag)) {
				return at, tag
			}
			if strings.HasPrefix(tag, string(b[at:])) {
				return at, ""
			}
		}
		at++
	}
	return at, ""
}

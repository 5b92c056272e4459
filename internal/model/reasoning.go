package model

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const whiteSpace = " \t\r\n"

// thinkStyle is where a model's answers begin, as far as it is known. Only the answers to the
// client's own probes tell, so that no caller's answer changes another's.
type thinkStyle int32

const (
	styleUnknown  thinkStyle = iota
	styleExplicit            // answers begin as text, or open their own blocks
	styleImplicit            // the chat template opens a block, so that an answer only closes it
)

// thinkFilter cuts reasoning out of an answer that comes in pieces, where a mark may be cut in two.
// However an answer is cut into pieces, the result is the same. It holds back what may still become
// a mark, and leaves alone a mark that is only spoken of: one within code, between quotation marks,
// or used as a word of a sentence.
type thinkFilter struct {
	style thinkStyle
	buf   []byte // is not decided yet
	before
	ticks int // is the number of backticks that opened the code being read; 0 outside of code

	// holding reports whether text goes to held, because it may turn out to be reasoning: the answer
	// may close a block that the chat template has opened.
	holding bool
	held    strings.Builder

	open     *span // is the block that buf is within; nil outside
	opening  string
	asWord   bool     // reports whether the opening mark looks like a word of a sentence
	within   bool     // reports whether it stands within a line
	words    bool     // reports whether it is one of preludes
	searched int      // of buf, in a block: no mark of its span begins before it
	doubtful location // is a closing mark that may be spoken of
	nested   nesting

	space    string // is white space before the first text, shown only when no block was cut there
	shown    bool   // reports whether text was passed on
	cut      bool   // reports whether reasoning was cut
	unopened bool   // reports whether a block was closed that nothing opened
	wrapped  bool   // reports whether the answer stands between wrappers
}

// newThinkFilter makes a filter for one answer. A whole answer is held back to its end. So is a
// streamed one, until its reasoning ends, unless it is known that answers begin as text.
func newThinkFilter(style thinkStyle, whole bool) *thinkFilter {
	return &thinkFilter{style: style, holding: whole || style != styleExplicit, before: before{blank: true}}
}

// WithoutReasoning is an answer without the reasoning in its text. Turns of an assistant may come from a client
// that keeps what another server has sent; their templates do not take it either.
func WithoutReasoning(answer string) string {
	if !slices.ContainsFunc(spans, func(s span) bool {
		return strings.Contains(answer, s.open) || strings.Contains(answer, s.close)
	}) {
		return answer // the filter looks at each code point, which takes long for a long conversation
	}
	f := newThinkFilter(styleExplicit, true)
	return f.push(answer) + f.flush(false)
}

// push takes the next piece and returns what can be shown by now.
func (f *thinkFilter) push(piece string) string {
	f.buf = append(f.buf, piece...)
	return f.pass(false, false)
}

// flush returns what is left when the answer has ended. stopped reports whether it may have ended
// before the model was done: then a block that is not closed is reasoning.
func (f *thinkFilter) flush(stopped bool) string {
	out := f.pass(true, stopped)
	if !f.holding {
		return out
	}
	f.holding = false
	if stopped && f.style == styleImplicit {
		f.cut = true
		return ""
	}
	return f.show(f.held.String())
}

func (f *thinkFilter) pass(ended, stopped bool) string {
	var out strings.Builder
	for {
		if f.open != nil {
			if !f.leave(&out, ended, stopped) {
				return out.String()
			}
		} else if !f.read(&out, ended) {
			return out.String()
		}
	}
}

// read passes text on up to the next mark, and acts on that. It returns false where more must come.
func (f *thinkFilter) read(out *strings.Builder, ended bool) bool {
	i := 0
	for i < len(f.buf) {
		m, size := f.markAt(f.buf[i:], ended)
		if size == 0 {
			f.emit(out, f.buf[:i])
			f.buf = f.buf[i:]
			return false
		}
		if m.kind != noMark {
			f.emit(out, f.buf[:i])
			f.act(m, f.buf[i:i+size], f.buf[i+size:], ended)
			f.buf = f.buf[i+size:]
			return true
		}
		for _, r := range string(f.buf[i : i+size]) {
			f.see(r)
		}
		i += size
	}
	f.emit(out, f.buf)
	f.buf = f.buf[:0]
	return false
}

// markAt returns the mark that b begins with, or else what to pass on as text. The size is 0 where
// more must come.
func (f *thinkFilter) markAt(b []byte, ended bool) (mark, int) {
	if !utf8.FullRune(b) && !ended {
		return mark{}, 0
	}
	_, size := utf8.DecodeRune(b)
	switch {
	case b[0] == '`':
		return mark{}, f.backticks(b, ended)
	case b[0] == '\n' && f.ticks < 3:
		f.ticks = 0 // code between one or two backticks does not go beyond its line
		return mark{}, size
	case f.ticks > 0 || len(marksFrom[b[0]]) == 0:
		return mark{}, size
	}
	waits := false
	for _, m := range marksFrom[b[0]] {
		size, part := matchMark(b, m.text, m.tag)
		if size == 0 && !part || !f.mayStand(&m) {
			continue
		}
		next := undecided
		if size > 0 {
			next = following(b[size:], ended)
		}
		if next == undecided {
			waits = waits || !ended
			continue
		}
		if f.counts(&m, next) {
			return m, size
		}
	}
	if waits {
		return mark{}, 0
	}
	return mark{}, size
}

// backticks reads a run of them, which begins or ends code.
func (f *thinkFilter) backticks(b []byte, ended bool) (size int) {
	run := len(b) - len(bytes.TrimLeft(b, "`"))
	if run == len(b) && !ended {
		return 0
	}
	switch {
	case f.style == styleImplicit && f.holding: // this is reasoning, which need not balance them
	case f.ticks == 0:
		f.ticks = run
	case f.ticks == run:
		f.ticks = 0
	}
	return run
}

// mayStand reports whether such a mark can stand at this place of an answer.
func (f *thinkFilter) mayStand(m *mark) bool {
	switch {
	case m.prelude:
		return !f.text
	case m.kind == wraps:
		return !f.text && (f.cut || strings.HasPrefix(m.text, "<|"))
	case m.kind == unwraps:
		return f.wrapped
	}
	return true
}

// counts reports whether m marks, and is not only spoken of.
func (f *thinkFilter) counts(m *mark, next neighbour) bool {
	switch {
	case m.kind == wraps || m.kind == unwraps:
		return true
	case m.prelude && m.span == &preludes[0]:
		return next == glued
	}
	switch f.judge(m.kind, next) {
	case meant:
		return true
	case perhaps:
		return f.style == styleImplicit && f.holding
	}
	return false
}

// act does what a mark asks for, which is written as text and followed by rest.
func (f *thinkFilter) act(m mark, text, rest []byte, ended bool) {
	switch m.kind {
	case opens:
		if bytes.HasSuffix(text, []byte("/>")) { // the block is empty
			f.cut = true
			return
		}
		next := following(rest, ended)
		f.words = m.prelude
		f.open, f.opening, f.doubtful, f.searched, f.nested = m.span, string(text), location{}, 0, nesting{}
		f.asWord = next == spaced || next == punctuation
		f.within = f.text && !f.blank
	case closes:
		f.unopened = true
		if f.holding {
			f.held.Reset()
			f.holding, f.before = false, before{blank: true}
		}
		f.ticks, f.cut = 0, true
	case wraps:
		f.wrapped = true
	}
}

// leave drops the block that buf is within, if its end has come. It returns false where more must
// come.
func (f *thinkFilter) leave(out *strings.Builder, ended, stopped bool) bool {
	for {
		at, closing := f.nextMark()
		if at.size == 0 && !ended {
			f.searched = at.start
			return false
		}
		if at.size == 0 { // there is none, or half a mark at the end
			break
		}
		next := following(f.buf[at.start+at.size:], ended)
		if next == undecided {
			f.searched = at.start
			return false
		}
		f.searched = at.start + 1
		context := contextOf(f.buf[:at.start])
		switch judged := context.judge(closes, next); {
		case !closing:
			f.nested.open(f.buf[:at.start], f.buf[at.start:at.start+at.size], context, next)
		case judged == spoken:
		case f.nested.close(at):
		case judged == meant:
			f.closeAt(out, at)
			return true
		case f.doubtful.size == 0:
			f.doubtful = at
		}
	}
	f.leaveAtEnd(out, stopped)
	return true
}

// contextOf returns what stands before a mark that ends a block. An empty block counts as text, so
// that its end is one.
func contextOf(block []byte) before {
	b := before{blank: true, text: true}
	line := bytes.TrimRightFunc(block, func(r rune) bool { return unicode.IsSpace(r) && r != '\n' && r != '\r' })
	b.blank = len(line) == 0 || line[len(line)-1] == '\n' || line[len(line)-1] == '\r'
	for _, r := range string(block[max(0, len(block)-2*utf8.UTFMax):]) {
		b.first, b.last = b.last, r
	}
	return b
}

// closeAt ends the block before its closing mark, unless both marks are spoken of: one
// and the other, or a pair within a line that holds no word, such as <think>...</think>.
func (f *thinkFilter) closeAt(out *strings.Builder, at location) {
	block := strings.TrimSpace(string(f.buf[:at.start]))
	end := at.start + at.size
	isWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	if f.within && !strings.ContainsFunc(block, isWord) || f.asWord && (block == "and" || block == "or") {
		f.literal(out, f.opening+string(f.buf[:end]))
	} else {
		f.cut, f.wrapped = true, f.wrapped || f.open.close == aprielFinal
		f.release(out)
	}
	f.buf, f.open = f.buf[end:], nil
}

// literal passes marks on as text.
func (f *thinkFilter) literal(out *strings.Builder, text string) {
	f.emit(out, []byte(text))
	for _, r := range text {
		f.see(r)
	}
}

// release passes on what was held back: the answer opens its blocks itself. Behind other text, the block may be
// nested in one that the chat template has opened.
func (f *thinkFilter) release(out *strings.Builder) {
	if !f.holding || strings.TrimSpace(f.held.String()) != "" {
		return
	}
	f.holding = false
	out.WriteString(f.show(f.held.String()))
	f.held.Reset()
}

func (f *thinkFilter) emit(out *strings.Builder, text []byte) {
	if f.holding {
		f.held.Write(text)
		return
	}
	out.WriteString(f.show(string(text)))
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

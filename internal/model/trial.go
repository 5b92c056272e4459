package model

import "bytes"

// trial is one request of the search for the form in which a server takes it.
type trial struct {
	chat    *Chat
	request *ChatRequest
	stream  bool
	known   form // is that of the first request
	form    form
	body    []byte
	tried   uint32  // has the lessons that have been tried, a bit each
	useless dialect // has the ways that did not help
}

// first is the request in the server's dialect, as far as that is known.
func (c *Chat) first(r *ChatRequest, stream bool) (*trial, error) {
	f := form{dialect(c.dialect.Load()), int(c.longest.Load())}
	body, err := c.body(r, stream, f)
	return &trial{chat: c, request: r, stream: stream, known: f, form: f, body: body}, err
}

// next returns the request that the refusal asks for, or nil if no lesson is left that changes it. The
// refusal also tells which ways did not help: those that it still asks for. If no way helps by itself,
// the last request has them all.
func (t *trial) next(said refusalText) *trial {
	kept, useless := t.form, t.useless
	for _, l := range lessons {
		if added := l.way & kept.dialect &^ t.known.dialect; added != 0 && l.taught(said) {
			kept.dialect &^= added
			useless |= added
		}
	}
	for i, l := range lessons {
		if t.tried&(1<<i) != 0 || kept.dialect&l.way == l.way || !l.taught(said) {
			continue
		}
		if next := t.in(form{kept.dialect | l.way, kept.longest}); next != nil {
			next.tried, next.useless = t.tried|1<<i, useless
			return next
		}
	}
	if limit := said.answerLimit(kept.atMost(t.request.MaxTokens)); limit > 0 {
		if next := t.in(form{kept.dialect, limit}); next != nil {
			next.useless = useless
			return next
		}
	}
	if all := kept.dialect | useless; all != t.form.dialect {
		next := t.in(form{all, kept.longest})
		if next != nil {
			next.tried = ^uint32(0)
		}
		return next
	}
	return nil
}

// in is the request in another form, or nil if that changes nothing.
func (t *trial) in(f form) *trial {
	body, err := t.chat.body(t.request, t.stream, f)
	if err != nil || bytes.Equal(body, t.body) {
		return nil
	}
	next := *t
	next.form, next.body = f, body
	return &next
}

// needed is the form without the ways that make no difference to the request.
func (t *trial) needed() form {
	f := t.form
	for way := dialect(1); way <= f.dialect; way <<= 1 {
		less := form{f.dialect &^ way, f.longest}
		if f.dialect&way == 0 || t.known.dialect&way != 0 {
			continue
		}
		if body, err := t.chat.body(t.request, t.stream, less); err == nil && bytes.Equal(body, t.body) {
			f = less
		}
	}
	return f
}

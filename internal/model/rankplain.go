package model

import (
	"bytes"
	"strconv"
)

// maxPlainRest is how many bytes may follow the list of an answer that is read without the library.
const maxPlainRest = 4096

// readPlain reads the list that an answer begins with, if it is one of numbers alone, as a NIM sends it:
//
//	{"rankings":[{"index":0,"logit":-1.5},{"index":1,"logit":2.25}],
//
// It returns the object without it, or an answer that begins otherwise, for the library. That takes six times as long
// for such a list, a twentieth of a question.
func (r *rankingReply) readPlain(answer []byte) (rest []byte) {
	p := plainJSON{answer, true}
	p.takes('{')
	list := &r.Rankings
	if name := p.name(); string(name) == "results" {
		list = &r.Results
	} else if string(name) != "rankings" {
		return answer
	}
	p.takes('[')
	items := make([]rankingItem, 0, min(bytes.Count(answer, []byte{'{'}), maxPassages))
	for more := true; more && p.ok; more = p.has(',') {
		items = append(items, p.item())
	}
	p.takes(']')
	followed := p.has(',')
	if !p.ok || followed != (p.next() == '"') || len(p.left) > maxPlainRest {
		return answer
	}
	*list = items
	return append([]byte{'{'}, p.left...)
}

// plainJSON reads JSON of objects, names without escapes, and numbers.
type plainJSON struct {
	left []byte
	ok   bool // is false from the first thing on that is something else
}

// next is what follows, white space aside; 0 at the end.
func (p *plainJSON) next() byte {
	for len(p.left) > 0 {
		switch c := p.left[0]; c {
		case ' ', '\n', '\t', '\r':
			p.left = p.left[1:]
		default:
			return c
		}
	}
	return 0
}

// has takes the sign if it follows.
func (p *plainJSON) has(sign byte) bool {
	if p.next() != sign {
		return false
	}
	p.left = p.left[1:]
	return true
}

func (p *plainJSON) takes(sign byte) { p.ok = p.has(sign) && p.ok }

// name takes a member's name and its colon.
func (p *plainJSON) name() []byte {
	p.takes('"')
	end := bytes.IndexByte(p.left, '"')
	if end < 0 || bytes.IndexByte(p.left[:end], '\\') >= 0 {
		p.ok = false
		return nil
	}
	name := p.left[:end]
	p.left = p.left[end+1:]
	p.takes(':')
	return name
}

func (p *plainJSON) item() (i rankingItem) {
	p.takes('{')
	for more := true; more && p.ok; more = p.has(',') {
		switch string(p.name()) {
		case "index":
			i.Index = p.number()
		case "logit":
			i.Logit = p.number()
		case "relevance_score":
			i.Relevance = p.number()
		case "score":
			i.Score = p.number()
		default:
			p.ok = false
		}
	}
	p.takes('}')
	return i
}

func (p *plainJSON) number() numeral {
	p.next()
	n := lengthOfNumber(p.left)
	value, err := strconv.ParseFloat(string(p.left[:n]), 64)
	p.left, p.ok = p.left[n:], p.ok && err == nil
	return numeral{value: value, given: true}
}

// lengthOfNumber is how many bytes of b are a number (RFC 8259); 0 if it does not begin with one.
func lengthOfNumber(b []byte) int {
	at := func(i int) byte {
		if i < len(b) {
			return b[i]
		}
		return 0
	}
	digits := func(i int) int {
		for '0' <= at(i) && at(i) <= '9' {
			i++
		}
		return i
	}
	first := 0
	if at(0) == '-' {
		first = 1
	}
	end := digits(first)
	if end == first || at(first) == '0' && end > first+1 {
		return 0
	}
	if at(end) == '.' {
		fraction := end + 1
		if end = digits(fraction); end == fraction {
			return 0
		}
	}
	if at(end)|0x20 == 'e' {
		exponent := end + 1
		if at(exponent) == '+' || at(exponent) == '-' {
			exponent++
		}
		if end = digits(exponent); end == exponent {
			return 0
		}
	}
	return end
}

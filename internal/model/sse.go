package model

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

const (
	maxLine   = 1 << 20  // bytes of one line of a stream
	maxStream = 32 << 20 // bytes of a whole one
)

var (
	errLineTooLong   = errors.New("a line of its stream is too long")
	errStreamTooLong = errors.New("its stream is too long")
)

// sseReader reads server-sent events (WHATWG HTML, 9.2), of which only the data matters here. Lines
// end in LF, CR or CRLF; comments, other fields, a byte order mark and a missing space after the
// colon are fine, and so is a last event without its blank line.
type sseReader struct {
	in     *bufio.Reader
	data   []byte
	long   []byte // a line that came in several parts
	afterC bool   // the last line ended in CR, so that a LF belongs to it
	first  bool
	total  int
	// failed reports whether the last event is named error. llama.cpp once had a field of that name instead.
	failed bool
	// other has what came before the first event and is not one: the beginning of an error or a web page, by a
	// server that has forgotten to stream it.
	other []byte
	begun bool // reports whether an event has come
}

func newSSEReader(r io.Reader) *sseReader {
	return &sseReader{in: bufio.NewReaderSize(r, 4096), first: true}
}

// next returns the data of the next event that has any; it is valid until the following call. The
// error is io.EOF at the end, errLineTooLong, errStreamTooLong, or the connection's.
func (s *sseReader) next() ([]byte, error) {
	s.data, s.failed = s.data[:0], false
	has := false
	for {
		line, err := s.line()
		switch {
		case errors.Is(err, io.EOF) && has:
			return s.data, nil
		case err != nil:
			return nil, err
		case len(line) == 0 && has:
			return s.data, nil
		}
		value, ok := dataOf(line)
		if value, named := bytes.CutPrefix(line, []byte("event:")); named {
			s.failed = string(bytes.TrimSpace(value)) == "error"
		} else if value, named := bytes.CutPrefix(line, []byte("error:")); named {
			s.failed = true
			return append(s.data, value...), nil
		}
		if !ok {
			s.keep(line)
			continue
		}
		s.begun = true
		if has {
			s.data = append(s.data, '\n')
		}
		s.data = append(s.data, value...)
		has = true
	}
}

// keep keeps a line that is not of an event, up to maxErrorBody in all.
func (s *sseReader) keep(line []byte) {
	if !s.begun && len(line) > 0 && line[0] != ':' && len(s.other) < maxErrorBody {
		s.other = append(append(s.other, line...), '\n')
	}
}

// dataOf returns the value of a data line.
func dataOf(line []byte) ([]byte, bool) {
	value, ok := bytes.CutPrefix(line, []byte("data:"))
	if !ok {
		return nil, string(line) == "data"
	}
	return bytes.TrimPrefix(value, []byte(" ")), true
}

// line returns the next line without its end. At the end of the stream a last line without one
// counts.
func (s *sseReader) line() ([]byte, error) {
	s.long = s.long[:0]
	for {
		part, complete, err := s.part()
		s.total += len(part) + 1
		switch {
		case errors.Is(err, io.EOF) && len(s.long) > 0:
			return s.unmark(s.long), nil
		case err != nil:
			return nil, err
		case s.total > maxStream:
			return nil, errStreamTooLong
		case len(s.long)+len(part) > maxLine:
			return nil, errLineTooLong
		case complete && len(s.long) == 0:
			return s.unmark(part), nil
		}
		s.long = append(s.long, part...)
		if complete {
			return s.unmark(s.long), nil
		}
	}
}

// part returns what is buffered of the line, and whether that is the rest of it. It reads only when
// nothing is buffered; the result is valid until it does.
func (s *sseReader) part() (part []byte, complete bool, err error) {
	if _, err := s.in.Peek(1); err != nil {
		return nil, false, err
	}
	buffered, _ := s.in.Peek(s.in.Buffered())
	if s.afterC && buffered[0] == '\n' {
		s.in.Discard(1)
		buffered = buffered[1:]
	}
	s.afterC = false
	end := bytes.IndexAny(buffered, "\r\n")
	if end < 0 {
		s.in.Discard(len(buffered))
		return buffered, false, nil
	}
	s.afterC = buffered[end] == '\r'
	s.in.Discard(end + 1)
	return buffered[:end], true, nil
}

// unmark drops the byte order mark of the first line.
func (s *sseReader) unmark(line []byte) []byte {
	if s.first {
		s.first = false
		return bytes.TrimPrefix(line, []byte("\xEF\xBB\xBF"))
	}
	return line
}

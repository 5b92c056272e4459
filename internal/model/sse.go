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

// sseReader reads server-sent events (WHATWG HTML, 9.2), of which only the data matters here. Lines end in LF,
// CR or CRLF; comments, other fields, a byte order mark and a missing space after the colon are fine, and
// so is a last event without its blank line.
type sseReader struct {
	in     *bufio.Reader
	data   []byte
	afterC bool // the last line ended in CR, so that a LF belongs to it
	first  bool
	total  int
}

func newSSEReader(r io.Reader) *sseReader {
	return &sseReader{in: bufio.NewReaderSize(r, 4096), first: true}
}

// next returns the data of the next event that has any; it is valid until the following call. The error is
// io.EOF at the end, errLineTooLong, errStreamTooLong, or the connection's.
func (s *sseReader) next() ([]byte, error) {
	s.data = s.data[:0]
	has := false
	for {
		line, err := s.line()
		switch {
		case err == io.EOF && has:
			return s.data, nil
		case err != nil:
			return nil, err
		case len(line) == 0 && has:
			return s.data, nil
		}
		value, ok := dataOf(line)
		if !ok {
			continue
		}
		if has {
			s.data = append(s.data, '\n')
		}
		s.data = append(s.data, value...)
		has = true
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

// line returns the next line without its end. At the end of the stream a last line without one counts.
func (s *sseReader) line() ([]byte, error) {
	var line []byte
	for {
		part, err := s.part()
		s.total += len(part)
		switch {
		case s.total > maxStream:
			return nil, errStreamTooLong
		case len(line)+len(part) > maxLine:
			return nil, errLineTooLong
		}
		complete := len(part) > 0 && (part[len(part)-1] == '\n' || part[len(part)-1] == '\r')
		if complete {
			s.afterC = part[len(part)-1] == '\r'
			part = part[:len(part)-1]
		}
		if line == nil {
			line = part // within the buffer until the next read
		} else {
			line = append(line, part...)
		}
		switch {
		case complete, err == io.EOF && len(line) > 0:
			return s.unmark(line), nil
		case err != nil:
			return nil, err
		}
		line = bytes.Clone(line)
	}
}

// part returns what is buffered up to and with the next line end, or all of it, and reads only when nothing is.
func (s *sseReader) part() ([]byte, error) {
	if _, err := s.in.Peek(1); err != nil {
		return nil, err
	}
	buffered, _ := s.in.Peek(s.in.Buffered())
	if s.afterC {
		s.afterC = false
		if buffered[0] == '\n' {
			s.in.Discard(1)
			return nil, nil
		}
	}
	n := len(buffered)
	if i := bytes.IndexAny(buffered, "\r\n"); i >= 0 {
		n = i + 1
	}
	s.in.Discard(n)
	return buffered[:n], nil
}

// unmark drops the byte order mark of the first line.
func (s *sseReader) unmark(line []byte) []byte {
	if s.first {
		s.first = false
		return bytes.TrimPrefix(line, []byte("\xEF\xBB\xBF"))
	}
	return line
}

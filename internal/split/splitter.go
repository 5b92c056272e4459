package split

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Chunk is a part of a text.
type Chunk struct {
	Text string
	// Start and End are the chunk's place in the text in code points: Text is text[Start:End]. In a later part of a
	// table the caption and the names of the columns stand in front of that.
	Start, End int
}

// Splitter cuts texts into chunks. It may be used by several goroutines at once.
type Splitter struct {
	size, overlap int
	tokens        *tokens // nil when sizes count code points
}

// New makes a Splitter. The size must be positive, and the overlap at least 0 and less than the size; no unit
// means Characters. The vocabulary is loaded by the first Splitter that counts Tokens.
func New(c config.Chunking) (*Splitter, error) {
	if c.Size <= 0 {
		return nil, fmt.Errorf("chunking size is %d: it must be positive", c.Size)
	}
	if c.Overlap < 0 || c.Overlap >= c.Size {
		return nil, fmt.Errorf("chunking overlap is %d: it must be at least 0 and less than the size, which is %d",
			c.Overlap, c.Size)
	}
	s := &Splitter{size: c.Size, overlap: c.Overlap}
	switch c.Unit {
	case config.Characters, "":
	case config.Tokens:
		s.tokens = cl100k()
	default:
		return nil, fmt.Errorf("chunking unit is %q: it must be %s or %s", c.Unit, config.Characters, config.Tokens)
	}
	return s, nil
}

// ErrTooMany means that a text has more chunks than it may have.
var ErrTooMany = errors.New("too many chunks")

// Split returns the chunks of text, in which tables stand in order. Neither Start nor End ever descends from one to
// the next. No chunk is larger than the size, unless a single code point is (in Tokens, a rare one can be up to four).
//
// In text that is not valid UTF-8 each byte that belongs to no character counts as one code point, as when
// ranging over a string.
func (s *Splitter) Split(text string, tables ...Table) []Chunk {
	chunks, _ := s.SplitWithin(context.Background(), math.MaxInt, text, tables...)
	return chunks
}

// SplitWithin is Split for a text of at most so many chunks. It fails with ErrTooMany as soon as there are more, and
// with the error of ctx when that ends: a small table of short cells and long names may have millions of chunks, and
// counting tokens takes long.
func (s *Splitter) SplitWithin(ctx context.Context, most int, text string, tables ...Table) ([]Chunk, error) {
	if text == "" {
		return nil, ctx.Err()
	}
	r := run{
		Splitter: s,
		ctx:      ctx,
		most:     most,
		text:     text,
		window:   window{pieces: make([]piece, 0, 32)},
		// Enough for most texts: the overlap makes chunks more than this, separators can double them.
		chunks: make([]Chunk, 0, min(len(text)/s.size, most)+1),
	}
	if s.tokens != nil && most < math.MaxInt/2 {
		r.most = 2 * most // some of them lie within others
	}
	r.split(tables)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.tokens != nil && !r.full() {
		r.chunks = outermost(r.chunks)
	}
	if len(r.chunks) > most {
		return nil, ErrTooMany
	}
	return r.chunks, nil
}

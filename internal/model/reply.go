package model

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// maxReply bounds one answer: 32 vectors of 4,096 dimensions, as numbers of 20 characters, are 2.6 MB.
const maxReply = 32 << 20

var errTooLarge = errors.New("it is too large")

// replies are buffers for whole answers. What is parsed out of them is always copied.
var replies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// whole makes a call's read function of one that parses the whole answer. An error of parse that is no *Error
// says why the answer is config.ModelBroken.
func (c *client) whole(parse func(answer []byte) error) func(context.Context, *reply) error {
	return func(_ context.Context, resp *reply) error {
		buf := replies.Get().(*bytes.Buffer)
		buf.Reset()
		defer func() {
			if buf.Cap() <= 1<<20 {
				replies.Put(buf)
			}
		}()
		n, err := buf.ReadFrom(io.LimitReader(resp.Body, maxReply+1))
		if err != nil {
			return &readError{err}
		}
		if n > maxReply {
			return c.fail(config.ModelBroken, errTooLarge)
		}
		err = parse(buf.Bytes())
		if _, own := errors.AsType[*Error](err); err == nil || own {
			return err
		}
		return c.fail(config.ModelBroken, err)
	}
}

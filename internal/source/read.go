package source

import (
	"context"
	"errors"
	"io"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// attempts is how often a document that changes under the reader is read: a file that is replaced now and then
// is caught whole at the second attempt, one that is written to without pause is not caught at all.
const attempts = 3

// Read returns the document's bytes, at most max of them.
//
// What stands in the document's own way is a config.DocumentError: TooLarge, without reading where the listed
// size says so already; Changed when no attempt got one version whole; Unreadable otherwise. Any other error is
// ctx's.
func Read(ctx context.Context, s Source, entry Entry, max int64) ([]byte, error) {
	if entry.Size > max {
		return nil, tooLarge(entry.Size, max)
	}
	for range attempts {
		data, err := readOnce(ctx, s, entry, max)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, ErrChanged):
			continue
		case err == nil:
			return data, nil
		}
		if _, own := config.ReasonOf(err); own {
			return nil, err
		}
		return nil, config.Failf(config.Unreadable, "it cannot be read: %w", err)
	}
	return nil, config.Failf(config.Changed, "%w, %d times; it is read again at the next run", ErrChanged, attempts)
}

func readOnce(ctx context.Context, s Source, entry Entry, max int64) ([]byte, error) {
	r, err := s.Open(ctx, entry)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	// One byte more than listed lets the last Read see the end without growing the slice.
	data := make([]byte, 0, entry.Size+1)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := r.Read(data[len(data):min(cap(data), len(data)+readAtOnce)])
		data = data[:len(data)+n]
		if int64(len(data)) > max {
			return nil, tooLarge(int64(len(data)), max)
		}
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
	}
}

// readAtOnce is how many bytes are read between two looks at the context.
const readAtOnce = 1 << 20

func tooLarge(size, max int64) error {
	return config.Failf(config.TooLarge, "it has %d bytes or more, the limit is %d; split it, or exclude it", size, max)
}

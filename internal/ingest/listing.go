package ingest

import (
	"bufio"
	"context"
	"encoding/gob"
	"fmt"
	"os"

	"github.com/ragpipeline/ragpipeline/internal/source"
)

// listing is what a source listed at the start of a run. The run asks the source once, and reads the entries as often
// as it needs them: first it counts them, and then it walks them beside the ledger. They are in a temporary file
// without a name, so that the memory which they take does not grow with the corpus.
type listing struct {
	file    *os.File
	entries int
	mine    int   // of them are to be done by this process
	err     error // why the listing is incomplete; nil if it is whole
}

// record has list, which is source.Source.List or does as it does, list documents. The error is that of the file; that
// of list is the listing's.
func record(
	ctx context.Context, list func(context.Context, func(source.Entry) bool) error, mine func(path string) bool,
) (l *listing, err error) {
	file, err := os.CreateTemp("", "listing-*")
	if err != nil {
		return nil, err
	}
	l = &listing{file: file}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if err := os.Remove(file.Name()); err != nil {
		return nil, err
	}
	buffer := bufio.NewWriter(file)
	encoder := gob.NewEncoder(buffer)
	l.err = list(ctx, func(e source.Entry) bool {
		if err = encoder.Encode(e); err != nil {
			return false
		}
		if l.entries++; mine(e.Path) {
			l.mine++
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return l, buffer.Flush()
}

// list calls yield for every entry until it returns false, as source.Source.List does.
func (l *listing) list(ctx context.Context, yield func(source.Entry) bool) error {
	if _, err := l.file.Seek(0, 0); err != nil {
		return err
	}
	decoder := gob.NewDecoder(bufio.NewReader(l.file))
	for range l.entries {
		var e source.Entry
		if err := decoder.Decode(&e); err != nil {
			return fmt.Errorf("its listing cannot be read back from the temporary file: %w", err)
		}
		if !yield(e) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return l.err
}

func (l *listing) close() { _ = l.file.Close() }

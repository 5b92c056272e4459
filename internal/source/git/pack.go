package git

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// Limits bound what a repository may cost.
type Limits struct {
	// Pack is the most bytes that are fetched, and kept on disk.
	Pack int64
	// Objects is the most files, directories and commits that are fetched.
	Objects int
	// Object is the most bytes of one file. It is in memory while it is read.
	Object int64
	// Inflated is the most bytes that all of them may have together.
	Inflated int64
	// Deltas is the most bytes of the differences that the server sends instead of whole objects: a chain of them is in
	// memory at once.
	Deltas int64
	// Files is the most files that the tree may have. A directory that is in many places counts as often.
	Files int
}

// DefaultLimits are far above a repository of documents. The largest document has 128 MiB, too.
var DefaultLimits = Limits{
	Pack: 1 << 30, Objects: 1 << 20, Object: 128 << 20, Inflated: 8 << 30, Deltas: 256 << 20, Files: 1 << 20,
}

// baseCache bounds the bytes of the objects that are kept in memory, because the differences of others are from them.
const baseCache = 32 << 20

// pack holds the objects of a commit as the server sent them. It may be read by several goroutines at once.
type pack struct {
	file   *os.File // has no name any more
	size   int64
	index  *idxfile.MemoryIndex
	sizes  map[int64]int64 // size of the object at an offset
	bases  *cache.ObjectLRU
	limits Limits
}

// newPack reads a pack into a temporary file. It refuses one beyond the limits before anything of it is in memory.
func newPack(r io.Reader, limits Limits) (_ *pack, err error) {
	file, err := os.CreateTemp("", "ragpipeline-git-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	if err := os.Remove(file.Name()); err != nil { // the space is free once the process ends, however it does
		return nil, err
	}
	size, err := io.Copy(file, io.LimitReader(r, limits.Pack+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the repository cannot be fetched whole: %w", err)
	case size > limits.Pack:
		return nil, tooMuch("its files are more than %d bytes, compressed", limits.Pack)
	}
	p := &pack{file: file, size: size, sizes: map[int64]int64{}, limits: limits,
		bases: cache.NewObjectLRU(baseCache)}
	if err := p.measure(); err != nil {
		return nil, damaged(err)
	}
	var index idxfile.Writer
	parser, err := packfile.NewParser(packfile.NewScanner(p.view()), &index)
	if err != nil {
		return nil, err
	}
	if _, err := parser.Parse(); err != nil {
		return nil, damaged(err)
	}
	p.index, err = index.Index()
	return p, err
}

// errTooMuch marks a repository beyond the limits.
type errTooMuch struct{ error }

func tooMuch(format string, args ...any) error {
	return errTooMuch{fmt.Errorf("the repository is too large: "+format+"; keep the documents in a smaller one", args...)}
}

func damaged(err error) error {
	if _, ok := errors.AsType[errTooMuch](err); ok {
		return err
	}
	return fmt.Errorf("what the server sent is damaged: %w", err)
}

// measure finds the size of each object, and holds them to the limits. It has a few bytes of each in memory.
func (p *pack) measure() error {
	limits := p.limits
	scanner := packfile.NewScanner(p.view())
	_, count, err := scanner.Header()
	switch {
	case err != nil:
		return err
	case int64(count) > int64(limits.Objects):
		return tooMuch("it has %d objects, the limit is %d", count, limits.Objects)
	}
	var inflated, deltas int64
	for range count {
		header, err := scanner.NextObjectHeader()
		if err != nil {
			return err
		}
		size, isDelta := header.Length, header.Type.IsDelta()
		if size > limits.Object {
			return tooMuch("a file has %d bytes, the limit is %d", size, limits.Object)
		}
		var start beginning
		if _, _, err := scanner.NextObject(&start); err != nil {
			return err
		}
		if isDelta {
			if deltas += size; deltas > limits.Deltas {
				return tooMuch("the differences between its files are more than %d bytes", limits.Deltas)
			}
			if size, err = start.target(); err != nil {
				return err
			}
			if size > limits.Object {
				return tooMuch("a file has %d bytes, the limit is %d", size, limits.Object)
			}
		}
		if inflated += size; inflated > limits.Inflated {
			return tooMuch("its files are more than %d bytes", limits.Inflated)
		}
		p.sizes[header.Offset] = size
	}
	return nil
}

// beginning keeps the first bytes of what is written: two numbers, of which each has at most ten bytes.
type beginning []byte

func (b *beginning) Write(data []byte) (int, error) {
	*b = append(*b, data[:min(len(data), 2*binary.MaxVarintLen64-len(*b))]...)
	return len(data), nil
}

// target returns the size of what a delta makes: the second of the numbers that it begins with.
func (b *beginning) target() (int64, error) {
	r := bytes.NewReader(*b)
	if _, err := binary.ReadUvarint(r); err != nil {
		return 0, err
	}
	size, err := binary.ReadUvarint(r)
	if err == nil && size > 1<<62 {
		err = errors.New("the size of an object is not valid")
	}
	return int64(size), err
}

// errMissing means that the server did not send an object.
var errMissing = plumbing.ErrObjectNotFound

// stat returns the size of an object.
func (p *pack) stat(hash plumbing.Hash) (int64, error) {
	offset, err := p.index.FindOffset(hash)
	if err != nil {
		return 0, err
	}
	return p.sizes[offset], nil
}

// read returns the content of an object of that type.
func (p *pack) read(hash plumbing.Hash, want plumbing.ObjectType) (io.ReadCloser, error) {
	object, err := packfile.NewPackfileWithCache(p.index, nil, p.view(), p.bases, 0).Get(hash)
	switch {
	case err != nil:
		return nil, err
	case object.Type() != want:
		return nil, fmt.Errorf("object %s is a %s, not a %s", hash, object.Type(), want)
	}
	return object.Reader()
}

// tree returns the tree of a commit, whose first line names it.
func (p *pack) tree(commit plumbing.Hash) (plumbing.Hash, error) {
	r, err := p.read(commit, plumbing.CommitObject)
	if err != nil {
		return plumbing.ZeroHash, damaged(fmt.Errorf("commit %s: %w", commit, err))
	}
	defer r.Close()
	line := make([]byte, len("tree ")+len(commit)*2)
	if _, err := io.ReadFull(r, line); err != nil {
		return plumbing.ZeroHash, damaged(fmt.Errorf("commit %s: %w", commit, err))
	}
	id, ok := bytes.CutPrefix(line, []byte("tree "))
	if !ok || !plumbing.IsHash(string(id)) {
		return plumbing.ZeroHash, damaged(fmt.Errorf("commit %s names no tree", commit))
	}
	return plumbing.NewHash(string(id)), nil
}

// Close frees the space on disk.
func (p *pack) Close() error { return p.file.Close() }

// view returns a reader of the whole pack with a position of its own.
func (p *pack) view() view { return view{io.NewSectionReader(p.file, 0, p.size)} }

// view is a billy.File of which only the reading half is used.
type view struct{ *io.SectionReader }

var errReadOnly = errors.New("a pack is only read")

func (view) Name() string              { return "pack" }
func (view) Close() error              { return nil }
func (view) Write([]byte) (int, error) { return 0, errReadOnly }
func (view) Truncate(int64) error      { return errReadOnly }
func (view) Lock() error               { return nil }
func (view) Unlock() error             { return nil }

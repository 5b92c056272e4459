package git_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/source/git"
	"github.com/ragpipeline/ragpipeline/internal/source/git/gittest"
)

func TestRepositoriesBeyondTheLimitsAreRefused(t *testing.T) {
	r := gittest.New(t)
	for i := range 20 {
		name := string(rune('a'+i)) + ".md"
		r.Write(name, strings.Repeat(name, 5000))
	}
	r.Commit()
	url := serve(t, r)
	tests := map[string]struct {
		limit func(*git.Limits)
		want  string
	}{
		"bytes":    {func(l *git.Limits) { l.Pack = 1000 }, "more than 1000 bytes, compressed"},
		"objects":  {func(l *git.Limits) { l.Objects = 10 }, "22 objects, the limit is 10"},
		"inflated": {func(l *git.Limits) { l.Inflated = 30_000 }, "files are more than 30000 bytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			limits := git.DefaultLimits
			tt.limit(&limits)
			_, err := git.Fetch(t.Context(), git.Options{URL: url, Limits: limits})
			wantError(t, err, "too large", tt.want)
		})
	}
	fetch(t, git.Options{URL: url})
}

// A server that can leaves a file out that is too large; one that cannot sends a repository that is refused before the
// file is in memory.
func TestAFileLargerThanAnyDocument(t *testing.T) {
	r := gittest.New(t)
	r.Write("a.md", "text")
	r.Write("limit.bin", strings.Repeat("0", 1<<20))
	r.Write("zeros.bin", strings.Repeat("0", 1<<20+1))
	r.Commit()
	o := git.Options{URL: serve(t, r), Limits: git.DefaultLimits}
	o.Limits.Object = 1 << 20
	_, err := git.Fetch(t.Context(), o)
	wantError(t, err, "too large", "a file has 1048577 bytes, the limit is 1048576")

	r.Git("-C", r.Bare(), "config", "uploadpack.allowFilter", "true")
	s := fetch(t, o)
	for name, want := range map[string]int64{"limit.bin": 1 << 20, "zeros.bin": 1<<20 + 1} {
		e, err := s.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if size, err := s.Size(e.ID); err != nil || size != want {
			t.Errorf("%s has %d bytes (%v), want %d", name, size, err, want)
		}
	}
}

// packOf is a pack of objects: each a type, the size that its header claims, what stands between header and content,
// and the content.
type object struct {
	kind    byte
	size    uint64
	between []byte
	content []byte
}

func packOf(objects ...object) []byte {
	pack := append([]byte("PACK"), 0, 0, 0, 2)
	pack = binary.BigEndian.AppendUint32(pack, uint32(len(objects)))
	for _, o := range objects {
		first, rest := byte(o.size&15)|o.kind<<4, o.size>>4
		for ; rest > 0; rest >>= 7 {
			pack, first = append(pack, first|0x80), byte(rest&0x7f)
		}
		pack = append(append(pack, first), o.between...)
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		_, _ = w.Write(o.content)
		_ = w.Close()
		pack = append(pack, z.Bytes()...)
	}
	sum := sha1.Sum(pack)
	return append(pack, sum[:]...)
}

const (
	blob     = 3
	refDelta = 7
)

func TestPacksThatGitDoesNotMakeAreRefused(t *testing.T) {
	base := object{kind: blob, size: 4, content: []byte("base")}
	id := sha1.Sum([]byte("blob 4\x00base"))
	delta := func(content ...byte) object {
		return object{kind: refDelta, size: uint64(len(content)), between: id[:], content: content}
	}
	manyObjects := packOf(base)
	binary.BigEndian.PutUint32(manyObjects[8:], 1<<32-1)
	const huge = 1 << 40
	tests := map[string]struct {
		pack []byte
		want string
	}{
		"empty":                       {nil, "damaged"},
		"not a pack":                  {[]byte("<html>"), "damaged"},
		"cut off":                     {packOf(base)[:20], "damaged"},
		"claims four billion objects": {manyObjects, "4294967295 objects"},
		"a header that claims a TiB":  {packOf(object{kind: blob, size: huge, content: []byte("x")}), "1099511627776 bytes"},
		"more content than claimed":   {packOf(object{kind: blob, size: 1, content: make([]byte, 1<<20)}), "damaged"},
		"a difference that makes a TiB": {
			packOf(base, delta(append([]byte{4}, binary.AppendUvarint(nil, huge)...)...)), "1099511627776 bytes"},
		"a difference from nothing": {
			packOf(object{kind: refDelta, size: 3, between: make([]byte, 20), content: []byte{4, 1, 1}}), "damaged"},
		"a difference that ends early": {packOf(base, delta(4)), "damaged"},
		"a wrong checksum":             {append(packOf(base)[:len(packOf(base))-1], 0), "damaged"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantError(t, git.ReadPack(bytes.NewReader(tt.pack), git.DefaultLimits), tt.want)
		})
	}
	limits := git.DefaultLimits
	limits.Deltas = 4
	wantError(t, git.ReadPack(bytes.NewReader(packOf(base, delta(4, 4, 0x90, 4), delta(4, 4, 0x90, 4))), limits),
		"differences between its files are more than 4 bytes")
	if err := git.ReadPack(bytes.NewReader(packOf(base, delta(4, 4, 0x90, 4))), git.DefaultLimits); err != nil {
		t.Errorf("a good pack is refused: %v", err)
	}
}

func FuzzPack(f *testing.F) {
	f.Add(packOf(object{kind: blob, size: 4, content: []byte("base")}))
	f.Add(packOf(object{kind: refDelta, size: 3, between: make([]byte, 20), content: []byte{4, 1, 1}}))
	limits := git.Limits{Pack: 1 << 20, Objects: 100, Object: 1 << 20, Inflated: 1 << 20, Deltas: 1 << 20, Files: 100}
	f.Fuzz(func(_ *testing.T, pack []byte) { _ = git.ReadPack(bytes.NewReader(pack), limits) })
}

// A tree of another is as many directories as there are ways to it; it is the listing that counts them.
func TestTreesThatGitDoesNotMakeAreRefused(t *testing.T) {
	r := gittest.New(t)
	text := r.Blob("text")
	for name, entries := range map[string][]string{
		"parent": {"100644 .. " + text},
		"itself": {"100644 . " + text},
		"slash":  {"100644 ../../etc/passwd " + text},
		"twice":  {"100644 a.md " + text, "100644 a.md " + text},
	} {
		t.Run(name, func(t *testing.T) {
			r.CommitTree(r.RawTree(entries...))
			s := fetch(t, git.Options{URL: serve(t, r)})
			_, err := s.ReadDir(s.Root().ID)
			wantError(t, err, "damaged")
		})
	}
}

package pdf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// notNoted takes no note of PDFium's start.
func notNoted() func() { return func() {} }

// reading returns the error of reading a PDF.
func reading(p *Reader, data []byte) error {
	_, err := p.Read(document.Source{Data: data, Max: document.MaxText}, func(int) {})
	return err
}

func TestCompiledPDFiumIsKeptOnlyWhereThisUserAloneCanWrite(t *testing.T) {
	for name, test := range map[string]struct {
		make func(dir string) error
		kept bool
	}{
		"nothing there yet":   {func(string) error { return nil }, true},
		"there from before":   {func(dir string) error { return os.MkdirAll(dir, 0o700) }, true},
		"a group can write":   {func(dir string) error { return errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o720)) }, false},
		"everyone can write":  {func(dir string) error { return errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o702)) }, false},
		"a link to elsewhere": {func(dir string) error { return os.Symlink(t.TempDir(), dir) }, false},
		"a file in its place": {func(dir string) error { return os.WriteFile(dir, nil, 0o600) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			caches := t.TempDir()
			t.Setenv("HOME", caches)
			t.Setenv("XDG_CACHE_HOME", caches)
			dir := filepath.Join(caches, "ragpipeline", "pdfium")
			if err := errors.Join(os.Mkdir(filepath.Dir(dir), 0o700), test.make(dir)); err != nil {
				t.Fatal(err)
			}
			got := UserCache()
			_ = openCache(dir).Close(t.Context())
			within, _ := filepath.Glob(filepath.Join(dir, "wazero-*"))
			if (got == dir) != test.kept || (len(within) > 0) != test.kept {
				t.Errorf("got %q, which holds %v", got, within)
			}
		})
	}
}

func TestPDFThatNeedsTooMuchMemory(t *testing.T) {
	p := New(UserCache(), notNoted)
	t.Cleanup(p.Close)
	p.launch = func(c wazero.CompilationCache) (*pdfium, error) {
		p, err := launchPDFium(c)
		if err == nil {
			p.memory.limit = p.memory.size + 8<<20
		}
		return p, err
	}
	err := reading(p, pdftest.Document{Pages: []pdftest.Page{{Content: strings.Repeat("BT (words) Tj ET ", 2<<20)}}}.Bytes())
	if reason, _ := config.ReasonOf(err); reason != config.TooLarge || !strings.Contains(err.Error(), "memory") {
		t.Errorf("got %v, want that it needs too much memory", err)
	}
	p.launch = launchPDFium
	if err := reading(p, pdftest.Document{Pages: []pdftest.Page{{Columns: []string{"Words."}}}}.Bytes()); err != nil {
		t.Errorf("the next document fails: %v", err)
	}
}

func TestPDFiumCannotStart(t *testing.T) {
	p := New("", notNoted)
	defer p.Close()
	p.launch = func(wazero.CompilationCache) (*pdfium, error) { return nil, errors.New("no memory") }
	for range 2 { // the second shows that it is tried again
		err := reading(p, []byte("%PDF-1.7"))
		if _, own := config.ReasonOf(err); err == nil || own {
			t.Errorf("got %v, want an error that is not the document's", err)
		}
	}
}

func TestPDFiumIsCompiledAnewWhenItsCacheIsDamaged(t *testing.T) {
	var tried []wazero.CompilationCache
	p := New(t.TempDir(), notNoted)
	p.launch = func(c wazero.CompilationCache) (*pdfium, error) {
		if tried = append(tried, c); len(tried) == 1 {
			return nil, errors.New("cache: checksum mismatch")
		}
		return &pdfium{}, nil
	}
	if err := p.start(); err != nil || len(tried) != 2 || tried[0] == tried[1] {
		t.Errorf("after %d attempts: %v; want a second one, with another cache", len(tried), err)
	}
}

func TestPDFiumThatHasGrownIsNotUsedAgain(t *testing.T) {
	p := &pdfium{memory: &memory{}}
	for size, want := range map[uint64]bool{0: true, recycleAbove: true, recycleAbove + 1: false} {
		if p.memory.size = size; p.usable() != want {
			t.Errorf("with %d bytes: usable %v", size, !want)
		}
	}
}

func TestPDFiumWithoutCacheDirectoryWritesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	_ = openCache("").Close(t.Context())
	if entries, err := os.ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("the working directory holds %v (%v)", entries, err)
	}
}

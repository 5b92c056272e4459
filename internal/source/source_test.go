package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestNewRefuses(t *testing.T) {
	maps := func(name string) (map[string][]byte, error) { return nil, fmt.Errorf("no ConfigMap %q", name) }
	tests := map[string]struct {
		source config.Source
		maps   func(string) (map[string][]byte, error)
		want   string
	}{
		"no place":            {config.Source{}, maps, "exactly one of"},
		"two places":          {config.Source{Directory: &config.Directory{}, ConfigMap: &config.ConfigMap{}}, maps, "exactly one of"},
		"a missing ConfigMap": {config.Source{ConfigMap: &config.ConfigMap{Name: "gone"}}, maps, `"gone"`},
		"a ConfigMap where there are none": {config.Source{ConfigMap: &config.ConfigMap{Name: "gone"}}, nil,
			"is not mounted"},
		"a bad glob": {config.Source{Directory: &config.Directory{}, Include: []string{"["}}, maps, `include: "["`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.source.Name = "papers"
			_, err := New(tt.source, Resolvers{ConfigMap: tt.maps})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `source "papers"`) {
				t.Errorf("got error %v, want one that names the source and says %q", err, tt.want)
			}
		})
	}
}

func TestConfigMap(t *testing.T) {
	maps := func(string) (map[string][]byte, error) {
		return map[string][]byte{"b.md": []byte("bee"), "a.md": []byte("a"), "c.txt": nil}, nil
	}
	s, err := New(config.Source{ConfigMap: &config.ConfigMap{Name: "m"}, Include: []string{"*.md"}}, Resolvers{ConfigMap: maps})
	if err != nil {
		t.Fatal(err)
	}
	entries := list(t, s)
	if diff := cmp.Diff([]string{"a.md", "b.md"}, paths(entries)); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
	data, err := Read(t.Context(), s, entries[1], 3)
	if err != nil || string(data.Data) != "bee" {
		t.Errorf("Read = %q, %v, want bee", data.Data, err)
	}
	_, err = Read(t.Context(), s, Entry{Path: "gone"}, 3)
	wantReason(t, err, config.Unreadable)
}

func TestReadIsBounded(t *testing.T) {
	dir := tree(t)
	path := filepath.Join(dir, "big")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if c, err := Read(t.Context(), s, Entry{Path: "big", Size: 10}, 10); err != nil || len(c.Data) != 10 {
		t.Errorf("Read at the limit = %d bytes, %v", len(c.Data), err)
	}
	_, err := Read(t.Context(), s, Entry{Path: "big", Size: 3}, 9)
	wantReason(t, err, config.TooLarge) // it grew since it was listed

	_, err = Read(t.Context(), unopenable{t}, Entry{Path: "huge", Size: 500 << 20}, 64<<20)
	wantReason(t, err, config.TooLarge) // and what is listed as too large is not even opened
}

func TestReadSeesChanges(t *testing.T) {
	tests := map[string]struct {
		change func(t *testing.T, path string, attempt int)
		want   config.Reason
		data   string
	}{
		"one that is appended to without pause": {
			change: func(t *testing.T, path string, attempt int) { appendTo(t, path) },
			want:   config.Changed,
		},
		"one that is replaced once": {
			change: func(t *testing.T, path string, attempt int) {
				if attempt == 1 {
					replace(t, path, "second")
				}
			},
			data: "second",
		},
		"one that is truncated once": {
			change: func(t *testing.T, path string, attempt int) {
				if attempt == 1 {
					if err := os.Truncate(path, 1); err != nil {
						t.Fatal(err)
					}
				}
			},
			data: "f",
		},
		"one that is deleted": {
			change: func(t *testing.T, path string, attempt int) { os.Remove(path) },
			want:   config.Unreadable,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "doc")
			replace(t, path, "first")
			s := &changing{Source: open(t, dir), change: func(attempt int) { tt.change(t, path, attempt) }}
			data, err := Read(t.Context(), s, Entry{Path: "doc", Size: 5}, 1000)
			if tt.want != "" {
				wantReason(t, err, tt.want)
				return
			}
			if err != nil || string(data.Data) != tt.data {
				t.Errorf("Read = %q, %v, want %q", data.Data, err, tt.data)
			}
		})
	}
}

func TestReadStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := open(t, tree(t, "a"))
	if _, err := Read(ctx, s, Entry{Path: "a", Size: 1}, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}

// changing changes the document after its bytes were read and before their end was.
type changing struct {
	Source
	change  func(attempt int)
	attempt int
}

func (c *changing) Open(ctx context.Context, e Entry) (io.ReadCloser, error) {
	r, err := c.Source.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	c.attempt++
	return struct {
		io.Reader
		io.Closer
	}{&once{Reader: r, do: func() { c.change(c.attempt) }}, r}, nil
}

type once struct {
	io.Reader
	do func()
}

func (o *once) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p[:min(len(p), 5)])
	if o.do != nil {
		o.do()
		o.do = nil
	}
	return n, err
}

type unopenable struct{ t *testing.T }

func (u unopenable) List(context.Context, func(Entry) bool) error { return nil }

func (u unopenable) Open(context.Context, Entry) (io.ReadCloser, error) {
	u.t.Error("opened")
	return io.NopCloser(bytes.NewReader(nil)), nil
}

func open(t *testing.T, dir string) Source {
	t.Helper()
	s, err := New(config.Source{Name: "s", Directory: &config.Directory{Path: dir}}, Resolvers{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func listed(t *testing.T, s Source) ([]Entry, error) {
	t.Helper()
	var entries []Entry
	err := s.List(t.Context(), func(e Entry) bool { entries = append(entries, e); return true })
	return entries, err
}

func list(t *testing.T, s Source) []Entry {
	t.Helper()
	entries, err := listed(t, s)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func paths(entries []Entry) []string {
	var p []string
	for _, e := range entries {
		p = append(p, e.Path)
	}
	return p
}

func wantReason(t *testing.T, err error, want config.Reason) {
	t.Helper()
	if got, ok := config.ReasonOf(err); !ok || got != want {
		t.Errorf("got error %v, want reason %s", err, want)
	}
}

package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// listing yields paths in their order, and then fails with err.
type listing struct {
	paths []string
	err   error
}

func (l listing) List(_ context.Context, yield func(Entry) bool) error {
	for _, path := range l.paths {
		if !yield(Entry{Path: path, Version: "v" + path, Exact: true}) {
			return nil
		}
	}
	return l.err
}

func (l listing) Open(context.Context, Entry) (io.ReadCloser, error) { return nil, ErrGone }

func TestDocumentsGetTheirSidecars(t *testing.T) {
	const nfc, nfd = "\u00e9", "e\u0301"
	cut, parts := errors.New("the connection broke"), unlistedError{errors.New("a directory cannot be read")}
	for name, tt := range map[string]struct {
		paths  []string
		err    error
		want   string // a plus follows a document with a sidecar
		strays []string
	}{
		"none":                                 {paths: []string{"a.md", "b.md"}, want: "a.md b.md"},
		"right behind":                         {paths: []string{"a.md", "a.md.metadata.json", "b.md"}, want: "a.md+ b.md"},
		"with others between":                  {paths: []string{"a", "a-1", "a-1/x", "a.lock", "a.metadata.json", "b"}, want: "a+ a-1 a-1/x a.lock b"},
		"of several at once":                   {paths: []string{"a", "a-", "a-.metadata.json", "a.metadata.json"}, want: "a+ a-+"},
		"without a document":                   {paths: []string{"a.md", "b.md.metadata.json", "c.md"}, want: "a.md c.md", strays: []string{"b.md.metadata.json"}},
		"of a sidecar":                         {paths: []string{"a", "a.metadata.json", "a.metadata.json.metadata.json"}, want: "a+", strays: []string{"a.metadata.json.metadata.json"}},
		"a hidden file of that name":           {paths: []string{".metadata.json", "d/.metadata.json"}, want: ".metadata.json d/.metadata.json"},
		"in another form of the name, behind":  {paths: []string{nfd + ".md", "f.md", nfc + ".md.metadata.json", nfc + "a"}, want: nfd + ".md+ f.md " + nfc + "a"},
		"in another form of the name, before":  {paths: []string{nfd + ".md.metadata.json", "f.md", nfc + ".md"}, want: "f.md " + nfc + ".md+"},
		"in both forms, of one document":       {paths: []string{nfd + ".md.metadata.json", nfc + ".md", nfc + ".md.metadata.json"}, want: nfc + ".md+", strays: []string{nfd + ".md.metadata.json"}},
		"in both forms, of the first document": {paths: []string{nfd + ".md", nfd + ".md.metadata.json", nfc + ".md.metadata.json"}, want: nfd + ".md+", strays: []string{nfc + ".md.metadata.json"}},
		"of documents in both forms":           {paths: []string{nfd, nfd + ".metadata.json", nfc, nfc + ".metadata.json"}, want: nfd + "+ " + nfc + "+"},
		"of one of documents in both forms":    {paths: []string{nfd, nfc, nfc + ".metadata.json"}, want: nfd + " " + nfc + "+"},
		"in another form, without a document":  {paths: []string{nfd + ".metadata.json", "f", nfc + ".metadata.json"}, want: "f", strays: []string{nfc + ".metadata.json", nfd + ".metadata.json"}},
		"a listing that is cut":                {paths: []string{"a", "a.metadata.json", "b", "c"}, err: cut, want: "a+ b"},
		"a listing with gaps":                  {paths: []string{"a", "a.metadata.json", "b", "c"}, err: parts, want: "a+ b c"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &paired{Source: listing{tt.paths, tt.err}}
			var got []string
			err := s.List(t.Context(), func(e Entry) bool {
				mark, version := "", "v"+e.Path
				if e.Sidecar != nil {
					mark, version = "+", version+" with v"+e.Sidecar.Path
				}
				if got = append(got, e.Path+mark); e.Version != version {
					t.Errorf("%s has version %q, want %q", e.Path, e.Version, version)
				}
				return true
			})
			if !errors.Is(err, tt.err) || strings.Join(got, " ") != tt.want {
				t.Errorf("%s (%v), want %s (%v)", got, err, tt.want, tt.err)
			}
			if strays, n := Strays(s); cmp.Diff(tt.strays, strays) != "" || n != len(tt.strays) {
				t.Errorf("%d sidecars without a document: %s, want %s", n, strays, tt.strays)
			}
		})
	}
}

func TestAListingOfPairsEndsWhenItIsTold(t *testing.T) {
	s := &paired{Source: listing{paths: []string{"a", "b", "c", "d"}}}
	n := 0
	if err := s.List(t.Context(), func(Entry) bool { n++; return n < 2 }); err != nil || n != 2 {
		t.Errorf("%d documents (%v), want 2", n, err)
	}
}

func TestASidecarIsAdmittedWithItsDocument(t *testing.T) {
	g, err := newGlobs([]string{"**/*.pdf", "*.json"}, []string{"old/**", "**/*.metadata.json"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"a.pdf": true, "a.pdf.metadata.json": true, "a.md.metadata.json": false, "old/a.pdf.metadata.json": false,
		"a.json": true, "a.json.metadata.json": true,
	} {
		if g.admits(path) != want {
			t.Errorf("%s is admitted: %v", path, !want)
		}
	}
}

func TestParseSidecar(t *testing.T) {
	for name, tt := range map[string]struct {
		in   string
		want Sidecar
	}{
		"values": {`{"metadataAttributes": {"team": "vision", "year": 2024, "draft": false, "tags": ["a", "b"]}}`,
			Sidecar{Metadata: config.Metadata{"team": config.Text("vision"), "year": config.Number(2024),
				"draft": config.Boolean(false), "tags": config.List("a", "b")}}},
		"values with their types": {`{"metadataAttributes": {
			"team": {"value": {"type": "STRING", "stringValue": "vision"}, "includeForEmbedding": true},
			"year": {"value": {"type": "NUMBER", "numberValue": 2024}, "includeForEmbedding": false},
			"draft": {"value": {"type": "BOOLEAN", "booleanValue": true}},
			"tags": {"value": {"type": "STRING_LIST", "stringListValue": ["a", "b"]}}}}`,
			Sidecar{Metadata: config.Metadata{"team": config.Text("vision"), "year": config.Number(2024),
				"draft": config.Boolean(true), "tags": config.List("a", "b")}}},
		"groups":    {`{"metadataAttributes": {"access": ["hr", "it"]}}`, Sidecar{config.Metadata{}, []string{"hr", "it"}}},
		"a group":   {`{"metadataAttributes": {"access": "hr"}}`, Sidecar{config.Metadata{}, []string{"hr"}}},
		"no groups": {`{"metadataAttributes": {"access": []}}`, Sidecar{config.Metadata{}, []string{}}},
		"a byte order mark": {"\ufeff" + `{"metadataAttributes": {"access": "hr"}}`,
			Sidecar{config.Metadata{}, []string{"hr"}}},
		"nothing": {`{"metadataAttributes": {}, "other": 1}`, Sidecar{Metadata: config.Metadata{}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseSidecar([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("sidecar (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAFaultySidecarIsRefusedAndNamesTheAttribute(t *testing.T) {
	many := strings.Builder{}
	for i := range config.MaxMetadataKeys {
		fmt.Fprintf(&many, `"k%d": 1, `, i)
	}
	for in, want := range map[string]string{
		``:                                    "not valid JSON",
		`[]`:                                  "not valid JSON",
		`{}`:                                  "no metadataAttributes",
		`{"team": "vision"}`:                  "no metadataAttributes",
		`{"metadataAttributes"`:               "not valid JSON",
		`{"metadataAttributes": {"a": null}}`: `"a": a value must be`,
		`{"metadataAttributes": {"a": [1]}}`:  `"a": a value must be`,
		`{"metadataAttributes": {"a": {}}}`:   `"a": an object must have a value`,
		`{"metadataAttributes": {"a": {"value": {"type": "DATE"}}}}`:                         `"a": "DATE" is not a type`,
		`{"metadataAttributes": {"a": {"value": {"type": "NUMBER", "stringValue": "1"}}}}`:   `"a": it has no value of its type NUMBER`,
		`{"metadataAttributes": {"a": {"value": {"type": "NUMBER", "numberValue": "1"}}}}`:   `"a": it has no value of its type NUMBER`,
		`{"metadataAttributes": {"a": {"value": {"type": "STRING", "stringValue": ["1"]}}}}`: `"a": it has no value of its type STRING`,
		`{"metadataAttributes": {"source": "x"}}`:                                            `"source": the key source is reserved`,
		`{"metadataAttributes": {"access": 1}}`:                                              `"access": it must be a list of groups`,
		`{"metadataAttributes": {"access": ["hr", ""]}}`:                                     `"access": "" is not a valid group`,
		`{"metadataAttributes": {"access": [null]}}`:                                         `"access": a value must be`,
		`{"metadataAttributes": {"access": {}}}`:                                             `"access": an object must have`,
		`{"metadataAttributes": {"Access": ["hr"]}}`:                                         `"Access": the key that limits`,
		`{"metadataAttributes": {"access": ["hr"], "access": ["all"]}}`:                      "duplicate",
		`{"metadataAttributes": {}, "access": ["hr"]}`:                                       "has access beside",
		`{"metadataAttributes": {"a": ""}}`:                                                  `"a": a text must have`,
		`{"metadataAttributes": {` + many.String() + `"a": 1}}`:                              "has 65 attributes",
	} {
		_, err := ParseSidecar([]byte(in))
		if reason, own := config.ReasonOf(err); !own || reason != config.Malformed || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s gives %v, want Malformed: %s", in, err, want)
		}
	}
}

func FuzzParseSidecar(f *testing.F) {
	f.Add([]byte(`{"metadataAttributes": {"a": {"value": {"type": "STRING", "stringValue": "x"}}, "access": ["b"], "c": [1]}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := ParseSidecar(in)
		if _, own := config.ReasonOf(err); err != nil && !own {
			t.Fatalf("an error that is not the document's: %v", err)
		}
		for key, value := range s.Metadata {
			if err := config.CheckMetadata(key, value); err != nil {
				t.Fatal(err)
			}
		}
	})
}

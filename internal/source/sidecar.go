package source

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/redact"
)

// A sidecar is a file beside a document that has its metadata, in the form of Amazon Bedrock's knowledge bases. It is
// not a document itself. It belongs to a source if its document does, whatever the globs say of its own name.
const (
	sidecarSuffix = ".metadata.json"
	maxSidecar    = 64 << 10 // bytes
)

// sidecarOf returns the path of the document to which the sidecar at a path belongs.
func sidecarOf(path string) (document string, ok bool) {
	document, ok = strings.CutSuffix(path, sidecarSuffix)
	return document, ok && document != "" && !strings.HasSuffix(document, "/")
}

// maxHeld bounds the documents that wait for their sidecars: those that sort between a document and its sidecar.
const maxHeld = 100_000

// maxStrays is how many sidecars without a document are named.
const maxStrays = 5

// paired is a source whose listing gives each document its sidecar, and whose errors have none of its secrets: a server
// may send them back.
type paired struct {
	Source
	secrets redact.Secrets

	mu     sync.Mutex
	strays strays
}

type strays struct {
	first []string
	count int
}

// Strays returns the first of the sidecars that the last listing of a source found without their document, and how
// many there are.
func Strays(s Source) (first []string, count int) {
	p, ok := s.(*paired)
	if !ok {
		return nil, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.strays.first, p.strays.count
}

// List lists the documents. Each waits until the listing is past the places of its sidecar. Where a listing ends early,
// that of the last documents is not known: they are left out, as the documents after them are.
func (p *paired) List(ctx context.Context, yield func(Entry) bool) error {
	l := pairing{yield: yield, named: map[string]string{}, early: map[string]Entry{}}
	err := p.Source.List(ctx, l.take)
	var parts unlistedError
	if !l.stopped && (err == nil || errors.As(err, &parts)) {
		l.flush(func(held) bool { return true })
		for _, name := range slices.Sorted(maps.Keys(l.early)) {
			l.stray(l.early[name])
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strays = l.strays
	return p.secrets.Error(err)
}

// Open opens a document.
func (p *paired) Open(ctx context.Context, entry Entry) (io.ReadCloser, error) {
	r, err := p.Source.Open(ctx, entry)
	return r, p.secrets.Error(err)
}

// pairing is one listing. A sidecar belongs to the document of its name, or else to one whose name differs only in its
// Unicode normalisation, as programs of macOS change names: its access must hold.
type pairing struct {
	yield   func(Entry) bool
	held    []held            // in order of path
	named   map[string]string // has the paths of those whose names have other forms, by name in NFC
	early   map[string]Entry  // has sidecars whose documents may follow under another form of the name, in NFC
	strays  strays
	stopped bool
}

// held is a document that waits for its sidecar.
type held struct {
	Entry
	sidecar *Entry
	last    string // is the last place where its sidecar may stand
}

// formsOf returns a path in NFC, the last of its forms in the order of a listing, and whether it has several.
func formsOf(path string) (nfc, last string, several bool) {
	nfc, nfd := norm.NFC.String(path), norm.NFD.String(path)
	return nfc, max(path, nfc, nfd), nfc != nfd || nfc != path
}

func (l *pairing) take(e Entry) bool {
	document, isSidecar := sidecarOf(e.Path)
	if isSidecar {
		l.pair(document, e)
	} else {
		l.hold(e)
	}
	return l.flush(func(h held) bool {
		return h.Path+sidecarSuffix <= e.Path && (h.sidecar != nil || h.last <= e.Path) || len(l.held) > maxHeld
	})
}

// hold lets a document wait for its sidecar.
func (l *pairing) hold(e Entry) {
	nfc, last, several := formsOf(e.Path)
	h := held{Entry: e, last: last + sidecarSuffix}
	if several {
		l.named[nfc] = e.Path
		if sidecar, found := l.early[nfc]; found {
			h.sidecar = &sidecar
			delete(l.early, nfc)
		}
	}
	l.held = append(l.held, h)
}

// pair gives the document its sidecar.
func (l *pairing) pair(document string, sidecar Entry) {
	if h := l.find(document); h != nil {
		if h.sidecar != nil { // of another form of the name
			l.stray(*h.sidecar)
		}
		h.sidecar = &sidecar
		return
	}
	nfc, last, several := formsOf(document)
	if h := l.find(l.named[nfc]); several && h != nil && h.sidecar == nil {
		h.sidecar = &sidecar
		return
	}
	if _, taken := l.early[nfc]; last > document && !taken && len(l.early) < maxHeld {
		l.early[nfc] = sidecar
		return
	}
	l.stray(sidecar)
}

// find returns the document at a path if it waits.
func (l *pairing) find(path string) *held {
	i, found := slices.BinarySearchFunc(l.held, path, func(h held, path string) int {
		return strings.Compare(h.Path, path)
	})
	if !found {
		return nil
	}
	return &l.held[i]
}

func (l *pairing) stray(sidecar Entry) {
	if l.strays.count++; len(l.strays.first) < maxStrays {
		l.strays.first = append(l.strays.first, sidecar.Path)
	}
}

// flush yields the first held documents for which due holds.
func (l *pairing) flush(due func(held) bool) bool {
	for len(l.held) > 0 && !l.stopped && due(l.held[0]) {
		e := l.held[0].Entry
		if sidecar := l.held[0].sidecar; sidecar != nil {
			e.Sidecar, e.Exact = sidecar, e.Exact && sidecar.Exact
			e.Version = joinVersions(e.Version, sidecar.Version)
		}
		l.stopped = !l.yield(e)
		l.held = l.held[1:]
		if nfc := norm.NFC.String(e.Path); l.named[nfc] == e.Path {
			delete(l.named, nfc)
		}
	}
	return !l.stopped
}

// joinVersions is the version of a document and its sidecar; empty if one of them is not known.
func joinVersions(document, sidecar string) string {
	if document == "" || sidecar == "" {
		return ""
	}
	return document + joined + sidecar
}

const joined = " with "

// Sidecar is what a sidecar tells of its document.
type Sidecar struct {
	Metadata config.Metadata
	// Access names the groups that may see the document; nil means that the sidecar does not limit them.
	Access config.Access
}

// ParseSidecar reads a sidecar. A value of an attribute is a text, a number, a boolean or a list of texts; it stands by
// itself or, as {"value": {"type": "STRING", "stringValue": ...}}, with its type. includeForEmbedding is not obeyed.
// The errors are *config.DocumentError. It refuses what looks like access but is not at its place, or is there twice.
//
// https://docs.aws.amazon.com/bedrock/latest/userguide/kb-metadata.html
func ParseSidecar(data []byte) (Sidecar, error) {
	var all map[string]jsontext.Value
	var file struct {
		Attributes map[string]jsontext.Value `json:"metadataAttributes"`
	}
	var s Sidecar
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // as editors on Windows write it
	switch err := cmp.Or(jsonv2.Unmarshal(data, &file), jsonv2.Unmarshal(data, &all)); {
	case err != nil:
		return s, config.Failf(config.Malformed, "its sidecar is not valid JSON of metadataAttributes: %w", err)
	case slices.ContainsFunc(slices.Collect(maps.Keys(all)), likeAccess):
		return s, config.Failf(config.Malformed, "its sidecar has access beside metadataAttributes: move it there")
	case file.Attributes == nil:
		return s, config.Failf(config.Malformed, "its sidecar has no metadataAttributes")
	case len(file.Attributes) > config.MaxMetadataKeys:
		return s, config.Failf(config.Malformed, "its sidecar has %d attributes, at most %d are taken",
			len(file.Attributes), config.MaxMetadataKeys)
	}
	s.Metadata = config.Metadata{}
	for key, raw := range file.Attributes {
		value, err := attribute(raw)
		switch {
		case err != nil:
		case key == config.KeyAccess:
			s.Access, err = groups(value)
		case likeAccess(key):
			err = errors.New("the key that limits who sees a document is access, in small letters")
		default:
			s.Metadata[key], err = value, config.CheckMetadata(key, value)
		}
		if err != nil {
			return Sidecar{}, config.Failf(config.Malformed, "its sidecar's attribute %.100q: %w", key, err)
		}
	}
	return s, nil
}

// typed is a value with its type.
type typed struct {
	Value *struct {
		Type       string       `json:"type"`
		String     config.Value `json:"stringValue"`
		Number     config.Value `json:"numberValue"`
		Boolean    config.Value `json:"booleanValue"`
		StringList config.Value `json:"stringListValue"`
	} `json:"value"`
}

// attribute reads a value in either form.
func attribute(raw jsontext.Value) (value config.Value, err error) {
	if raw[0] != '{' {
		return value, value.UnmarshalJSON(raw)
	}
	var t typed
	if err := json.Unmarshal(raw, &t); err != nil {
		return value, err
	}
	if t.Value == nil {
		return value, errors.New(`an object must have a value, as {"value": {"type": "STRING", "stringValue": "..."}}`)
	}
	fits := false
	switch t.Value.Type {
	case "STRING":
		value = t.Value.String
		fits = value.Is(config.TextType)
	case "NUMBER":
		value = t.Value.Number
		fits = value.Is(config.NumberType)
	case "BOOLEAN":
		value = t.Value.Boolean
		fits = value.Is(config.BooleanType)
	case "STRING_LIST":
		value = t.Value.StringList
		fits = value.IsList()
	default:
		return value, fmt.Errorf("%.40q is not a type; there are STRING, NUMBER, BOOLEAN and STRING_LIST", t.Value.Type)
	}
	if !fits {
		return value, fmt.Errorf("it has no value of its type %s", t.Value.Type)
	}
	return value, nil
}

// likeAccess reports whether the key is access but for its letters' case and white space.
func likeAccess(key string) bool { return strings.EqualFold(strings.TrimSpace(key), config.KeyAccess) }

// groups reads the attribute access.
func groups(value config.Value) (config.Access, error) {
	if !value.IsList() && !value.Is(config.TextType) {
		return nil, errors.New("it must be a list of groups")
	}
	list := config.Access{}
	for _, s := range value.Scalars() {
		list = append(list, s.Text)
	}
	return list, config.CheckGroups(list)
}

package ingest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// metadata merges that of the source's config, that which the source keeps of the document, the document's own and its
// sidecar's; later ones win. Fields that cannot be metadata are a warning. Nothing but the source and the sidecar says
// who may see the document.
func (r *run) metadata(d *document, content source.Content, own config.Metadata) config.Metadata {
	merged := config.Metadata{}
	maps.Copy(merged, d.origin.metadata)
	for _, key := range slices.Sorted(maps.Keys(content.Metadata)) {
		value := config.Text(content.Metadata[key])
		if config.CheckMetadata(key, value) != nil {
			d.row.Warnings.Add(config.MetadataIgnored, 1, key)
			continue
		}
		merged[key] = value
	}
	maps.Copy(merged, own)
	maps.Copy(merged, d.sidecar.Metadata)
	delete(merged, config.KeyAccess)
	for _, key := range slices.Sorted(maps.Keys(merged)) {
		if !r.keys.admit(key) {
			d.row.Warnings.Add(config.MetadataIgnored, 1, key)
			delete(merged, key)
		}
	}
	if len(merged) == 0 {
		merged = nil
	}
	return merged.WithAccess(d.access)
}

// warnOfStrays warns of sidecars that no document has. One worker of several does.
func (r *run) warnOfStrays(o *origin) {
	first, n := source.Strays(o.Source)
	if n == 0 || r.share.Worker > 0 {
		return
	}
	names := strings.Join(first, ", ")
	if n > len(first) {
		names += ", ..."
	}
	r.tally.warn("source %q: %s: %s; add the documents, or delete the sidecars", o.name,
		plural(n, "sidecar was ignored, since no document is beside it", "sidecars were ignored, since no documents are "+
			"beside them"), names)
}

// maxKeys is how many keys the documents of an index may have together: a store has a structure for each.
const maxKeys = 1000

// keys are those of a run's documents, with the types that their values have.
type keys struct {
	mu    sync.Mutex
	types map[string]map[config.ScalarType]*holders
}

// holders are the documents whose values of a key have one type.
type holders struct {
	count    int
	first    string // by name
	warnings config.Warnings
}

func newKeys() *keys { return &keys{types: map[string]map[config.ScalarType]*holders{}} }

// admit reports whether documents may have the key.
func (k *keys) admit(key string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.types[key] == nil {
		if len(k.types) >= maxKeys {
			return false
		}
		k.types[key] = map[config.ScalarType]*holders{}
	}
	return true
}

// count counts the types of an indexed document's metadata.
func (k *keys) count(document string, metadata config.Metadata, warnings config.Warnings) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, value := range metadata.WithoutAccess() {
		if k.types[key] == nil {
			k.types[key] = map[config.ScalarType]*holders{}
		}
		h := k.types[key][value.Type()]
		if h == nil {
			h = &holders{first: document, warnings: warnings}
			k.types[key][value.Type()] = h
		}
		if h.count++; document < h.first {
			h.first, h.warnings = document, warnings
		}
	}
}

// conflict is a document whose value of a key has another type than most documents' values.
type conflict struct {
	document string
	earlier  config.Warnings // that the document has besides
	count    int             // of documents with that type
	place    string
}

// conflicts are those of all keys, one for each type but the most frequent.
func (k *keys) conflicts() []conflict {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []conflict
	for _, key := range slices.Sorted(maps.Keys(k.types)) {
		types := slices.SortedFunc(maps.Keys(k.types[key]), func(a, b config.ScalarType) int {
			of := k.types[key]
			return cmp.Or(-cmp.Compare(of[a].count, of[b].count), cmp.Compare(of[a].first, of[b].first), cmp.Compare(a, b))
		})
		for i := 1; i < len(types); i++ {
			usual, other := k.types[key][types[0]], k.types[key][types[i]]
			list = append(list, conflict{other.first, other.warnings, other.count,
				fmt.Sprintf("%s is a %s, a %s in %s", key, types[i], types[0], usual.first)})
		}
	}
	return list
}

// inConflict are the documents of conflicts, by name, each with all of its warnings. It adds them to the sum.
func inConflict(conflicts []conflict, sum *config.Losses) []config.WarnedDocument {
	warnings := map[string]config.Warnings{}
	for _, c := range conflicts {
		own, found := warnings[c.document]
		if !found {
			own = slices.Clone(c.earlier)
			if len(own) == 0 {
				sum.Warned++
			}
			if sum.WarningReasons == nil {
				sum.WarningReasons = map[config.WarningReason]int{}
			}
			sum.WarningReasons[config.MetadataConflict]++
		}
		own.Add(config.MetadataConflict, c.count, c.place)
		warnings[c.document] = own
	}
	list := make([]config.WarnedDocument, 0, len(warnings))
	for _, document := range slices.Sorted(maps.Keys(warnings)) {
		list = append(list, config.WarnedDocument{Document: document, Warnings: warnings[document]})
	}
	return list
}

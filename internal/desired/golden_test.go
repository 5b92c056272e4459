package desired

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/test/golden"
)

// The golden files of a case, CASE.txt, list its objects in the order in which they are applied,
// then the fields in which they differ from those of its base. The objects of a component that the
// base does not have are in CASE/COMPONENT.yaml. Every case is the pipeline rag/papers, and words
// in capitals replace the hashes, so that only meaning differs.
var goldenBases = map[string]string{
	"quickstart":        "", // it has every component in full
	"nim":               "quickstart",
	"hosted":            "quickstart",
	"retrieval-only":    "quickstart",
	"extraction-tika":   "quickstart",
	"container-rclone":  "quickstart",
	"git":               "quickstart",
	"large":             "quickstart",
	"encrypted":         "large",
	"routed":            "external-store",
	"ingress":           "routed",
	"openai-compatible": "hosted",
	"external-store":    "openai-compatible",
	"switching":         "nim",
}

func TestGoldenChildren(t *testing.T) {
	list := cases(t)
	for name, base := range goldenBases {
		t.Run(name, func(t *testing.T) {
			g := newGolden(t, list[name])
			var from goldenObjects
			if base != "" {
				from = newGolden(t, list[base])
			}
			golden.Check(t, filepath.Join("testdata", "children", name+".txt"), g.differences(from))
			for component, text := range g.components(t) {
				if _, known := from.components(t)[component]; !known {
					golden.Check(t, filepath.Join("testdata", "children", name, component+".yaml"), text)
				}
			}
		})
	}
	for name := range list {
		if _, ok := goldenBases[name]; !ok {
			t.Errorf("no golden files show %s", name)
		}
	}
}

// goldenObjects are the children of a case in the order in which they are applied.
type goldenObjects []goldenObject

type goldenObject struct {
	object
	applied string // how, where that is not the usual way
}

func newGolden(t *testing.T, c childrenCase) goldenObjects {
	t.Helper()
	c.pipeline.Namespace, c.pipeline.Name = "rag", "papers"
	facts := running(t, c.pipeline, c.facts)
	children := all(t, c.pipeline, facts)
	words := hashWords(t, c, facts)
	var g goldenObjects
	for i, o := range objects(t, children) {
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var named object
		if err := json.Unmarshal([]byte(words.Replace(string(text))), &named); err != nil {
			t.Fatal(err)
		}
		g = append(g, goldenObject{named, howApplied(children[i])})
	}
	return g
}

func howApplied(c Child) string {
	var how []string
	if c.Once {
		how = append(how, "created once")
	}
	if c.Kept {
		how = append(how, "outlives the pipeline")
	}
	if len(c.Generate) > 0 {
		how = append(how, "random entries: "+strings.Join(c.Generate, ", "))
	}
	if c.Certificates != nil {
		how = append(how, "certificates: "+strings.Join(c.Certificates.Hosts, ", "))
	}
	return strings.Join(how, "; ")
}

// hashWords replaces every hash in a case by a word that says what it is the hash of.
func hashWords(t *testing.T, c childrenCase, f Facts) *strings.Replacer {
	t.Helper()
	gateway, _ := gatewayOf(t, c.pipeline, f)
	task := f.Tasks[0]
	words := []string{
		config.Hash(task.Config), "HASH-OF-CONFIG",
		config.Hash(task.Trigger), "HASH-OF-TRIGGER",
		config.Hash(task)[:8], "RUN",
		config.Hash(gateway)[:8], "CONFIG",
		NewRecord(c.pipeline).Fingerprint(), "WANTED",
		naming.ModelHash(NewRecord(c.pipeline).Generation.Embedding.Model), "MODEL",
	}
	if f.Live != nil {
		words = append(words, f.Live.Fingerprint(), "LIVE", naming.ModelHash(f.Live.Generation.Embedding.Model), "LIVE-MODEL")
	}
	for i, r := range f.Draining {
		words = append(words, r.Fingerprint(), fmt.Sprintf("DRAINING-%d", i))
	}
	return strings.NewReplacer(words...)
}

func (g goldenObjects) components(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, o := range g {
		text, err := yaml.Marshal(o.object)
		if err != nil {
			t.Fatal(err)
		}
		component := fmt.Sprint(o.at("metadata", "labels", naming.LabelComponent))
		if files[component] != "" {
			files[component] += "---\n"
		}
		files[component] += string(text)
	}
	return files
}

// differences lists the objects, then the fields of those that the base has too or that no file
// shows in full.
func (g goldenObjects) differences(base goldenObjects) string {
	known, components := map[string][]string{}, map[any]bool{}
	for _, o := range base {
		known[o.title()] = o.lines()
		components[o.at("metadata", "labels", naming.LabelComponent)] = true
	}
	var order, changes strings.Builder
	for _, o := range g {
		order.WriteString(o.title())
		if o.applied != "" {
			order.WriteString(" (" + o.applied + ")")
		}
		order.WriteString("\n")
		if !components[o.at("metadata", "labels", naming.LabelComponent)] {
			continue
		}
		lines, before := o.lines(), known[o.title()]
		if slices.Equal(lines, before) {
			continue
		}
		fmt.Fprintf(&changes, "\n%s\n", o.title())
		without(&changes, "- ", before, lines)
		without(&changes, "+ ", lines, before)
	}
	return order.String() + changes.String()
}

func (o goldenObject) title() string { return o.kind() + " " + o.name() }

func without(b *strings.Builder, prefix string, lines, others []string) {
	for _, line := range lines {
		if !slices.Contains(others, line) {
			b.WriteString(prefix + line + "\n")
		}
	}
}

// lines has a line for each field that holds a value. The elements of a list are known by their
// names, if they have some; a line of its own then gives their order.
func (o goldenObject) lines() []string { return fieldLines("", map[string]any(o.object)) }

func fieldLines(path string, v any) (lines []string) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			lines = append(lines, fieldLines(strings.TrimPrefix(path+"."+key, "."), v[key])...)
		}
	case []any:
		return listLines(path, v)
	case string:
		var parsed map[string]any // a config
		if json.Unmarshal([]byte(v), &parsed) == nil {
			return fieldLines(path, parsed)
		}
	}
	if len(lines) > 0 {
		return lines
	}
	return []string{path + ": " + jsonOf(v)}
}

func listLines(path string, list []any) (lines []string) {
	names := elementNames(list)
	for i, v := range list {
		if _, isMap := v.(map[string]any); !isMap {
			return []string{path + ": " + jsonOf(list)}
		}
		key := fmt.Sprint(i)
		if names != nil {
			key = names[i]
		}
		lines = append(lines, fieldLines(path+"["+key+"]", v)...)
	}
	if len(names) > 1 {
		lines = append([]string{fmt.Sprintf("%s: %v", path, names)}, lines...)
	}
	return lines
}

// elementNames are nil unless every element has a name of its own.
func elementNames(list []any) (names []string) {
	for _, v := range list {
		m, _ := v.(map[string]any)
		name, ok := m["name"].(string)
		if !ok || slices.Contains(names, name) {
			return nil
		}
		names = append(names, name)
	}
	return names
}

func jsonOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // it has been read from JSON
	}
	return string(text)
}

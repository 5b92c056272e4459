package chart

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestEverySampleIsExplained(t *testing.T) {
	files, err := filepath.Glob(config + "/samples/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d samples: %v", len(files), err)
	}
	page := string(read(t, "../../docs/samples.md"))
	for _, file := range files {
		name := filepath.Base(file)
		if !strings.Contains(page, "\n## "+name+"\n") {
			t.Errorf("docs/samples.md has no section %s", name)
		}
		head, _, _ := strings.Cut(string(read(t, file)), "\napiVersion:")
		if !strings.Contains(head, "kubectl apply -f config/samples/"+name) {
			t.Errorf("the head of %s does not say how it is applied", name)
		}
	}
}

// What docs/samples.md has users apply to fill a volume runs where Pod Security is strict.
func (c cluster) fillsVolume(t *testing.T) {
	_, after, _ := strings.Cut(string(read(t, "../../docs/samples.md")), "```yaml\n")
	manifest, _, _ := strings.Cut(after, "```")
	file := filepath.Join(t.TempDir(), "volume.yaml")
	write(t, file, manifest)
	c.kubectl(t, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-n", namespace, "-f", file)
}

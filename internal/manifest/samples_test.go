package manifest

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestEverySampleIsValid(t *testing.T) {
	files, err := filepath.Glob("../../config/samples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := Load([]string{file})
			if err != nil {
				t.Fatal(err)
			}
			if name := strings.TrimSuffix(filepath.Base(file), ".yaml"); name != b.Pipeline.Name {
				t.Errorf("the pipeline is called %s, the file %s", b.Pipeline.Name, name)
			}
			if len(b.Notes) > 0 {
				t.Errorf("something is left out: %s", b.Notes)
			}
			for _, s := range b.Pipeline.Spec.Documents {
				if s.ConfigMap != nil && b.ConfigMaps[string(s.ConfigMap.Name)] == nil {
					t.Errorf("source %s names ConfigMap %s, which the file does not hold", s.Name, s.ConfigMap.Name)
				}
			}
		})
	}
}

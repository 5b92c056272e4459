// Package chart holds what is true of the Helm chart and of the kustomization, which install the same.
package chart

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

const (
	chart     = "../../charts/ragpipeline"
	config    = "../../config"
	release   = "ragpipeline"
	namespace = "ragpipeline-system"

	// commandTimeout is for one call of helm or kubectl on a busy machine.
	commandTimeout = 2 * time.Minute
)

// helm is the path of the binary: HELM, or what `make helm` builds.
func helm(t *testing.T) string {
	t.Helper()
	path := os.Getenv("HELM")
	if path == "" {
		path = "../../bin/helm"
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%v: `make test` builds Helm; or set HELM", err)
	}
	readAll(t, chart)
	return path
}

// readAll reads the files that only programs would: a cached result holds for what the test itself read.
func readAll(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			_, err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// kubectl is the one beside the API server's binary, or any in PATH.
func kubectl(t *testing.T) string {
	t.Helper()
	readAll(t, config)
	if assets := os.Getenv(apiserver.Assets); assets != "" {
		if path := filepath.Join(assets, "kubectl"); exec.CommandContext(t.Context(), path, "version", "--client").Run() == nil {
			return path
		}
	}
	path, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skipf("no kubectl: `make test` builds one and sets %s", apiserver.Assets)
	}
	return path
}

// output runs a command, and fails the test with what it said if it fails.
func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := try(t, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v", filepath.Base(program), strings.Join(args, " "), err)
	}
	return out
}

func try(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	home := t.TempDir() // no repositories or plugins of the user's
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), errors.Join(err, errors.New(stderr.String()))
	}
	return string(out), nil
}

// render is what an install of the release would create, with the values set in Helm's --set syntax.
func render(t *testing.T, set ...string) []*unstructured.Unstructured {
	t.Helper()
	return objects(t, output(t, helm(t), templateArgs(set)...))
}

func templateArgs(set []string) []string {
	args := []string{"template", release, chart, "--namespace", namespace}
	for _, value := range set {
		args = append(args, "--set", value)
	}
	return args
}

func objects(t *testing.T, documents string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(documents), 4096)
	for {
		object := new(unstructured.Unstructured)
		switch err := decoder.Decode(object); {
		case err == io.EOF && len(all) > 0:
			return all
		case err != nil:
			t.Fatalf("after %d objects: %v", len(all), err)
		}
		if len(object.Object) > 0 {
			all = append(all, object)
		}
	}
}

// name is an object's kind, namespace and name.
func name(o *unstructured.Unstructured) string {
	return strings.Join([]string{o.GetKind(), o.GetNamespace(), o.GetName()}, "/")
}

func names(all []*unstructured.Unstructured) []string {
	var n []string
	for _, o := range all {
		n = append(n, name(o))
	}
	slices.Sort(n)
	return n
}

func find(t *testing.T, all []*unstructured.Unstructured, wanted string) *unstructured.Unstructured {
	t.Helper()
	i := slices.IndexFunc(all, func(o *unstructured.Unstructured) bool { return name(o) == wanted })
	if i < 0 {
		t.Fatalf("no %s among %v", wanted, names(all))
	}
	return all[i]
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

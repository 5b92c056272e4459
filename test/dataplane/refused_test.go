package dataplane

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatCannotBeRunIsRefusedWithItsRemedy(t *testing.T) {
	t.Parallel()
	docs := directory(t, map[string]string{"a.md": "# Wind\n\nWind is measured in knots."})
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	badKeys := filepath.Join(t.TempDir(), "keys")
	write(t, badKeys, "alice\n")

	sound := pipeline(volume, standIns)
	with := func(extra string) string { return pipeline(volume, standIns, extra) }
	endpoint := func(secret string) string {
		return pipeline(volume, `
  models:
    embedding:
      endpoint: {url: "http://127.0.0.1:9/v1", model: m, secretRef: `+secret+`}`)
	}
	second := volume + `
  - name: more
    persistentVolumeClaim: {claimName: more}`
	configMap := func(name string) string {
		return pipeline(`
  documents:
  - {name: docs, configMap: {name: `+name+`}}`, standIns)
	}
	const secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: nvidia}\nstringData: {other: c2VjcmV0LXZhbHVl}\n"
	ask := []string{"--documents", docs, "--ask", "What is wind measured in?"}

	for _, c := range []struct {
		name     string
		manifest string
		args     []string // beside -f; ask when nil
		want     string
	}{
		{"an unknown field", with("\n  chunkign: {size: 3}"), nil, `unknown field "spec.chunkign": the fields here are chunking, `},
		{"an overlap as large as the chunk", with("\n  chunking: {size: 300, overlap: 300}"), nil, "spec.chunking.overlap: overlap must be less than size: lower overlap or raise size"},
		{"more passages than candidates", with("\n  retrieval: {k: 5, topN: 6}"), nil, "spec.retrieval.topN: topN must be at most k"},
		{"two kinds in one source", pipeline(volume+"\n    configMap: {name: c}", standIns), nil, "spec.documents[0]: a source needs exactly one of configMap,"},
		{"a secret that is in no file", endpoint("{name: nvidia, key: token}"), nil, `spec.models.embedding.endpoint.secretRef: no file has Secret "nvidia": add it with another -f`},
		{"a secret that is neither in a file nor in the environment", endpoint("{name: nvidia, key: NVIDIA_API_KEY}"), nil, `no file has Secret "nvidia", and NVIDIA_API_KEY is not set in the environment: provide one of them`},
		{"a secret without the key", endpoint("{name: nvidia, key: token}") + secret, nil, `Secret "nvidia" has no key "token"`},
		{"a ConfigMap that is in no file", configMap("missing"), []string{"--ask", "?"}, `source "docs": no file has ConfigMap "missing": add it with another -f`},
		{"a source without a directory", sound, []string{"--ask", "?"}, `source "docs" is a volume of a cluster: replace it with a directory, --documents docs=DIR`},
		{"a program without a directory", pipeline("\n  documents:\n  - {name: drive, container: {image: rclone/rclone}}", standIns), []string{"--ask", "?"}, `run it yourself, and replace the source with the directory that it has filled, --documents drive=DIR`},
		{"a directory that does not exist", sound, []string{"--documents", "nowhere", "--ask", "?"}, "--documents nowhere: nowhere is not a directory"},
		{"a directory for no source", sound, []string{"--documents", "paper=" + docs, "--ask", "?"}, `the manifest has no source "paper"; it has docs`},
		{"a directory for one of two sources", pipeline(second, standIns), ask, "several sources need a directory (docs, more): write SOURCE=DIR"},
		{"a directory for one source twice", sound, append([]string{"--documents", docs}, ask...), `source "docs" already has a directory`},
		{"a model that needs a cluster", pipeline(volume, "\n  models:\n    embedding: {nim: {image: 'nvcr.io/nim/e:1', model: e}}"), nil, "spec.models.embedding: a nim model needs a cluster"},
		{"a host with a port", sound, []string{"--documents", docs, "--host", "docs.internal:80"}, "--host docs.internal:80: write a name or an address"},
		{"an address that others can reach, without keys", sound, []string{"--documents", docs, "--listen", "0.0.0.0:0"}, "--listen 0.0.0.0:0 can be reached from other machines: add --keys FILE"},
		{"an address without a port", sound, []string{"--documents", docs, "--listen", "127.0.0.1"}, "--listen 127.0.0.1: write HOST:PORT"},
		{"an address that is taken, before anything is indexed", sound, []string{"--documents", docs, "--listen", taken.Addr().String()}, "address already in use"},
		{"a file of keys without a token", sound, []string{"--documents", docs, "--keys", badKeys}, "line 1 is not name=token"},
		{"an output of another kind", sound, append([]string{"--output", "yaml"}, ask...), "--output yaml: use text or json"},
		{"an empty question", sound, []string{"--documents", docs, "--ask", ""}, "--ask: the question is empty"},
		{"an unknown flag", sound, []string{"--docments", docs}, "unknown flag: --docments"},
		{"no pipeline in the file", strings.TrimPrefix(secret, "---\n"), nil, "the files hold no RAGPipeline, only 1 Secret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := ask
			if c.args != nil {
				args = c.args
			}
			data := filepath.Join(t.TempDir(), "data")
			p := run(t, append([]string{"run", "-f", manifest(t, c.manifest), "--data", data}, args...)...)
			p.ends(2, "ragpipeline: ", c.want)
			if lines := strings.Count(p.stderr.String(), "\n"); lines != 1 {
				t.Errorf("%d lines for one mistake:\n%s", lines, p.stderr.String())
			}
			if p.stdout.String() != "" {
				t.Errorf("on standard output: %q", p.stdout.String())
			}
			if strings.Contains(p.stderr.String(), "c2VjcmV0LXZhbHVl") {
				t.Error("it shows a secret's value")
			}
		})
	}
}

func TestAManifestThatCannotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	run(t, "run", "-f", manifest(t, "kind: ["), "--ask", "?").ends(2, "pipeline.yaml: yaml: line 1: did not find expected node content")
	run(t, "run", "-f", "nowhere.yaml", "--ask", "?").ends(2, "nowhere.yaml: no such file")
	run(t, "run", "--ask", "?").ends(2, "name a manifest by -f FILE, or a directory of documents by --documents DIR")
	run(t, "rnu").ends(2, `unknown command "rnu"`)
	run(t, "run", "pipeline.yaml").ends(2, `run takes no argument, but got "pipeline.yaml"`)
}

func TestAManifestMayComeFromStandardInput(t *testing.T) {
	t.Parallel()
	docs := directory(t, map[string]string{"a.md": "# Wind\n\nWind is measured in knots."})
	p := start(t, []string{"run", "-f", "-", "--documents", docs, "--ask", "What is wind measured in?"}, input(pipeline(volume, standIns))).wait()
	p.ends(0)
	contains(t, p.stdout.String(), "Wind is measured in knots. [1]", "[1] docs/a.md (score ")
}

func TestAnEmptyDirectoryFailsAndLeavesTheIndexUsable(t *testing.T) {
	t.Parallel()
	docs, data := t.TempDir(), t.TempDir()
	args := []string{"run", "-f", manifest(t, pipeline(volume, standIns)), "--documents", docs, "--data", data, "--ask", "What is wind measured in?"}
	run(t, args...).ends(1, "there are no documents: the sources are empty, or their include and exclude admit nothing")

	write(t, filepath.Join(docs, "a.md"), "# Wind\n\nWind is measured in knots.")
	run(t, args...).ends(0, "1 document in 1 chunk: 1 added")
}

func TestOneDirectoryServesOneProcess(t *testing.T) {
	t.Parallel()
	docs, data := directory(t, map[string]string{"a.md": "# Wind\n\nWind is measured in knots."}), t.TempDir()
	args := []string{"-f", manifest(t, pipeline(volume, standIns)), "--documents", docs, "--data", data}
	first, _ := serving(t, args)

	second := append([]string{"run", "--ask", "What is wind measured in?"}, args...)
	run(t, second...).ends(1, "another process has the index open: "+data+": stop that process, or choose another directory")
	first.stop().ends(0)
	run(t, second...).ends(0, "all unchanged")
}

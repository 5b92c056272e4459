package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/command/starter"
	"github.com/ragpipeline/ragpipeline/internal/serve"
)

type initFlags struct {
	connection
	file, name    string
	hosted, force bool
	asks          bool // reports whether a person can be asked
}

func newInitCommand() *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a manifest for a directory of documents, with the models that run on this machine",
		Long: "init looks for a running Ollama or llama.cpp at their default ports, and writes a manifest with their\n" +
			"models. Without one, it takes the stand-ins, which are for trying out. It uses NVIDIA's hosted models, to\n" +
			"which the text of your documents is sent, only with --hosted, or after you have said yes.",
		Example: "  ragpipeline init ./docs\n  ragpipeline init ./docs --hosted -f hosted.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			f.asks = isTerminal(cmd.InOrStdin()) && isTerminal(cmd.ErrOrStderr())
			switch {
			case len(args) > 1:
				return unusable{fmt.Errorf("init takes one directory, but got %q; see %s --help", args, cmd.CommandPath())}
			case len(args) == 0:
				args = []string{"."}
			}
			return f.run(cmd.Context(), args[0])
		},
	}
	f.registerOutput(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&f.file, "filename", "f", "ragpipeline.yaml", "file to write, - is standard output")
	flags.StringVar(&f.name, "name", "", "name of the pipeline (default the directory's)")
	flags.BoolVar(&f.hosted, "hosted", false,
		"use NVIDIA's hosted models: the text of documents and questions is sent there")
	flags.BoolVar(&f.force, "force", false, "replace a file that exists")
	return cmd
}

// initialised is what `init -o json` prints.
type initialised struct {
	File     string   `json:"file"`
	Pipeline string   `json:"pipeline"`
	Models   string   `json:"models"`
	Notes    []string `json:"notes,omitempty"`
}

func (f *initFlags) run(ctx context.Context, directory string) error {
	if !isDirectory(directory) {
		return unusable{fmt.Errorf("%s is not a directory: name the one with your documents", directory)}
	}
	absolute, err := filepath.Abs(directory)
	if err != nil {
		return err
	}
	if f.name == "" {
		f.name = starter.NameOf(absolute)
	}
	if starter.NameOf(f.name) != f.name {
		return unusable{fmt.Errorf("--name %s: use at most 40 lower-case letters, digits and single hyphens, a letter first",
			f.name)}
	}
	m, notes := f.choose(ctx)
	if err := f.write(m.Text); err != nil {
		return err
	}
	if f.json() {
		return json.NewEncoder(f.stdout).Encode(initialised{f.file, m.Name, m.Models, notes})
	}
	for _, note := range notes {
		fmt.Fprintln(f.stderr, "note:", note)
	}
	fmt.Fprintln(f.stderr, "models:", m.Models)
	if f.file != "-" {
		fmt.Fprintf(f.stderr, "%s is written. Ask your documents by it:\n\n"+
			"  ragpipeline run -f %[1]s --documents %s --ask \"...\"\n", f.file, directory)
	}
	return nil
}

// choose makes the manifest, and says what it looked for.
func (f *initFlags) choose(ctx context.Context) (starter.Manifest, []string) {
	if f.hosted {
		return starter.WithHosted(f.name), f.withoutKey()
	}
	found := starter.Find(ctx, starter.Local(f.getenv))
	if !found.Any() && f.asks && f.getenv(hostedKey) != "" && f.agrees() {
		return starter.WithHosted(f.name), found.Notes
	}
	return starter.WithLocal(f.name, found), found.Notes
}

// hostedKey is the key that the hosted models ask for.
const hostedKey = "NVIDIA_API_KEY"

func (f *initFlags) withoutKey() []string {
	if f.getenv(hostedKey) != "" {
		return nil
	}
	return []string{hostedKey + " is not set: export a key from https://build.nvidia.com before you run the pipeline"}
}

// agrees asks whether documents may be sent away. Only a yes is one.
func (f *initFlags) agrees() bool {
	fmt.Fprintf(f.stderr, "No model server runs on this machine, and %s is set. Use NVIDIA's hosted models?\n"+
		"The text of every document and question would be sent to %s. [y/N] ", hostedKey,
		strings.Join(starter.Hosts(), " and "))
	answer, _ := bufio.NewReader(f.stdin).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

func (f *initFlags) write(text string) error {
	if f.file == "-" {
		if f.json() {
			return unusable{errors.New("-f - and -o json both print to standard output: name a file")}
		}
		_, err := fmt.Fprint(f.stdout, text)
		return err
	}
	return writeManifest(f.file, text, f.force)
}

// writeManifest writes a new file, or with force over one that exists.
func writeManifest(file, text string, force bool) error {
	how := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		how = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	w, err := os.OpenFile(file, how, 0o644) //nolint:gosec // a manifest holds nothing secret
	if errors.Is(err, fs.ErrExist) {
		return unusable{fmt.Errorf("%s exists: name another file by -f, or replace it by --force", file)}
	}
	if err != nil {
		return err
	}
	_, err = w.WriteString(text)
	return errors.Join(err, w.Close())
}

// starterFiles are the manifest of a `run` without one: that which an earlier run wrote beside the data directory, or a
// new one by what `init` would choose. So an index does not change its models because a server is not running today.
func (f *runFlags) starterFiles(ctx context.Context) ([]string, error) {
	_, directory, err := parseDocuments(f.documents[0])
	if err != nil {
		return nil, unusable{fmt.Errorf("--documents %s: %w", f.documents[0], err)}
	}
	name := starter.NameOf(directory)
	data := f.data
	if data == "" {
		data = filepath.Join(".ragpipeline", name)
	}
	file := filepath.Clean(data) + ".yaml"
	stderr := serve.Plain(f.stderr)
	if _, err := os.Stat(file); err == nil {
		fmt.Fprintf(stderr, "note: without -f, the manifest is %s, which an earlier run wrote\n", file)
		return []string{file}, nil
	}
	found := starter.Find(ctx, starter.Local(f.getenv))
	m := starter.WithLocal(name, found)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // a manifest holds nothing secret
		return nil, err
	}
	if err := writeManifest(file, m.Text, false); err != nil {
		return nil, err
	}
	for _, note := range found.Notes {
		fmt.Fprintln(stderr, "note:", note)
	}
	fmt.Fprintf(stderr, "models: %s\n"+
		"note: without -f, the manifest is %s, which this run wrote; edit it, or delete it to choose anew\n", m.Models, file)
	return []string{file}, nil
}

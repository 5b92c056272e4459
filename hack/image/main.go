// Command image packs static binaries into a container image that has no base: an archive that
// `docker load`, `ctr images import` and `kind load image-archive` read. The same inputs make the
// same bytes.
//
//	image -o OUT.tar -name NAME[,NAME...] [-user UID:GID] [-cmd ARG[,ARG...]] FILE=PATH...
//	image -o OUT.tar -layer FILE=PATH...
//
// FILE is a binary here, PATH its place in the image; the first one is the entrypoint. With -layer
// it writes the image's one layer alone, for the Dockerfile to take. Beside the binaries the image
// holds CA certificates, /tmp, and the users root and nonroot (65532).
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(args []string, usage io.Writer) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.SetOutput(usage)
	out := flags.String("o", "", "archive to write")
	names := flags.String("name", "", "names of the image with their tags, comma-separated")
	user := flags.String("user", "65532:65532", "user and group that it runs as")
	cmd := flags.String("cmd", "", "default arguments, comma-separated")
	certificates := flags.String("ca", "", "CA certificates to put in (default: the system's)")
	layerOnly := flags.Bool("layer", false, "write the layer alone")
	if err := flags.Parse(args); err != nil {
		return err
	}
	binaries, err := parseBinaries(flags.Args())
	if err != nil {
		return err
	}
	if *out == "" {
		return errors.New("-o is missing: name the archive to write")
	}
	layer, err := makeLayer(binaries, *certificates)
	if err != nil {
		return err
	}
	if *layerOnly {
		return replace(*out, layer)
	}
	i := image{
		layer: layer, architecture: binaries[0].architecture, user: *user, entrypoint: binaries[0].to, cmd: split(*cmd),
	}
	if i.names, err = parseNames(*names); err != nil {
		return err
	}
	archive, err := i.archive()
	if err != nil {
		return err
	}
	return replace(*out, archive)
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// replace writes a file that appears whole or not at all.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".image-*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	return nil
}

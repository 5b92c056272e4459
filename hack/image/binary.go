package main

import (
	"debug/elf"
	"fmt"
	"path"
	"strings"
)

// binary is a static Linux executable and where it goes.
type binary struct {
	from, to     string
	architecture string // as Go and image configs name it
}

// parseBinaries reads FILE=PATH arguments.
func parseBinaries(args []string) ([]binary, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("nothing to pack: name a binary and its place, as bin/app=/app")
	}
	binaries := make([]binary, len(args))
	for i, arg := range args {
		from, to, ok := strings.Cut(arg, "=")
		if !ok || !path.IsAbs(to) || path.Clean(to) != to || to == "/" {
			return nil, fmt.Errorf("%q is not FILE=PATH with an absolute path", arg)
		}
		architecture, err := architectureOf(from)
		if err != nil {
			return nil, err
		}
		if i > 0 && architecture != binaries[0].architecture {
			return nil, fmt.Errorf("%s is for %s, %s for %s: an image has one architecture",
				from, architecture, binaries[0].from, binaries[0].architecture)
		}
		binaries[i] = binary{from: from, to: to, architecture: architecture}
	}
	return binaries, nil
}

var architectures = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// architectureOf refuses what could not run in an image with nothing else in it.
func architectureOf(file string) (string, error) {
	f, err := elf.Open(file)
	if err != nil {
		return "", fmt.Errorf("%s is not a Linux binary: build it with GOOS=linux: %w", file, err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return "", fmt.Errorf("%s is not static: build it with CGO_ENABLED=0", file)
		}
	}
	architecture, ok := architectures[f.Machine]
	if !ok {
		return "", fmt.Errorf("%s is for %s, which is not supported", file, f.Machine)
	}
	return architecture, nil
}

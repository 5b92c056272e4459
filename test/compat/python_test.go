package compat

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	oldestPython   = "3.11"
	installTimeout = 15 * time.Minute
)

// The files of what is installed into the environments of Python. Some clients need OpenAI's SDK 2, and others 3.
const (
	sdk2 = "requirements.txt"
	sdk3 = "requirements-openai3.txt"
)

// python returns the interpreter of an environment that holds requirements.txt.
func python(t *testing.T) string {
	t.Helper()
	return pythonWith(t, sdk2)
}

// pythonWith returns the interpreter of an environment with these requirements. Without one the test is
// skipped, or fails if RAGPIPELINE_COMPAT asks for it.
func pythonWith(t *testing.T, requirements string) string {
	t.Helper()
	interpreter, err := environments[requirements]()
	need(t, err)
	return interpreter
}

// environments make an environment, or find it made.
var environments = map[string]func() (string, error){
	sdk2: sync.OnceValues(func() (string, error) { return environment(sdk2) }),
	sdk3: sync.OnceValues(func() (string, error) { return environment(sdk3) }),
}

func environment(file string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), installTimeout)
	defer cancel()
	system, version, err := systemPython(ctx)
	if err != nil {
		return "", err
	}
	requirements, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(append(requirements, version...))
	dir, err := cached(ctx, fmt.Sprintf("compat-%x", hash[:6]), func(ctx context.Context, dir string) error {
		return install(ctx, system, dir, file)
	})
	return filepath.Join(dir, "bin", "python"), err
}

// systemPython finds an interpreter that is new enough, and its version.
func systemPython(ctx context.Context) (path, version string, err error) {
	path, err = exec.LookPath("python3")
	if err != nil {
		return "", "", fmt.Errorf("there is no python3 in PATH: install Python %s or later with venv", oldestPython)
	}
	major, minor, _ := strings.Cut(oldestPython, ".")
	script := fmt.Sprintf("import sys, venv, ensurepip; print(sys.version); sys.exit(sys.version_info < (%s, %s))", major, minor)
	version, err = output(ctx, path, "-c", script)
	if err != nil {
		return "", "", fmt.Errorf("%s is not Python %s or later with venv: %w", path, oldestPython, err)
	}
	return path, version, nil
}

// install makes a virtual environment in dir and installs the requirements into it.
func install(ctx context.Context, python, dir, requirements string) error {
	if _, err := output(ctx, python, "-m", "venv", dir); err != nil {
		return fmt.Errorf("make a virtual environment in %s: %w", dir, err)
	}
	pip := []string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements}
	if _, err := output(ctx, filepath.Join(dir, "bin", "python"), pip...); err != nil {
		return fmt.Errorf("install test/compat/%s, which needs the Python package index: %w", requirements, err)
	}
	return nil
}

// output runs a command and returns what it prints; its error holds the end of what it complained.
func output(ctx context.Context, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		complaint := strings.TrimSpace(stderr.String())
		return "", errors.Join(err, errors.New(complaint[max(0, len(complaint)-2000):]))
	}
	return stdout.String(), nil
}

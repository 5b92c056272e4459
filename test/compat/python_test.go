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
	oldestPython   = "3.10"
	installTimeout = 15 * time.Minute
)

// python returns the interpreter of an environment that holds requirements.txt. Without one the test is
// skipped, or fails if RAGPIPELINE_COMPAT asks for it.
func python(t *testing.T) string {
	t.Helper()
	interpreter, err := environment()
	need(t, err)
	return interpreter
}

// environment makes the environment, or finds it made.
var environment = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), installTimeout)
	defer cancel()
	system, version, err := systemPython(ctx)
	if err != nil {
		return "", err
	}
	requirements, err := os.ReadFile("requirements.txt")
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(append(requirements, version...))
	dir, err := cached(ctx, fmt.Sprintf("compat-%x", hash[:6]), func(ctx context.Context, dir string) error {
		return install(ctx, system, dir)
	})
	return filepath.Join(dir, "bin", "python"), err
})

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
func install(ctx context.Context, python, dir string) error {
	if _, err := output(ctx, python, "-m", "venv", dir); err != nil {
		return fmt.Errorf("make a virtual environment in %s: %w", dir, err)
	}
	pip := []string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"}
	if _, err := output(ctx, filepath.Join(dir, "bin", "python"), pip...); err != nil {
		return fmt.Errorf("install test/compat/requirements.txt, which needs the Python package index: %w", err)
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

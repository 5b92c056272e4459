package compat

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

const oldestNode = 20

// javascript returns the directory of an environment that holds clients/js/package.json, and in it the scripts
// beside it. Without one the test is skipped, or fails if RAGPIPELINE_COMPAT asks for it.
func javascript(t *testing.T) string {
	t.Helper()
	modules, err := nodeModules()
	need(t, err)
	dir := t.TempDir()
	scripts, err := filepath.Glob(filepath.Join("clients", "js", "*.mjs"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts in clients/js: %v", err)
	}
	err = os.Symlink(modules, filepath.Join(dir, "node_modules"))
	for _, script := range scripts {
		var text []byte
		if err == nil {
			text, err = os.ReadFile(script)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(script)), text, 0o644)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// nodeModules installs what package-lock.json names, or finds it installed.
var nodeModules = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), installTimeout)
	defer cancel()
	if _, err := exec.LookPath("npm"); err != nil {
		return "", fmt.Errorf("there is no npm in PATH: install Node.js %d or later", oldestNode)
	}
	script := fmt.Sprintf(`if (parseInt(process.versions.node) < %d) process.exit(1)`, oldestNode)
	if _, err := output(ctx, "node", "-e", script); err != nil {
		return "", fmt.Errorf("node is not Node.js %d or later: %w", oldestNode, err)
	}
	var files []byte
	for _, file := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("clients", "js", file))
		if err != nil {
			return "", err
		}
		files = append(files, text...)
	}
	hash := sha256.Sum256(files)
	dir, err := cached(ctx, fmt.Sprintf("compat-js-%x", hash[:6]), installModules)
	return filepath.Join(dir, "node_modules"), err
})

// installModules installs the packages into dir.
func installModules(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, file := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("clients", "js", file))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	npm := []string{"ci", "--prefix", dir, "--ignore-scripts", "--no-audit", "--no-fund"}
	if _, err := output(ctx, "npm", npm...); err != nil {
		return fmt.Errorf("install test/compat/clients/js/package.json, which needs the npm registry: %w", err)
	}
	return nil
}

// need skips the test for want of something that it needs, or fails it if RAGPIPELINE_COMPAT asks for that.
func need(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("RAGPIPELINE_COMPAT") == "require" {
		t.Fatalf("RAGPIPELINE_COMPAT=require, but %v", err)
	}
	t.Skipf("skipped: %v", err)
}

// cached returns a directory of the user's cache in which install was done once. Its name tells what goes into
// it, so that a new version makes a new one; what is half made, for want of the file "complete", is made again.
func cached(ctx context.Context, name string, install func(ctx context.Context, dir string) error) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "ragpipeline", name)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	complete := filepath.Join(dir, "complete")
	if _, err := os.Stat(complete); err == nil {
		return dir, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := install(ctx, dir); err != nil {
		return "", err
	}
	return dir, os.WriteFile(complete, nil, 0o644)
}

// Package keys reads API keys: those that a data-plane process sends to models and to the vector
// store, and those that the gateway's clients send to it; and the certificates that sources trust. No error shows
// a key.
package keys

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// maxBytes bounds a file of keys; a real key has some hundred bytes. maxBundle bounds one of certificates; those of a
// whole system have 250 kB.
const (
	maxBytes  = 64 << 10
	maxBundle = 1 << 20
)

// Ring finds the API key that a config refers to. For a nil reference it returns nil: send no key.
type Ring func(ref *config.SecretKey) model.Key

// Mounted reads keys from mounted Secrets, <dir>/<secret>/<key>. It reads the file before each
// request, so that a rotated key needs no restart.
func Mounted(dir string) Ring {
	return func(ref *config.SecretKey) model.Key {
		if ref == nil {
			return nil
		}
		path := filepath.Join(dir, ref.Name, ref.Key)
		return func() (string, error) {
			b, err := read(path, maxBytes)
			if err != nil {
				return "", fmt.Errorf("key %q of Secret %q: %w", ref.Key, ref.Name, err)
			}
			return strings.TrimSpace(string(b)), nil
		}
	}
}

// FromManifest takes keys from the Secrets in the manifest's files. If no file has the Secret, an
// environment variable named like the key replaces it, but only if that name ends in _API_KEY:
// otherwise a manifest could send any variable of the environment to an address of its choice.
func FromManifest(secrets map[string]map[string][]byte, getenv func(string) string) Ring {
	return func(ref *config.SecretKey) model.Key {
		if ref == nil {
			return nil
		}
		value, err := fromManifest(*ref, secrets, getenv)
		return func() (string, error) { return value, err }
	}
}

func fromManifest(
	ref config.SecretKey, secrets map[string]map[string][]byte, getenv func(string) string,
) (string, error) {
	if secret, ok := secrets[ref.Name]; ok {
		value, ok := secret[ref.Key]
		if !ok {
			return "", absent{fmt.Errorf("the manifest's Secret %q has no key %q", ref.Name, ref.Key)}
		}
		return strings.TrimSpace(string(value)), nil
	}
	if !strings.HasSuffix(ref.Key, "_API_KEY") {
		return "", fmt.Errorf("no file has Secret %q: add it with another -f", ref.Name)
	}
	if value := getenv(ref.Key); value != "" {
		return value, nil
	}
	return "", fmt.Errorf("no file has Secret %q, and %s is not set in the environment: provide one of them",
		ref.Name, ref.Key)
}

// absent is that a Secret has no such key: fs.ErrNotExist, as it is of a mounted Secret.
type absent struct{ error }

// Is reports whether target is fs.ErrNotExist.
func (absent) Is(target error) bool { return target == fs.ErrNotExist }

// Bundles reads certificates from mounted ConfigMaps, <dir>/<config map>/<key>.
func Bundles(dir string) func(config.ConfigMapKey) ([]byte, error) {
	return func(ref config.ConfigMapKey) ([]byte, error) {
		b, err := read(filepath.Join(dir, ref.Name, ref.Key), maxBundle)
		if err != nil {
			return nil, fmt.Errorf("key %q of ConfigMap %q: %w", ref.Key, ref.Name, err)
		}
		return b, nil
	}
}

// read returns the content of a file of at most limit bytes.
func read(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return b, nil
}

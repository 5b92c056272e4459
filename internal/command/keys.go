package command

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// maxKeyBytes bounds a key file; real keys have some hundred bytes.
const maxKeyBytes = 64 << 10

// keyring finds the API key that a config refers to. A nil reference means that no key is sent.
type keyring func(ref *config.SecretKey) model.Key

// mountedKeys reads keys from mounted Secrets, <dir>/<secret>/<key>, anew at each request: a rotated key needs
// no restart.
func mountedKeys(dir string) keyring {
	return func(ref *config.SecretKey) model.Key {
		if ref == nil {
			return nil
		}
		path := filepath.Join(dir, ref.Name, ref.Key)
		return func() (string, error) {
			b, err := readBounded(path, maxKeyBytes)
			if err != nil {
				return "", fmt.Errorf("key %q of Secret %q: %w", ref.Key, ref.Name, err)
			}
			return strings.TrimSpace(string(b)), nil
		}
	}
}

// manifestKeys takes keys from the Secrets in the manifest's files. A Secret that none of them holds may be
// replaced by an environment variable of its key's name, if that ends in _API_KEY: a manifest must not be able to
// send any other variable of the environment to an address of its choice.
func manifestKeys(secrets map[string]map[string][]byte, getenv func(string) string) keyring {
	return func(ref *config.SecretKey) model.Key {
		if ref == nil {
			return nil
		}
		value, err := manifestKey(*ref, secrets, getenv)
		return func() (string, error) { return value, err }
	}
}

func manifestKey(ref config.SecretKey, secrets map[string]map[string][]byte, getenv func(string) string) (string, error) {
	if secret, ok := secrets[ref.Name]; ok {
		value, ok := secret[ref.Key]
		if !ok {
			return "", fmt.Errorf("Secret %q has no key %q", ref.Name, ref.Key) //nolint:staticcheck // Secret is a kind's name
		}
		return strings.TrimSpace(string(value)), nil
	}
	if !strings.HasSuffix(ref.Key, "_API_KEY") {
		return "", fmt.Errorf("Secret %q is in none of the files: add it with another -f", ref.Name) //nolint:staticcheck // as above
	}
	if value := getenv(ref.Key); value != "" {
		return value, nil
	}
	return "", fmt.Errorf("Secret %q is in none of the files, and %s is not in the environment: give one of them", ref.Name, ref.Key) //nolint:staticcheck // as above
}

// clientKeys reads the keys that the gateway's clients may use from FILE: a line is name=token, as `kubectl create
// secret generic --from-env-file` reads it.
func clientKeys(path string) func() (map[string]string, error) {
	return func() (map[string]string, error) {
		b, err := readBounded(path, maxKeyBytes)
		if err != nil {
			return nil, fmt.Errorf("client keys: %w", err)
		}
		keys := map[string]string{}
		for i, line := range strings.Split(string(b), "\n") {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			name, token, ok := strings.Cut(line, "=")
			if !ok || name == "" || token == "" {
				return nil, fmt.Errorf("client keys: %s line %d is not name=token", path, i+1)
			}
			keys[name] = token
		}
		if len(keys) == 0 {
			return nil, fmt.Errorf("client keys: %s holds none; a line is name=token", path)
		}
		return keys, nil
	}
}

// mountedClientKeys reads the gateway's client keys from a mounted Secret: a file is a client, its content the token.
func mountedClientKeys(dir string) func() (map[string]string, error) {
	return func() (map[string]string, error) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("client keys: %w", err)
		}
		keys := map[string]string{}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") { // the mount's own links
				continue
			}
			b, err := readBounded(filepath.Join(dir, e.Name()), maxKeyBytes)
			if err != nil {
				return nil, fmt.Errorf("client keys: %w", err)
			}
			keys[e.Name()] = strings.TrimSpace(string(b))
		}
		return keys, nil
	}
}

func readBounded(path string, limit int64) ([]byte, error) {
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

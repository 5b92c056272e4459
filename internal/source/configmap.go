package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// configMap is a ConfigMap in memory; its keys are the paths.
type configMap struct {
	data  map[string][]byte
	globs globs
}

func openConfigMap(name string, globs globs, r Resolvers) (Source, error) {
	if r.ConfigMap == nil {
		return nil, fmt.Errorf("ConfigMap %q is not mounted", name)
	}
	data, err := r.ConfigMap(name)
	if err != nil {
		return nil, err
	}
	return &configMap{data: data, globs: globs}, nil
}

func (c *configMap) List(ctx context.Context, yield func(Entry) bool) error {
	for _, key := range slices.Sorted(maps.Keys(c.data)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !c.globs.admits(key) {
			continue
		}
		sum := sha256.Sum256(c.data[key])
		if !yield(Entry{Path: key, Size: int64(len(c.data[key])), Version: hex.EncodeToString(sum[:]), Exact: true}) {
			return nil
		}
	}
	return nil
}

func (c *configMap) Open(_ context.Context, entry Entry) (io.ReadCloser, error) {
	data, ok := c.data[entry.Path]
	if !ok {
		return nil, config.Failf(config.Unreadable, "the ConfigMap has no key %q", entry.Path)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

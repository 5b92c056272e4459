package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxBytes bounds a config file: a ConfigMap holds at most 1 MiB.
const maxBytes = 1 << 20

// ReadIngest reads an ingestion's config file and validates it.
func ReadIngest(path string) (*Ingest, error) { return read(path, (*Ingest).Validate) }

// ReadGateway reads a gateway's config file and validates it.
func ReadGateway(path string) (*Gateway, error) { return read(path, (*Gateway).Validate) }

// Validate returns an error if this build cannot run with the config. The rules that a user meets
// are the CRD's.
func (c *Ingest) Validate() error { return errors.Join(checkVersion(c.Version), c.Index.validate()) }

// Validate returns an error if this build cannot run with the config. The rules that a user meets
// are the CRD's.
func (c *Gateway) Validate() error { return errors.Join(checkVersion(c.Version), c.Index.validate()) }

func read[T any](path string, validate func(*T) error) (*T, error) {
	b, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	c := new(T)
	err = decode(b, c)
	if err == nil {
		err = validate(c)
	}
	if err != nil {
		return nil, fmt.Errorf("config %s: %w", path, err)
	}
	return c, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err == nil && len(b) > maxBytes {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxBytes)
	}
	return b, err
}

// decode is strict: a field that this version does not know would not be obeyed.
func decode(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the JSON object")
	}
	return nil
}

func checkVersion(v int) error {
	if v != Version {
		return fmt.Errorf("version: %d, but this build reads %d: operator and pods must run one image", v, Version)
	}
	return nil
}

func (i Index) validate() error {
	if (i.Local == nil) == (i.Weaviate == nil) {
		return errors.New("index: exactly one of local and weaviate is needed")
	}
	return nil
}

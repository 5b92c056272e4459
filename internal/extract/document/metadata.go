package document

import (
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Tell records what the document tells of itself under a key. What cannot be metadata is counted as MetadataIgnored.
func (d *Document) Tell(key string, value config.Value) {
	if _, told := d.Metadata[key]; told {
		return // the first of several holds
	}
	switch {
	case len(d.Metadata) == config.MaxMetadataKeys, config.CheckMetadata(key, value) != nil:
		d.Warnings.Add(config.MetadataIgnored, 1, key)
		return
	case d.Metadata == nil:
		d.Metadata = config.Metadata{}
	}
	d.Metadata[key] = value
}

// canonical are the numbers that are written as numbers are. Others, such as 007 or 1_000, are identifiers rather.
var canonical = regexp.MustCompile(`^-?(0|[1-9]\d{0,14})(\.\d{1,15})?([eE][-+]?\d{1,3})?$`)

// plainValue is the value of a word that stands without quotes.
func plainValue(word string) config.Value {
	switch {
	case word == "true", word == "false":
		return config.Boolean(word == "true")
	case canonical.MatchString(word):
		if n, err := config.ParseNumber(word); err == nil {
			return config.Number(n)
		}
	}
	return config.Text(word)
}

// yamlValue is the value of a scalar in YAML; dates are texts.
func yamlValue(n *yaml.Node) config.Value {
	switch n.ShortTag() {
	case "!!int", "!!float":
		return plainValue(n.Value)
	case "!!bool":
		return config.Boolean(strings.EqualFold(n.Value, "true"))
	}
	return config.Text(plain.Fold(plain.Normalise(n.Value)))
}

// tomlTimes are the formats of dates and times in TOML, by the names of their locations.
var tomlTimes = map[string]string{
	"date-local": time.DateOnly, "datetime-local": "2006-01-02T15:04:05.999999999", "time-local": "15:04:05.999999999",
}

func tomlTime(t time.Time) string {
	if format, local := tomlTimes[t.Location().String()]; local {
		return t.Format(format)
	}
	return t.Format(time.RFC3339Nano)
}

// ListOf is a list of the texts that are not empty.
func ListOf(texts []string) config.Value {
	var list []string
	for _, text := range texts {
		if text = plain.Fold(plain.Normalise(text)); text != "" {
			list = append(list, text)
		}
	}
	return config.List(list...)
}

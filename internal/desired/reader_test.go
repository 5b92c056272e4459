package desired

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// The gateway mounts the store's key for reading and nothing of the other, and ingestion the other way round. Neither
// changes for a store that an older operator made, because its pods would have to restart.
func TestTheGatewayHasTheKeyForReading(t *testing.T) {
	p := derivetest.Pipeline(derivetest.WithStandIns)
	names := naming.For(p)
	for name, c := range map[string]struct {
		facts          Facts
		gateway        string // the Secret of its key
		keys, readOnly string
	}{
		"a new store":                              {Facts{}, names.WeaviateReader(), "$(WRITING_KEY),$(READING_KEY)", weaviateReader},
		"a store of an older operator":             {Facts{OneKey: true, GatewayWrites: true}, names.WeaviateKey(), "", ""},
		"an older store whose gateway is gone":     {Facts{OneKey: true}, names.WeaviateKey(), "", ""},
		"a store whose replicas are being changed": {Facts{GatewayWrites: true}, names.WeaviateKey(), "$(WRITING_KEY),$(READING_KEY)", weaviateReader},
	} {
		t.Run(name, func(t *testing.T) {
			for _, o := range objects(t, all(t, p, running(t, p, c.facts))) {
				switch component := fmt.Sprint(o.at("metadata", "labels", naming.LabelComponent)); o.kind() + " " + component {
				case "Deployment gateway":
					if got := keysOfStore(t, o, names); !slices.Equal(got, []string{c.gateway}) {
						t.Errorf("the gateway mounts %v", got)
					}
				case "Job ingest":
					if got := keysOfStore(t, o, names); !slices.Equal(got, []string{names.WeaviateKey()}) {
						t.Errorf("ingestion mounts %v", got)
					}
				case "StatefulSet weaviate":
					env := map[string]string{}
					for _, v := range o.podTemplate(t).Spec.Containers[0].Env {
						env[v.Name] = v.Value
					}
					if env["AUTHENTICATION_APIKEY_ALLOWED_KEYS"] != c.keys || env["AUTHORIZATION_ADMINLIST_READONLY_USERS"] != c.readOnly {
						t.Errorf("the store's keys are %q, and reading only %q", env["AUTHENTICATION_APIKEY_ALLOWED_KEYS"],
							env["AUTHORIZATION_ADMINLIST_READONLY_USERS"])
					}
				}
			}
		})
	}
}

// keysOfStore are the Secrets of the store that a workload's pods mount.
func keysOfStore(t *testing.T, o object, names naming.Names) (secrets []string) {
	t.Helper()
	for _, volume := range o.podTemplate(t).Spec.Volumes {
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if source.Secret != nil && strings.HasPrefix(source.Secret.Name, names.Weaviate()) {
				secrets = append(secrets, source.Secret.Name)
			}
		}
	}
	return secrets
}

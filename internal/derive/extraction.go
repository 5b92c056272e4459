package derive

import (
	"errors"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

const extractionField = "spec.extraction"

// extraction returns the config of the extraction server; nil if the spec has none.
func (d DataPlane) extraction(e *v1alpha1.Extraction) (*config.Extraction, error) {
	if e == nil {
		return nil, nil
	}
	include, err := globs(extractionField+".include", e.Include)
	c := &config.Extraction{Use: config.ExtractionUse(e.Use), Include: include}
	switch endpoint := e.Server.Endpoint; {
	case endpoint != nil:
		c.Server = config.ExtractionServer{
			URL:      string(endpoint.URL),
			Protocol: config.ExtractionProtocol(endpoint.Protocol),
			Key:      SecretKey(endpoint.SecretRef),
		}
	case d.TikaURL == "":
		err = errors.Join(err, Errorf(extractionField+".server", "a tika needs a cluster: on one machine use endpoint, "+
			"for a server that exists; or apply the manifest to a cluster"))
	default:
		c.Server = config.ExtractionServer{URL: d.TikaURL, Protocol: config.Tika}
	}
	return c, err
}

// extractionIdentity returns what a generation has of the extraction server; empty if the spec has
// none. A server that the operator runs is its image, wherever it runs.
func extractionIdentity(e *v1alpha1.Extraction) string {
	if e == nil {
		return ""
	}
	identity := config.ExtractionIdentity{Protocol: config.Tika, Use: config.ExtractionUse(e.Use)}
	if tika := e.Server.Tika; tika != nil {
		identity.Place = string(tika.Image)
	}
	if endpoint := e.Server.Endpoint; endpoint != nil {
		identity.Protocol = config.ExtractionProtocol(endpoint.Protocol)
		identity.Place = string(endpoint.URL)
	}
	for _, glob := range e.Include {
		identity.Include = append(identity.Include, string(glob))
	}
	return identity.String()
}

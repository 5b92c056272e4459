package source

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source/outbound"
)

// broken is a source that cannot be connected to as it is configured. It may heal by itself, and the others go on.
type broken struct{ err error }

func (b broken) List(context.Context, func(Entry) bool) error { return b.err }

func (b broken) Open(context.Context, Entry) (io.ReadCloser, error) {
	return nil, fmt.Errorf("%w: %w", ErrUnavailable, b.err)
}

// transport returns a transport that trusts the bundle and reaches hosts that are allowed, or public.
func (r Resolvers) transport(bundle *config.ConfigMapKey, allow func(host string) bool) (*http.Transport, error) {
	o := outbound.Options{Allow: allow}
	if bundle != nil {
		if r.CABundle == nil {
			return nil, fmt.Errorf("caBundle: ConfigMap %q is not mounted", bundle.Name)
		}
		var err error
		if o.CABundle, err = r.CABundle(*bundle); err != nil {
			return nil, fmt.Errorf("caBundle: %w", err)
		}
	}
	t, err := outbound.New(o)
	if err != nil {
		return nil, fmt.Errorf("caBundle: ConfigMap %q, key %q: %w", bundle.Name, bundle.Key, err)
	}
	return t, nil
}

// outboundRemedy tells what to do about a failure of a connection.
func outboundRemedy(err error) string {
	var (
		certificate *tls.CertificateVerificationError
		dns         *net.DNSError
		refused     *net.OpError
	)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "its Secret lacks an entry"
	case errors.Is(err, outbound.ErrRefused):
		return "its address is not a public one: allow the host in the manifest if that is meant"
	case errors.As(err, &certificate):
		return "its certificate is not trusted: name the authority's in caBundle"
	case errors.As(err, &dns):
		return "its host is not found: check the name"
	case errors.As(err, &refused):
		return "it cannot be connected to: check that it runs and is reachable from the cluster"
	}
	return "the server failed; the next run tries again"
}

//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// store is a pipeline's Weaviate, asked by itself: what it holds is not what others say it does.
type store struct {
	url, key string
	web      *http.Client
}

func (p *pipeline) store(ctx context.Context) (s store, err error) {
	var key corev1.Secret
	if err := api.Get(ctx, p.key(p.names().WeaviateKey()), &key); err != nil {
		return s, err
	}
	address, err := p.address(ctx, p.names().Weaviate())
	s = store{url: "http://" + address + "/v1/", key: string(key.Data["api-key"]), web: web}
	if strings.HasSuffix(address, ":8443") {
		s.url, s.web = "https://"+address+"/v1/", p.client(p.names().Weaviate(), p.authority())
	}
	return s, err
}

func (s store) send(ctx context.Context, method, path string, body, reply any) error {
	return sendBy(ctx, s.web, s.key, method, s.url+path, body, reply)
}

func (s store) collections(ctx context.Context) (names []string, err error) {
	var schema struct{ Classes []struct{ Class string } }
	err = s.send(ctx, "GET", "schema", nil, &schema)
	for _, class := range schema.Classes {
		names = append(names, class.Class)
	}
	return names, err
}

package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/worker"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// resolvers give sources what they name of a manifest and its ConfigMaps.
func (d *dataPlane) resolvers(configMaps map[string]map[string][]byte) source.Resolvers {
	entries := func(name string) (map[string][]byte, error) {
		if m, ok := configMaps[name]; ok {
			return m, nil
		}
		return nil, fmt.Errorf("no file has ConfigMap %q: add it with another -f", name)
	}
	return source.Resolvers{
		ConfigMap: entries,
		Secret:    d.secret,
		CABundle: func(ref config.ConfigMapKey) ([]byte, error) {
			m, err := entries(ref.Name)
			if err == nil && m[ref.Key] == nil {
				err = fmt.Errorf("the manifest's ConfigMap %q has no key %q", ref.Name, ref.Key)
			}
			return m[ref.Key], err
		},
	}
}

// originals returns the function by which the gateway reads the bytes of a document from those of the
// sources that open a document by its path.
func originals(
	sources []config.Source, r source.Resolvers,
) (func(ctx context.Context, row *index.Row, max int64) ([]byte, error), error) {
	opened := map[string]source.Source{}
	for _, c := range sources {
		if !source.OpensUnlisted(c) {
			continue
		}
		s, err := source.New(c, r)
		if err != nil {
			return nil, err
		}
		opened[c.Name] = s
	}
	return func(ctx context.Context, row *index.Row, max int64) ([]byte, error) {
		s := opened[row.Source]
		if s == nil {
			return nil, fmt.Errorf("source %q does not open a document by its path alone", row.Source)
		}
		return source.Original(ctx, s, strings.TrimPrefix(row.Document, row.Source+"/"), row.Hash, max)
	}, nil
}

// localOptions are those of a gateway that reaches the sources itself and draws their pages. stop ends what draws.
func (d *dataPlane) localOptions(
	path *questionPath, sources []config.Source, r source.Resolvers,
) (o gateway.Options, stop func(), err error) {
	o = d.gatewayOptions(path)
	if o.Originals, err = originals(sources, r); err != nil {
		return o, nil, unusable{err}
	}
	o.Draw, stop, err = d.drawing()
	return o, stop, err
}

// drawing returns the function by which the gateway draws pages of PDFs, in a process of its own that is started when
// one is asked for. stop ends that process.
func (d *dataPlane) drawing() (
	draw func(ctx context.Context, pdf []byte, page int) (*gateway.PagePicture, error), stop func(), err error,
) {
	command, err := extractWorker(d.cacheDirectory())
	if err != nil {
		return nil, nil, err
	}
	limit := worker.Time{Base: 20 * time.Second, Longest: 20 * time.Second}
	pool := worker.New(worker.Options{Command: command, Workers: 1, Time: limit})
	return func(ctx context.Context, pdf []byte, page int) (*gateway.PagePicture, error) {
		drawing, err := pool.Draw(ctx, pdf, page)
		if err != nil {
			return nil, err
		}
		return &gateway.PagePicture{PNG: drawing.PNG, Box: drawing.Box}, nil
	}, pool.Close, nil
}

package ingest

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// access is who may see the document as far as its listing tells: nobody, if a sidecar may name the groups.
func (j *job) access() config.Access {
	if j.entry.Sidecar != nil {
		return config.Access{}
	}
	return j.origin.access.Narrow(nil)
}

// admit takes the groups of the document's sidecar, if that could be read, whatever has become of the document. A
// faulty sidecar fails its document, because it may be there to limit who sees it.
func (d *document) admit(content source.Content, err error) error {
	if _, own := config.ReasonOf(err); content.Sidecar != nil && (err == nil || own) {
		sidecar, faulty := source.ParseSidecar(content.Sidecar)
		if faulty != nil {
			return faulty
		}
		d.sidecar, d.access = sidecar, d.origin.access.Narrow(sidecar.Access)
	}
	return err
}

// exposed reports whether the version of the document that is in the index shows itself to somebody who may not see the
// document now. If the source does not answer, only the source's own groups are known.
func (d *document) exposed() bool {
	allowed := d.access
	if errors.Is(d.failure, source.ErrUnavailable) {
		allowed = d.origin.access
	}
	return !d.previous.Metadata.Access().Within(allowed)
}

// overexposed reports whether a document that no listing has, because its source vanished, lost it or is down, shows
// itself to somebody whom the source's own groups do not let see it now. Whatever keeps such a document in the index
// does not keep this one. The groups that its sidecar would name now are not known.
func (r *run) overexposed(row index.Row) bool {
	return slices.ContainsFunc(r.origins, func(o *origin) bool {
		return o.name == row.Source && !row.Metadata.Access().Within(o.access)
	})
}

// removeExposed removes the overexposed documents where no source could be listed.
func (r *run) removeExposed(ctx context.Context) error {
	rows := &ledger{index: r.Index}
	_, err := rows.seek(ctx, pastAll, func(row index.Row) {
		if r.overexposed(row) {
			r.vanish(row)
		}
	})
	if err != nil {
		return err
	}
	return r.remove(ctx)
}

// accessRefusal begins the message of a document that an earlier version failed because its sidecar has access.
const accessRefusal = "its sidecar limits its access to groups, which this version does not enforce"

// refusedForAccess reports whether the ledger has such a failure. Its row lacks the groups, so the document is read
// again, even if it is parked.
func (d *document) refusedForAccess() bool {
	p := d.previous
	return p.State == index.Failed && p.Reason == config.Unsupported && strings.HasPrefix(p.Message, accessRefusal)
}

package ingest

import (
	"errors"
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

// accessRefusal begins the message of a document that an earlier version failed because its sidecar has access.
const accessRefusal = "its sidecar limits its access to groups, which this version does not enforce"

// refusedForAccess reports whether the ledger has such a failure. Its row lacks the groups, so the document is read
// again, even if it is parked.
func (d *document) refusedForAccess() bool {
	p := d.previous
	return p.State == index.Failed && p.Reason == config.Unsupported && strings.HasPrefix(p.Message, accessRefusal)
}

package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"golang.org/x/text/unicode/norm"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Hash is the SHA-256 of the document's bytes, and of what its source has beside them: what the
// ledger knows the version by.
func (c Content) Hash() string {
	h := sha256.New()
	h.Write(c.Data)
	if len(c.Metadata) > 0 || c.Sidecar != nil {
		h.Write([]byte(config.Hash([]any{c.Metadata, c.Sidecar})))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// OpensUnlisted reports whether a document of the source can be opened by its path alone. Others must
// be listed first, which fetches a repository or many pages.
func OpensUnlisted(c config.Source) bool {
	return c.Directory != nil || c.ConfigMap != nil || c.S3 != nil
}

// ErrOtherVersion means that the source has another version of the document than that with the hash.
var ErrOtherVersion = errors.New("the source has another version of it by now")

// Original reads the bytes, at most max, of the version of a document that has the hash. The source
// is one that OpensUnlisted. The error is ErrOtherVersion, one of Read, or ctx's.
func Original(ctx context.Context, s Source, path, hash string, max int64) ([]byte, error) {
	content, err := Read(ctx, s, Entry{Path: path, Size: UnknownSize}, max)
	if err != nil {
		return nil, err
	}
	if content.Hash() == hash {
		return content.Data, nil
	}
	for _, name := range slices.Compact([]string{path, norm.NFC.String(path), norm.NFD.String(path)}) {
		sidecar, err := Read(ctx, s, Entry{Path: name + sidecarSuffix, Size: UnknownSize}, maxSidecar)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if content.Sidecar = sidecar.Data; err == nil && content.Hash() == hash {
			return content.Data, nil
		}
	}
	return nil, ErrOtherVersion
}

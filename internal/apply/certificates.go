package apply

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/certificates"
)

// AuthorityDigest is the digest of the newest certificate of Authority; empty for none.
func (a *Applier) AuthorityDigest(owner client.Object, key Key) string {
	digests := authorityDigests(map[string][]byte{certificates.AuthorityEntry: a.Authority(owner, key)})
	return slices.Concat(digests, []string{""})[0]
}

// Authority is the certificates by which the owner's pods know each other, as PEM; empty before the first Apply of
// their Secret.
func (a *Applier) Authority(owner client.Object, key Key) []byte {
	return a.memory.get(owner, key).authority
}

// issue makes the first certificates of a Secret.
func (a *Applier) issue(ctx context.Context, owner client.Object, want *wanted) (types.UID, error) {
	object, err := want.object()
	if err != nil {
		return "", err
	}
	object.SetResourceVersion(noVersion)
	entries, due, err := certificates.Renew(nil, owner.GetNamespace(), *want.Certificates, a.now())
	if err != nil {
		return "", err
	}
	return a.writeCertificates(ctx, owner, want, object, entries, due)
}

// renew brings the Secret's certificates up to date. It reads them when they have changed, when other hosts are wanted
// or when one of them is due.
func (a *Applier) renew(ctx context.Context, owner client.Object, want *wanted, found metav1.Object,
	last written) (types.UID, error) {
	if last.uid == found.GetUID() && last.hash == want.hash && !older(last.version, found.GetResourceVersion()) &&
		a.now().Before(last.due) {
		return found.GetUID(), nil
	}
	live, err := a.readWhole(ctx, owner, want)
	if err != nil {
		return "", err
	}
	if !metav1.IsControlledBy(live, owner) {
		return "", conflictOf(live)
	}
	before := entriesOf(live)
	entries, due, err := certificates.Renew(before, owner.GetNamespace(), *want.Certificates, a.now())
	if err != nil {
		return "", err
	}
	if maps.EqualFunc(before, entries, bytes.Equal) {
		a.memory.put(owner, want.key, written{
			uid: live.GetUID(), hash: want.hash, version: live.GetResourceVersion(),
			due: due, authority: entries[certificates.AuthorityEntry],
		})
		return live.GetUID(), nil
	}
	object, err := want.object()
	if err != nil {
		return "", err
	}
	object.SetUID(live.GetUID())
	object.SetResourceVersion(live.GetResourceVersion())
	return a.writeCertificates(ctx, owner, want, object, entries, due)
}

func (a *Applier) writeCertificates(ctx context.Context, owner client.Object, want *wanted,
	object *unstructured.Unstructured, entries map[string][]byte, due time.Time) (types.UID, error) {
	for entry, value := range entries {
		encoded := base64.StdEncoding.EncodeToString(value)
		if err := unstructured.SetNestedField(object.Object, encoded, "data", entry); err != nil {
			return "", fmt.Errorf("add entry %q: %w", entry, err)
		}
	}
	uid, err := a.write(ctx, owner, want, nil, object)
	if err != nil {
		return "", err
	}
	last := a.memory.get(owner, want.key)
	last.due, last.authority = due, entries[certificates.AuthorityEntry]
	a.memory.put(owner, want.key, last)
	return uid, nil
}

// entriesOf are the entries of a Secret; what cannot be decoded is left out.
func entriesOf(secret *unstructured.Unstructured) map[string][]byte {
	data, _, _ := unstructured.NestedStringMap(secret.Object, "data")
	entries := make(map[string][]byte, len(data))
	for entry, encoded := range data {
		if value, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			entries[entry] = value
		}
	}
	return entries
}

func (a *Applier) now() time.Time {
	if a.Clock != nil {
		return a.Clock()
	}
	return time.Now()
}

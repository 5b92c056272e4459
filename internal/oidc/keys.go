package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// keySet has the issuer's keys. It asks for them again when none of them fits a token, which anybody can bring
// about. go-oidc's own RemoteKeySet does the same, but cannot tell for whom it asks.
type keySet struct {
	url    string
	client *http.Client
	calls  *shares
	known  atomic.Pointer[oidc.StaticKeySet]

	mu       sync.Mutex // is held during a call: those who wait share its result
	failure  error
	failedAt time.Time
}

// attempt is a token that is being verified: go-oidc keeps no error of a key set as it was.
type attempt struct {
	from        string // is the caller's address
	unavailable error  // is why the issuer could not be asked for its keys
}

type attemptKey struct{}

// errBusy is why the issuer is not asked, although the token may be valid.
var errBusy = errors.New("the issuer was asked too often for callers of this address; wait a moment")

// VerifySignature implements oidc.KeySet.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	known := k.known.Load()
	if known != nil {
		if payload, err := known.VerifySignature(ctx, token); err == nil {
			return payload, nil
		}
	}
	newer, err := k.newer(ctx, known)
	if err != nil {
		ctx.Value(attemptKey{}).(*attempt).unavailable = err
		return nil, err
	}
	return newer.VerifySignature(ctx, token)
}

// newer returns keys that were asked for since those that are known to the caller.
func (k *keySet) newer(ctx context.Context, known *oidc.StaticKeySet) (*oidc.StaticKeySet, error) {
	begun := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	switch now := k.known.Load(); {
	case now != known:
		return now, nil
	case k.failedAt.After(begun):
		return nil, k.failure
	case !k.calls.take(ctx.Value(attemptKey{}).(*attempt).from):
		return nil, errBusy
	}
	fetched, err := k.fetch()
	if err != nil {
		k.failure, k.failedAt = err, time.Now()
		return nil, err
	}
	k.known.Store(fetched)
	return fetched, nil
}

// fetch asks the issuer for its keys. It does not end with the request that needs them first, since others wait.
func (k *keySet) fetch() (*oidc.StaticKeySet, error) {
	reply, err := k.client.Get(k.url) //nolint:noctx // the client has a timeout
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("its keys: status %d", reply.StatusCode)
	}
	var all struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(reply.Body).Decode(&all); err != nil {
		return nil, fmt.Errorf("its keys: %w", err)
	}
	keys := &oidc.StaticKeySet{}
	for _, encoded := range all.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(encoded, &key) != nil {
			continue // it is of a kind that go-jose does not know, such as secp256k1: the others still count
		}
		switch key := key.Key.(type) {
		case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
			keys.PublicKeys = append(keys.PublicKeys, key)
		}
	}
	if len(keys.PublicKeys) == 0 {
		return nil, fmt.Errorf("its keys: none of %d is a public key of RSA, ECDSA or Ed25519", len(all.Keys))
	}
	return keys, nil
}

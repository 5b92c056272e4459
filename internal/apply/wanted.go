package apply

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/ragpipeline/ragpipeline/internal/desired"
)

// wanted is a child as it is sent.
type wanted struct {
	key    Key
	object *unstructured.Unstructured
	hash   string
	once   bool
	tokens []string
}

// wanted turns a child into what is sent: with its owner, unless it outlives it.
func (a *Applier) wanted(owner client.Object, child desired.Child) (*wanted, error) {
	text, err := json.Marshal(child.Object)
	if err != nil {
		return nil, fmt.Errorf("encode a child: %w", err)
	}
	object := new(unstructured.Unstructured)
	if err := object.UnmarshalJSON(text); err != nil {
		return nil, fmt.Errorf("encode a child: %w", err)
	}
	if object.GetNamespace() != owner.GetNamespace() {
		return nil, fmt.Errorf("%s %s is wanted in namespace %q, and its owner is in %q", object.GetKind(), object.GetName(), object.GetNamespace(), owner.GetNamespace())
	}
	if !child.Kept {
		gvk, err := apiutil.GVKForObject(owner, a.client.Scheme())
		if err != nil {
			return nil, fmt.Errorf("find the owner's kind: %w", err)
		}
		object.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(owner, gvk)})
	}
	text, err = object.MarshalJSON() // with its keys in order
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	sum := sha256.Sum256(text)
	return &wanted{
		key:    Key{Kind: object.GetKind(), Name: object.GetName()},
		object: object,
		hash:   hex.EncodeToString(sum[:]),
		once:   child.Once,
		tokens: child.Generate,
	}, nil
}

// tokenBytes are the random bytes of a generated token: 256 bits.
const tokenBytes = 32

// generate adds the random entries of a Secret.
func (w *wanted) generate() error {
	for _, entry := range w.tokens {
		var token [tokenBytes]byte
		rand.Read(token[:]) // never fails
		text := base64.RawURLEncoding.EncodeToString(token[:])
		if err := unstructured.SetNestedField(w.object.Object, base64.StdEncoding.EncodeToString([]byte(text)), "data", entry); err != nil {
			return fmt.Errorf("add entry %q: %w", entry, err)
		}
	}
	return nil
}

package apply

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/ragpipeline/ragpipeline/internal/desired"
)

// wanted is a child as it is to be sent. It is compared far more often than it is sent, so it is decoded only then.
type wanted struct {
	desired.Child
	key   Key
	gvk   schema.GroupVersionKind
	owner *metav1.OwnerReference // nil when it outlives its owner
	text  []byte                 // JSON of the child
	hash  string                 // of all that
}

// wanted says what of a child would be sent.
func (a *Applier) wanted(owner client.Object, child desired.Child) (*wanted, error) {
	text, err := json.Marshal(child.Object)
	if err != nil {
		return nil, fmt.Errorf("encode a child: %w", err)
	}
	kind, name := ptr.Deref(child.Object.GetKind(), ""), ptr.Deref(child.Object.GetName(), "")
	w := &wanted{Child: child, text: text, key: Key{Kind: kind, Name: name}}
	w.gvk = schema.FromAPIVersionAndKind(ptr.Deref(child.Object.GetAPIVersion(), ""), kind)
	if namespace := ptr.Deref(child.Object.GetNamespace(), ""); namespace != owner.GetNamespace() {
		return nil, fmt.Errorf("%s %s is wanted in namespace %q, and its owner is in %q",
			kind, name, namespace, owner.GetNamespace())
	}
	sum := sha256.New()
	sum.Write(text)
	if r := child.Certificates; r != nil {
		fmt.Fprintf(sum, "\x00%q %t", r.Hosts, r.KeepAuthority)
	}
	if !child.Kept {
		gvk, err := apiutil.GVKForObject(owner, a.client.Scheme())
		if err != nil {
			return nil, fmt.Errorf("find the owner's kind: %w", err)
		}
		w.owner = metav1.NewControllerRef(owner, gvk)
		io.WriteString(sum, string(w.owner.UID))
	}
	w.hash = hex.EncodeToString(sum.Sum(nil))
	return w, nil
}

// object is what is sent, with its owner.
func (w *wanted) object() (*unstructured.Unstructured, error) {
	object := new(unstructured.Unstructured)
	if err := object.UnmarshalJSON(w.text); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	if w.owner != nil {
		object.SetOwnerReferences([]metav1.OwnerReference{*w.owner})
	}
	return object, nil
}

// metadata are the labels and annotations that are sent.
func (w *wanted) metadata() (labels, annotations map[string]string) {
	var object struct {
		Metadata struct{ Labels, Annotations map[string]string } `json:"metadata"`
	}
	if err := json.Unmarshal(w.text, &object); err != nil {
		return nil, nil // we have just written it
	}
	return object.Metadata.Labels, object.Metadata.Annotations
}

// tokenBytes are the random bytes of a generated token: 256 bits.
const tokenBytes = 32

// generate adds the random entries of a Secret.
func (w *wanted) generate(object *unstructured.Unstructured) error {
	for _, entry := range w.Generate {
		var token [tokenBytes]byte
		rand.Read(token[:]) // never fails
		text := base64.RawURLEncoding.EncodeToString(token[:])
		encoded := base64.StdEncoding.EncodeToString([]byte(text))
		if err := unstructured.SetNestedField(object.Object, encoded, "data", entry); err != nil {
			return fmt.Errorf("add entry %q: %w", entry, err)
		}
	}
	return nil
}

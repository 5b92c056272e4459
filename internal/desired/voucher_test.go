package desired

import (
	"cmp"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// A Secret that has lost its owner is adopted only if its voucher carries its digest, and a template must not: a key
// that is read again restarts no pod.
func TestEachGeneratedSecretHasAWorkloadThatVouchesForIt(t *testing.T) {
	p := derivetest.Pipeline()
	digests := map[string]string{}
	secrets := Secrets(p, Facts{})
	for _, s := range secrets {
		digests[*s.Object.GetName()] = "digest of " + *s.Object.GetName()
	}
	if len(secrets) != 3 {
		t.Fatalf("%d Secrets", len(secrets))
	}
	vouching := map[string]string{}
	for _, child := range all(t, p, Facts{Digests: digests}) {
		text, err := json.Marshal(child.Object)
		if err != nil {
			t.Fatal(err)
		}
		var object struct {
			Metadata struct{ Annotations map[string]string } `json:"metadata"`
		}
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatal(err)
		}
		for _, annotation := range []string{naming.AnnotationKey, naming.AnnotationReaderKey} {
			digest := object.Metadata.Annotations[annotation]
			vouching[*child.Object.GetKind()+"/"+*child.Object.GetName()+annotation] = digest
			if want := min(1, len(digest)); strings.Count(string(text), annotation) != want {
				t.Errorf("%s: the digest is elsewhere than in its own annotations", *child.Object.GetName())
			}
		}
	}
	for _, s := range secrets {
		if got := vouching[s.Voucher.Kind+"/"+s.Voucher.Name+cmp.Or(s.Voucher.Key, naming.AnnotationKey)]; got != digests[*s.Object.GetName()] {
			t.Errorf("%v vouches for %q", s.Voucher, got)
		}
	}
}

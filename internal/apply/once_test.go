package apply_test

import (
	"encoding/base64"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/apply"
)

func TestWhatIsMadeOnceIsNeverWrittenOver(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	first := configMap(p, "run", map[string]string{"a": "1"})
	first.Once = true
	uids := w.apply(p, first)
	w.settle()
	before := get[corev1.ConfigMap](w, "run")
	second := configMap(p, "run", map[string]string{"a": "2"})
	second.Once = true
	w.applier = apply.New(w.cached, w.live) // which remembers nothing
	if got := w.apply(p, second); !cmp.Equal(got, uids) {
		t.Error(cmp.Diff(uids, got))
	}
	if diff := cmp.Diff(before, get[corev1.ConfigMap](w, "run")); diff != "" {
		t.Error(diff)
	}
}

func TestAGeneratedTokenIsMadeOnceAndAnewForANewSecret(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	key := apply.Key{Kind: "Secret", Name: "key"}
	first := w.apply(p, secret(p, "key"))[key]
	token := string(get[corev1.Secret](w, "key").Data["token"])
	if random, err := base64.RawURLEncoding.DecodeString(token); err != nil || len(random) != 32 {
		t.Errorf("a token of %d characters: %v", len(token), err)
	}
	w.apply(p, secret(p, "key"))
	w.settle()
	w.apply(p, secret(p, "key"))
	if string(get[corev1.Secret](w, "key").Data["token"]) != token {
		t.Error("the token has changed")
	}
	w.check(w.live.Delete(t.Context(), get[corev1.Secret](w, "key")))
	w.settle()
	if second := w.apply(p, secret(p, "key"))[key]; second == first {
		t.Error("the new Secret has the old one's UID")
	}
	if string(get[corev1.Secret](w, "key").Data["token"]) == token {
		t.Error("the new Secret has the old token")
	}
}

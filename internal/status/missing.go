package status

import (
	"fmt"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

var notFound = map[string]string{
	"Secret":                v1alpha1.ReasonSecretNotFound,
	"ConfigMap":             v1alpha1.ReasonConfigMapNotFound,
	"PersistentVolumeClaim": v1alpha1.ReasonClaimNotFound,
	"StorageClass":          v1alpha1.ReasonStorageClassNotFound,
}

func (m Missing) finding() finding {
	reason, known := notFound[m.Kind]
	if !known {
		reason = m.Kind + "NotFound"
	}
	return bad(fault, reason, fmt.Sprintf("%s %q does not exist: create it, or correct %s", m.Kind, m.Name, m.Field))
}

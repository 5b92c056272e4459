package status

import (
	"cmp"
	"fmt"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// modelRemedy is what a data-plane process says of a model, with the fields of the spec where the remedy is.
func modelRemedy(p *v1alpha1.RAGPipeline, stage config.Stage, heard config.StageStatus) string {
	said := cmp.Or(clean(heard.Message), fmt.Sprintf("%s failed", modelTitles[stage]))
	if remedy := fieldsOf(p, stage, heard.Reason); remedy != "" {
		return cut(said, maxMessage*3/4) + "; " + remedy
	}
	return said
}

// fieldsOf says which fields of the spec to look at for a model's failure.
func fieldsOf(p *v1alpha1.RAGPipeline, stage config.Stage, failure config.Failure) string {
	m := modelOf(p, stage)
	if m == nil {
		return ""
	}
	field := "spec.models." + string(stage)
	switch {
	case failure == config.DimensionMismatch:
		return "name the model that the index was built with under " + field + ", or give this one its own name, which builds a new index"
	case m.Endpoint != nil:
		return endpointFields(m.Endpoint, field+".endpoint", failure)
	case m.NIM != nil:
		return nimFields(m.NIM, field+".nim", failure)
	}
	return "the stand-in models are part of the operator's image: look at the log of their pod"
}

func endpointFields(e *v1alpha1.Endpoint, field string, failure config.Failure) string {
	switch failure {
	case config.ModelUnauthorized, config.ModelUnpaid:
		if e.SecretRef == nil {
			return "no key is sent: set " + field + ".secretRef"
		}
		if failure == config.ModelUnpaid {
			return fmt.Sprintf("the account is that of the key %q in Secret %q (%s.secretRef)", e.SecretRef.Key, e.SecretRef.Name, field)
		}
		return fmt.Sprintf("put a valid key under %q in Secret %q (%s.secretRef)", e.SecretRef.Key, e.SecretRef.Name, field)
	case config.ModelNotFound:
		return fmt.Sprintf("correct %s.url (%s) or .model", field, e.URL)
	case config.ModelRetired:
		return "set " + field + ".model to a model that is served"
	case config.ModelUnreachable:
		return fmt.Sprintf("check %s.url (%s), DNS and network policies", field, e.URL)
	case config.ModelNotReady:
		return fmt.Sprintf("wait, or look at the server at %s.url (%s)", field, e.URL)
	case config.ModelOverloaded:
		return "ask for a higher rate limit, or serve the model elsewhere: " + field + ".url"
	case config.ModelTimedOut, config.ModelBroken, config.ModelCircuitOpen:
		return fmt.Sprintf("look at the server at %s.url (%s) and check %s.protocol", field, e.URL, field)
	case config.ModelRejected, config.InputTooLong:
		return "check " + field + ".protocol and .model"
	}
	return "check " + field
}

func nimFields(n *v1alpha1.NIM, field string, failure config.Failure) string {
	switch failure {
	case config.ModelUnauthorized, config.ModelUnpaid:
		if n.AuthSecretRef == nil {
			return "set " + field + ".authSecretRef"
		}
		return fmt.Sprintf("check the key %q in Secret %q (%s.authSecretRef)", n.AuthSecretRef.Key, n.AuthSecretRef.Name, field)
	case config.ModelNotFound:
		return fmt.Sprintf("set %s.model to the name that %s.image serves", field, field)
	case config.ModelRetired:
		return "set " + field + ".image and .model to a current model"
	case config.ModelOverloaded:
		return "raise " + field + ".replicas"
	case config.ModelTimedOut:
		return "give it more with " + field + ".gpu or .replicas"
	case config.ModelRejected, config.InputTooLong:
		return "check " + field + ".model and .env"
	}
	return "look at the log of its pod, and check " + field
}

// storeRemedy is the same for the vector store.
func storeRemedy(p *v1alpha1.RAGPipeline, heard config.StageStatus) string {
	said := cmp.Or(clean(heard.Message), "the vector store failed")
	if heard.Reason == config.IndexUnreachable {
		said = "the vector store does not answer the gateway" // the rest is addresses and attempts
	}
	return cut(said, maxMessage*3/4) + "; " + storeFields(p, heard.Reason)
}

func storeFields(p *v1alpha1.RAGPipeline, reason config.Failure) string {
	if e := p.Spec.VectorStore.External; e != nil {
		const field = "spec.vectorStore.external"
		switch {
		case reason != config.IndexUnauthorized:
			return fmt.Sprintf("look at the server at %s.url (%s) and .grpcURL (%s)", field, e.URL, e.GRPCURL)
		case e.SecretRef == nil:
			return "no key is sent: set " + field + ".secretRef"
		}
		return fmt.Sprintf("put a valid key under %q in Secret %q (%s.secretRef)", e.SecretRef.Key, e.SecretRef.Name, field)
	}
	return storeSubject(p).logs() + " says why"
}

package status

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// remedy is the message about a failure that a data-plane process reports of a stage: the process's
// own message, and the fields of the spec to check.
func remedy(p *v1alpha1.RAGPipeline, stage config.Stage, reported config.StageStatus) string {
	if stage == config.StageIndex {
		return storeRemedy(p, reported)
	}
	message := cmp.Or(clean(reported.Message), modelTitles[stage]+" failed")
	var fields string
	switch {
	case strings.Contains(message, config.Untrusted):
		fields = authorityFields(p, stage)
	case stage == config.StageExtraction:
		fields = extractionFields(p, reported.Reason)
	default:
		fields = modelFields(p, stage, reported.Reason)
	}
	if fields == "" {
		return message
	}
	return cut(withoutAdvice(message), maxMessage*3/4) + "; " + fields
}

// withoutAdvice is a process's message without what it advises, which is for one machine: the fields of the spec take
// its place.
//
// Behind the server's quoted name, a message has the meaning of the failure, a semicolon and the advice, and then
// the status in brackets or a colon and the cause.
func withoutAdvice(message string) string {
	name := strings.Index(message, `" `)
	said := strings.Index(message[max(name, 0):], "; ")
	if name < 0 || said < 0 || strings.Contains(message[name:name+said], ": ") {
		return message
	}
	said += name
	end := len(message)
	for _, sign := range []string{" (HTTP ", ": "} {
		if i := strings.Index(message[said:], sign); i >= 0 {
			end = min(end, said+i)
		}
	}
	return message[:said] + message[end:]
}

// authorityFields says where the authority of a certificate is named that is not trusted. That of the pipeline's own
// servers is the operator's, and the pods take a new certificate by themselves.
func authorityFields(p *v1alpha1.RAGPipeline, stage config.Stage) string {
	const field = "spec.network.caBundle"
	if s, own := ownServer(p, stage); own {
		return renewed + "see the log of its sidecar (" + s.terminator().logs() + "), and restart the gateway"
	}
	n := p.Spec.Network
	if n == nil || n.CABundle == nil {
		return "if an authority of your own signed it, name that in " + field
	}
	return fmt.Sprintf("put the authority that signed it into ConfigMap %q under %q (%s), and restart the gateway",
		n.CABundle.Name, n.CABundle.Key, field)
}

// renewed says how a pod of the pipeline comes by its certificate.
const renewed = "its pod takes a certificate of the pipeline's authority within two minutes; if it does not, "

// ownServer is the server of a stage, and reports whether the operator runs it.
func ownServer(p *v1alpha1.RAGPipeline, stage config.Stage) (subject, bool) {
	switch stage {
	case config.StageIndex:
		return storeSubject(p), p.Spec.VectorStore.External == nil
	case config.StageExtraction:
		return extractionSubject(p), p.Spec.Extraction.Server.Endpoint == nil
	}
	m := modelOf(p, stage)
	return modelSubject(p, stage, Component{}), m != nil && m.Endpoint == nil
}

// modelFields says which fields of the spec to check for a model's failure.
func modelFields(p *v1alpha1.RAGPipeline, stage config.Stage, failure config.Failure) string {
	m := modelOf(p, stage)
	if m == nil {
		return ""
	}
	field := "spec.models." + string(stage)
	switch {
	case failure == config.ModelDrifted:
		return "nothing is indexed until you serve the model that built the index under " + field + " again, or set the " +
			"annotation " + naming.AnnotationRebuild + " to a new value, which builds a new index while this one serves"
	case failure == config.DimensionMismatch:
		return "set " + field + " to the model that built the index, or give the current model its own name, " +
			"which builds a new index"
	case m.Endpoint != nil:
		return endpointFields(m.Endpoint, field+".endpoint", failure)
	case m.NIM != nil:
		return nimFields(m.NIM, modelSubject(p, stage, Component{}), failure)
	}
	logs := modelSubject(p, stage, Component{}).logs()
	return "see the log of the stand-in, which is part of the operator's image (" + logs + ")"
}

func endpointFields(e *v1alpha1.Endpoint, field string, failure config.Failure) string {
	switch failure {
	case config.ModelUnauthorized, config.ModelUnpaid:
		if e.SecretRef == nil {
			return "no key is sent: set " + field + ".secretRef"
		}
		remedy := "put a valid key under"
		if failure == config.ModelUnpaid {
			remedy = "check the account of the key"
		}
		return fmt.Sprintf("%s %q in Secret %q (%s.secretRef)", remedy, e.SecretRef.Key, e.SecretRef.Name, field)
	case config.ModelNotFound:
		return fmt.Sprintf("correct %s.url (%s) or .model", field, e.URL)
	case config.ModelRetired:
		return "set " + field + ".model to a current model"
	case config.ModelUnreachable:
		return fmt.Sprintf("check %s.url (%s), DNS and network policies", field, e.URL)
	case config.ModelNotReady:
		return fmt.Sprintf("wait, or check the server at %s.url (%s)", field, e.URL)
	case config.ModelOverloaded:
		return "request a higher rate limit, or use another server (" + field + ".url)"
	case config.ModelTimedOut, config.ModelBroken, config.ModelCircuitOpen:
		return fmt.Sprintf("check the server at %s.url (%s) and %s.protocol", field, e.URL, field)
	case config.ModelRejected, config.InputTooLong:
		return "check " + field + ".protocol and .model"
	}
	return "check " + field
}

func nimFields(n *v1alpha1.NIM, s subject, failure config.Failure) string {
	field := s.field
	switch failure {
	case config.ModelUnauthorized, config.ModelUnpaid:
		if n.AuthSecretRef == nil {
			return "set " + field + ".authSecretRef"
		}
		return fmt.Sprintf("check the key %q in Secret %q (%s.authSecretRef)",
			n.AuthSecretRef.Key, n.AuthSecretRef.Name, field)
	case config.ModelNotFound:
		return fmt.Sprintf("set %s.model to the name that %s.image serves", field, field)
	case config.ModelRetired:
		return "set " + field + ".image and .model to a current model"
	case config.ModelNotReady:
		return "it may be loading its weights: see its log (" + s.logs() + "), and raise " + field +
			".startupTimeout if it takes longer"
	case config.ModelOverloaded:
		return "raise " + field + ".replicas"
	case config.ModelTimedOut:
		return fmt.Sprintf("give it more GPUs (%s.gpu), or raise %s.replicas", field, field)
	case config.ModelRejected, config.InputTooLong:
		return "check " + field + ".model and .env"
	}
	return "see its log (" + s.logs() + "), and check " + field
}

// storeRemedy is the remedy for the vector store.
func storeRemedy(p *v1alpha1.RAGPipeline, reported config.StageStatus) string {
	message := cmp.Or(clean(reported.Message), "the vector store failed")
	switch distrust := config.Distrust(message); {
	case distrust != "":
		message = cut("the vector store cannot be reached: "+distrust, maxMessage/2)
		return message + "; " + authorityFields(p, config.StageIndex)
	case reported.Reason == config.IndexUnreachable:
		message = "the vector store does not answer the gateway" // the rest is addresses and attempts
	}
	return cut(message, maxMessage*3/4) + "; " + storeFields(p, reported.Reason)
}

func storeFields(p *v1alpha1.RAGPipeline, failure config.Failure) string {
	e := p.Spec.VectorStore.External
	if e == nil {
		return "see its log (" + storeSubject(p).logs() + ")"
	}
	const field = "spec.vectorStore.external"
	switch {
	case failure != config.IndexUnauthorized:
		return fmt.Sprintf("check the server at %s.url (%s) and .grpcURL (%s)", field, e.URL, e.GRPCURL)
	case e.SecretRef == nil:
		return "no key is sent: set " + field + ".secretRef"
	}
	return fmt.Sprintf("put a valid key under %q in Secret %q (%s.secretRef)", e.SecretRef.Key, e.SecretRef.Name, field)
}

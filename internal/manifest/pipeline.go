package manifest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// decodePipeline validates and defaults o, and returns it typed. Its namespace is "default" if o names none.
func decodePipeline(o *object) (*v1alpha1.RAGPipeline, []*Problem) {
	if problem := wrongType(o); problem != nil {
		return nil, []*Problem{problem}
	}
	s, err := theSchema()
	if err != nil {
		return nil, []*Problem{{Message: err.Error()}}
	}
	fields := runtime.DeepCopyJSON(o.fields)
	unknown, errs := s.admit(fields)
	var problems []*Problem
	for _, path := range unknown {
		problems = append(problems, o.problem("", "unknown field %q: %s", path, fieldsHere(s.siblings(path))))
	}
	slices.SortStableFunc(errs, func(a, b *field.Error) int { return strings.Compare(rank(a), rank(b)) })
	for _, err := range errs {
		problems = append(problems, o.problem(strings.TrimPrefix(err.Field, noField), "%s", message(err)))
	}
	if len(problems) > 0 {
		return nil, problems
	}
	var p v1alpha1.RAGPipeline
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &p); err != nil {
		return nil, []*Problem{o.problem("", "%v", err)}
	}
	return &p, nil
}

// wrongType refuses an object of our group, or of our kind, that is not of our version.
func wrongType(o *object) *Problem {
	want := v1alpha1.GroupVersion.String()
	switch {
	case o.kind() != v1alpha1.Kind:
		return o.problem("kind", "%q is unknown to %s: write %s", o.kind(), o.apiVersion(), v1alpha1.Kind)
	case o.apiVersion() != want:
		return o.problem("apiVersion", "is %s, and this program knows %s: write that", o.apiVersion(), want)
	}
	return nil
}

// noField is the path of an error that has none.
var noField = (*field.Path)(nil).String()

// rank orders errors by path, because the schema reports them in random order; those without a path are last.
func rank(err *field.Error) string {
	if err.Field == noField {
		return "~"
	}
	return err.Field
}

// message words a field error for the user: the API server's words, without the value, which could be secret,
// and with what to do where the schema cannot say it.
func message(err *field.Error) string {
	switch err.Type {
	case field.ErrorTypeRequired:
		return "is required"
	case field.ErrorTypeNotSupported, field.ErrorTypeDuplicate:
		return err.ErrorBody()
	}
	detail := err.Detail
	if _, after, ok := strings.Cut(detail, " in body "); ok {
		detail = after
	}
	if detail == "" {
		detail = err.ErrorBody()
	}
	return detail + remedy(detail)
}

// The longer patterns of fields.
const (
	devicePattern   = `^[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$`
	quantityPattern = `^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))` +
		`(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$`
	bucketPattern = `^[a-zA-Z0-9][-._a-zA-Z0-9]+[a-zA-Z0-9]$`
	hostPattern   = `^[a-zA-Z0-9]([-.a-zA-Z0-9]*[a-zA-Z0-9])?$|^[0-9a-fA-F:.]+$`
)

// patterns say in words what a field's pattern asks for.
var patterns = map[string]string{
	`^[-.:/_a-zA-Z0-9*\[\]]+$`:            "a host name, a domain such as .example.com, an address or a CIDR",
	`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`:     "lower-case letters, digits and hyphens, such as papers",
	`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`:    "the name of an object: lower-case letters, digits, hyphens and dots",
	`^[-._a-zA-Z0-9]+$`:                   "a key of an object: letters, digits, hyphens, underscores and dots",
	`^\S+$`:                               "an image reference without spaces, such as registry/name:tag",
	`^[1-9][0-9]*([.][0-9]+)?[MGT]i?$`:    "a size with its unit, such as 50Gi",
	`^[A-Za-z_][A-Za-z0-9_]*$`:            "letters, digits and underscores, not starting with a digit",
	bucketPattern:                         "a bucket's name: letters, digits, hyphens and dots, such as papers",
	`^https?://[^/?#@\s]+([/?][^#\s]*)?$`: "an http or https URL without a user or a fragment",
	hostPattern:                           "a host's name or address without a port, such as docs.example.com",
	`^[-a-zA-Z0-9]+$`:                     "letters, digits and hyphens, such as eu-central-1",
	`^[^\s~^:?*\[\\]+$`:                   "a branch, a tag or a commit, such as main",
	`^[0-9a-fA-F.:]+/[0-9]+$`:             "a range of addresses, such as 203.0.113.0/24",
	`^[-._/a-zA-Z0-9]+$`:                  "a class, such as service.k8s.aws/nlb",
	devicePattern:                         "a resource of a device plugin, such as nvidia.com/gpu",
	quantityPattern:                       "a quantity, such as 500m or 2Gi",
}

var (
	patternDetail = regexp.MustCompile(`^should match '(.*)'$`)
	typeDetail    = regexp.MustCompile(`^must be of type string: "(integer|number|boolean)"$`)
)

// remedy adds to a schema's message what it cannot say.
func remedy(detail string) string {
	if m := patternDetail.FindStringSubmatch(detail); m != nil && patterns[m[1]] != "" {
		return ": write " + patterns[m[1]]
	}
	if typeDetail.MatchString(detail) {
		return ": put it in quotes"
	}
	return ""
}

// siblings are the fields that the schema has where path is unknown.
func (s *schema) siblings(path string) []string {
	at := s.structural
	steps := strings.Split(indices.ReplaceAllString(path, ""), ".")
	for _, step := range steps[:len(steps)-1] {
		at = child(at, step)
		if at == nil {
			return nil
		}
	}
	return slices.Sorted(maps.Keys(at.Properties))
}

var indices = regexp.MustCompile(`\[\d+\]`)

func child(at *structuralschema.Structural, step string) *structuralschema.Structural {
	next, ok := at.Properties[step]
	switch {
	case ok && next.Items != nil:
		return next.Items
	case ok:
		return &next
	case at.AdditionalProperties != nil:
		return at.AdditionalProperties.Structural
	}
	return nil
}

func fieldsHere(fields []string) string {
	if len(fields) == 0 {
		return "remove it"
	}
	return fmt.Sprintf("the fields here are %s", strings.Join(fields, ", "))
}

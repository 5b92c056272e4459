package derive

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// The kinds of objects that a spec names.
const (
	KindSecret       = "Secret"
	KindConfigMap    = "ConfigMap"
	KindClaim        = "PersistentVolumeClaim"
	KindStorageClass = "StorageClass"
	KindIngressClass = "IngressClass"
)

// Object is an object that a spec names and that the user makes.
type Object struct {
	Kind, Name string
	// Key is the entry that is used of a Secret or ConfigMap; empty if the object is used as a whole.
	Key string
	// Field is the path of the field that names the object.
	Field string
}

// SourceKind is everything that depends on the kind of a source, but for how its documents are
// read, which package source knows. A directory can replace a source of any kind: see
// PlaceDirectory.
type SourceKind struct {
	// Config names the place from which a process reads the documents itself. It is empty if only a
	// pod can, from a mounted volume.
	Config config.Source
	// Objects are those that the source refers to, with fields relative to the source.
	Objects []Object
	// Program reports whether a container of the pod fills the source's directory, in place of Config.
	// It alone uses Objects.
	Program bool
	// Keys are entries of Secrets, and Bundles entries of ConfigMaps, that the process reads as files.
	// An entry may be missing.
	Keys    []config.SecretKey
	Bundles []config.ConfigMapKey
	// Mounted reports whether a pod mounts the first of Objects as the source's directory, in place
	// of Config.
	Mounted bool
	// Shared reports whether any number of pods can mount it, on whatever nodes they are.
	Shared bool
	// Path is the directory within what is mounted.
	Path string
	// Versioned reports whether a change of Objects starts a run: with a ConfigMap the documents
	// change, and with a Secret a source may become readable.
	Versioned bool
}

// KindOf returns what follows from the kind of a source: each case is one kind.
func KindOf(s v1alpha1.Source) SourceKind {
	switch {
	case s.ConfigMap != nil:
		name := string(s.ConfigMap.Name)
		return SourceKind{
			Config:    config.Source{ConfigMap: &config.ConfigMap{Name: name}},
			Objects:   []Object{{Kind: KindConfigMap, Name: name, Field: "configMap.name"}},
			Mounted:   true,
			Shared:    true,
			Versioned: true,
		}
	case s.PersistentVolumeClaim != nil:
		claim := s.PersistentVolumeClaim
		return SourceKind{
			Objects: []Object{{Kind: KindClaim, Name: string(claim.ClaimName), Field: "persistentVolumeClaim.claimName"}},
			Mounted: true,
			Path:    claim.Path,
		}
	case s.Container != nil:
		return SourceKind{Objects: programObjects(s.Container), Program: true, Versioned: true}
	case s.S3 != nil:
		return s3Kind(s.S3)
	case s.HTTP != nil:
		return httpKind(s.HTTP)
	case s.Git != nil:
		return gitKind(s.Git)
	}
	return SourceKind{}
}

func programObjects(c *v1alpha1.ContainerSource) (objects []Object) {
	if c.SecretRef != nil {
		objects = append(objects, Object{Kind: KindSecret, Name: string(c.SecretRef.Name), Field: "container.secretRef.name"})
	}
	for i, variable := range c.Env {
		if from := variable.ValueFrom; from != nil {
			objects = append(objects, Object{
				Kind: KindSecret, Name: string(from.SecretKeyRef.Name), Key: from.SecretKeyRef.Key,
				Field: fmt.Sprintf("container.env[%d].valueFrom.secretKeyRef", i),
			})
		}
	}
	for i, name := range c.PullSecrets {
		objects = append(objects, Object{
			Kind: KindSecret, Name: string(name), Field: fmt.Sprintf("container.pullSecrets[%d]", i),
		})
	}
	return objects
}

// The entries of the volume that a source's program fills.
const (
	ProgramDocuments = "documents"
	ProgramTmp       = "tmp"
	ProgramExit      = "exit"
	ProgramExitFile  = "exit.json"
)

func s3Kind(s *v1alpha1.S3Source) SourceKind {
	kind := SourceKind{Versioned: true}
	kind.Config.S3 = &config.S3{
		Bucket: s.Bucket, Prefix: strings.Trim(s.Prefix, "/"), Endpoint: strings.TrimSuffix(string(s.Endpoint), "/"),
		Region: s.Region, PathStyle: s.PathStyle,
		Secret:   kind.secret("s3", s.SecretRef, config.S3AccessKeyID, config.S3SecretAccessKey, config.S3SessionToken),
		CABundle: kind.bundle("s3", s.CABundle),
	}
	return kind
}

func httpKind(h *v1alpha1.HTTPSource) SourceKind {
	kind := SourceKind{Versioned: true}
	kind.Config.HTTP = &config.HTTP{
		URLs: texts(h.URLs), Sitemaps: texts(h.Sitemaps), AllowHosts: texts(h.AllowHosts),
		Secret:   kind.secret("http", h.SecretRef, config.HTTPToken, config.HTTPUsername, config.HTTPPassword),
		CABundle: kind.bundle("http", h.CABundle),
	}
	return kind
}

func texts[T ~string](list []T) (plain []string) {
	for _, text := range list {
		plain = append(plain, string(text))
	}
	return plain
}

func gitKind(s *v1alpha1.GitSource) SourceKind {
	kind := SourceKind{Versioned: true}
	kind.Config.Git = &config.Git{
		URL: s.URL, Ref: s.Ref, Path: s.Path,
		Secret:   kind.secret("git", s.SecretRef, config.GitEntries...),
		CABundle: kind.bundle("git", s.CABundle),
	}
	return kind
}

// secret adds the Secret that a source of the named field refers to, and returns its name.
func (k *SourceKind) secret(field string, ref *v1alpha1.SourceSecret, entries ...string) string {
	if ref == nil {
		return ""
	}
	name := string(ref.Name)
	k.Objects = append(k.Objects, Object{Kind: KindSecret, Name: name, Field: field + ".secretRef.name"})
	for _, entry := range entries {
		k.Keys = append(k.Keys, config.SecretKey{Name: name, Key: entry})
	}
	return name
}

// bundle adds the certificates that a source of the named field refers to.
func (k *SourceKind) bundle(field string, ref *v1alpha1.CABundle) *config.ConfigMapKey {
	if ref == nil {
		return nil
	}
	bundle := config.ConfigMapKey{Name: string(ref.Name), Key: ref.Key}
	k.Objects = append(k.Objects, Object{Kind: KindConfigMap, Name: bundle.Name, Field: field + ".caBundle.name"})
	k.Bundles = append(k.Bundles, bundle)
	return &bundle
}

func (d DataPlane) sources(sources []v1alpha1.Source) ([]config.Source, error) {
	var list []config.Source
	var errs []error
	for i, s := range sources {
		field := fmt.Sprintf("spec.documents[%d]", i)
		include, includeErr := globs(field+".include", s.Include)
		exclude, excludeErr := globs(field+".exclude", s.Exclude)
		metadata, metadataErr := metadata(field+".metadata", s.Metadata)
		maxSize, sizeErr := maxBytes(field+".maxSize", string(s.MaxSize))
		access, accessErr := access(field+".access", s.Access)
		errs = append(errs, includeErr, excludeErr, metadataErr, sizeErr, accessErr)
		source := d.place(s)
		source.Name, source.Include, source.Exclude, source.Metadata = s.Name, include, exclude, metadata
		source.MaxBytes, source.Access = maxSize, access
		list = append(list, source)
	}
	return list, errors.Join(errs...)
}

func (d DataPlane) place(s v1alpha1.Source) config.Source {
	kind := KindOf(s)
	switch {
	case d.SourcesDirectory == "":
	case kind.Mounted:
		return config.Source{Directory: &config.Directory{Path: path.Join(d.SourcesDirectory, s.Name, kind.Path)}}
	case kind.Program:
		place := &config.Directory{
			Path:    path.Join(d.SourcesDirectory, s.Name, ProgramDocuments),
			Program: config.Hash(s.Container),
		}
		if len(s.Container.Command) > 0 {
			place.Exit = path.Join(d.SourcesDirectory, s.Name, ProgramExit, ProgramExitFile)
		}
		return config.Source{Directory: place}
	}
	return kind.Config
}

// originals are the sources that a gateway's pods mount, too.
func (d DataPlane) originals(sources []v1alpha1.Source) (list []config.Source) {
	for _, s := range sources {
		if place := d.place(s); KindOf(s).Shared && place.Directory != nil {
			list = append(list, config.Source{Name: s.Name, Directory: place.Directory})
		}
	}
	return list
}

// maxBytes returns the limit in bytes; 0 for one that is not set.
func maxBytes(field, size string) (int64, error) {
	if size == "" {
		return 0, nil
	}
	q, err := resource.ParseQuantity(size)
	if err != nil {
		return 0, Errorf(field, "must be a whole number of bytes, such as 20Mi")
	}
	return q.Value(), nil
}

// globs refuses the patterns that a pod would refuse: a run with one would fail again and again.
func globs(field string, patterns []v1alpha1.Glob) ([]string, error) {
	var list []string
	var errs []error
	for i, pattern := range patterns {
		if err := config.ValidateGlob(string(pattern)); err != nil {
			errs = append(errs, Errorf(fmt.Sprintf("%s[%d]", field, i), "%v", err))
		}
		list = append(list, string(pattern))
	}
	return list, errors.Join(errs...)
}

// access checks here what the CRD's schema does not say: a group with white space at its ends is one that no key has.
func access(field string, groups []v1alpha1.Group) (config.Access, error) {
	if groups == nil {
		return nil, nil
	}
	if err := config.CheckGroups(texts(groups)); err != nil {
		return nil, Errorf(field, "%v", err)
	}
	return config.Access(texts(groups)).Narrow(nil), nil
}

var metadataKey = regexp.MustCompile(`^[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$`)

// metadata checks here, because the CRD's rules cannot see a value that may have several types, nor its key.
func metadata(field string, values map[string]runtime.RawExtension) (config.Metadata, error) {
	if values == nil {
		return nil, nil
	}
	m := make(config.Metadata, len(values))
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(values)) {
		var value config.Value
		err := value.UnmarshalJSON(values[key].Raw)
		switch {
		case !metadataKey.MatchString(key):
			err = errors.New("a key must have at most 63 letters, digits, hyphens, underscores and dots, " +
				"with a letter or digit at both ends")
		case err == nil:
			err = config.CheckMetadata(key, value)
		}
		if err != nil {
			errs = append(errs, Errorf(fmt.Sprintf("%s[%s]", field, key), "%v", err))
		}
		m[key] = value
	}
	return m, errors.Join(errs...)
}

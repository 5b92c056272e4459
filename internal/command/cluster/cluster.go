// Package cluster is a Kubernetes cluster as the user of the command line may use it: found as kubectl finds
// it, and read and changed with the user's own rights.
package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/controllers"
)

// Flags select a cluster and a namespace as kubectl does.
type Flags struct{ Kubeconfig, Context, Namespace string }

// Register adds the flags. The text says which namespace is the default.
func (f *Flags) Register(flags *pflag.FlagSet, namespace string) {
	flags.StringVar(&f.Kubeconfig, "kubeconfig", "", "kubeconfig file (default as kubectl's)")
	flags.StringVar(&f.Context, "context", "", "context of the kubeconfig")
	flags.StringVarP(&f.Namespace, "namespace", "n", "", "namespace (default "+namespace+")")
}

// replyWithin bounds a request to the API server.
const replyWithin = time.Minute

// Cluster is a connection with the user's rights.
type Cluster struct {
	client.Client
	// Namespace is the flag's, or else the context's.
	Namespace string
	rest      *rest.Config
}

// Connect finds the cluster. It sends no request.
func (f *Flags) Connect() (*Cluster, error) {
	loading := f.loading()
	config, err := loading.ClientConfig()
	if clientcmd.IsEmptyConfig(err) { // its own text is about a variable that nobody sets
		return nil, errors.New("no cluster was found: there is no kubeconfig; name one by --kubeconfig and --context")
	}
	if err != nil {
		return nil, fmt.Errorf("no cluster was found: %w; name one by --kubeconfig and --context", err)
	}
	namespace, _, err := loading.Namespace()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS = -1                    // the server's own fairness is enough
	bounded := rest.CopyConfig(config) // logs and forwarded ports stay open for longer
	bounded.Timeout = replyWithin
	c, err := client.New(bounded, client.Options{Scheme: controllers.Scheme()})
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return &Cluster{Client: c, Namespace: cmp.Or(f.Namespace, namespace), rest: config}, nil
}

func (f *Flags) loading() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.Kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules,
		&clientcmd.ConfigOverrides{CurrentContext: f.Context})
}

// Contexts returns the names of the kubeconfig's contexts.
func (f *Flags) Contexts() []string {
	raw, err := f.loading().RawConfig()
	if err != nil {
		return nil
	}
	var names []string
	for name := range raw.Contexts {
		names = append(names, name)
	}
	return names
}

// Pipeline reads a pipeline of the namespace.
func (c *Cluster) Pipeline(ctx context.Context, name string) (*v1alpha1.RAGPipeline, error) {
	p := new(v1alpha1.RAGPipeline)
	err := c.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: name}, p)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("namespace %s: %w; -n selects another namespace", c.Namespace, err)
	}
	return p, explained("read RAGPipeline "+c.Namespace+"/"+name, err)
}

// Pipelines reads the pipelines of the namespace, or those of all namespaces.
func (c *Cluster) Pipelines(ctx context.Context, all bool) ([]v1alpha1.RAGPipeline, error) {
	var list v1alpha1.RAGPipelineList
	options := []client.ListOption{client.InNamespace(c.Namespace)}
	if all {
		options = nil
	}
	err := c.List(ctx, &list, options...)
	return list.Items, explained("list RAGPipelines", err)
}

// explained says what failed, and what to do where the cluster has no operator.
func explained(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case meta.IsNoMatchError(err):
		return fmt.Errorf("%s: the cluster does not know RAGPipelines: install the operator first: %w", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// PipelineNames returns the names of the namespace's pipelines.
func (c *Cluster) PipelineNames(ctx context.Context) ([]string, error) {
	pipelines, err := c.Pipelines(ctx, false)
	return namesOf(pipelines, func(p *v1alpha1.RAGPipeline) string { return p.Name }), err
}

// Namespaces returns the names of the cluster's namespaces, which takes the right to list them.
func (c *Cluster) Namespaces(ctx context.Context) ([]string, error) {
	var list corev1.NamespaceList
	err := c.List(ctx, &list)
	return namesOf(list.Items, func(n *corev1.Namespace) string { return n.Name }), err
}

func namesOf[T any](items []T, name func(*T) string) []string {
	names := make([]string, len(items))
	for i := range items {
		names[i] = name(&items[i])
	}
	return names
}

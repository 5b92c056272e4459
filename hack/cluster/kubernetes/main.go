// Command kubernetes is etcd and every component of Kubernetes in one binary. It runs the component
// whose name it is called by: a symbolic link named kube-apiserver runs the API server. So the
// directory of its links also is what envtest wants of KUBEBUILDER_ASSETS.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// components make the command of each component. Tests need these and etcd on macOS too;
// cluster_linux.go has the rest.
var components = map[string]func() *cobra.Command{
	"kube-apiserver": apiserver.NewAPIServerCommand,
	"kubectl":        kubectl.NewDefaultKubectlCommand,
}

func main() {
	name := filepath.Base(os.Args[0])
	if name == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	newCommand, ok := components[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "%s is no component of Kubernetes: call this binary by a component's name\n", name)
		os.Exit(2)
	}
	os.Exit(cli.Run(newCommand()))
}

// Command policies enforces NetworkPolicies on the node that it runs beside, by kube-router's controller. When it ends,
// it removes its rules.
//
//	policies -kubeconfig FILE [-node NAME] [-services CIDR] [-namespace NAMESPACE]
//
// With a namespace, the policies of others are not enforced. It needs the programs iptables and ipset.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	node := flag.String("node", "node-1", "the node's name")
	services := flag.String("services", "198.19.0.0/16", "the addresses of Services")
	namespace := flag.String("namespace", "", "the one whose policies are enforced; all if empty")
	flag.Parse()
	if err := enforce(*kubeconfig, *node, *services, *namespace); err != nil {
		log.Fatal("policies: ", err)
	}
}

func enforce(kubeconfig, node, services, namespace string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	rest, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return err
	}
	everything := informers.NewSharedInformerFactory(client, 0)
	some := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	pods, namespaces := everything.Core().V1().Pods().Informer(), everything.Core().V1().Namespaces().Informer()
	policies := some.Networking().V1().NetworkPolicies().Informer()

	config := options.NewKubeRouterConfig()
	config.EnableIPv4, config.ClusterIPCIDRs, config.HostnameOverride = true, []string{services}, node
	tables, sets, err := netpol.NewIPTablesHandlers(config)
	if err != nil {
		return err
	}
	c, err := netpol.NewNetworkPolicyController(client, config, pods, policies, namespaces, new(sync.Mutex), tables, sets)
	if err != nil {
		return err
	}
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		pods: c.PodEventHandler, namespaces: c.NamespaceEventHandler, policies: c.NetworkPolicyEventHandler,
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	for _, factory := range []informers.SharedInformerFactory{everything, some} {
		factory.Start(ctx.Done())
		factory.WaitForCacheSync(ctx.Done())
	}

	beats := make(chan *healthcheck.ControllerHeartbeat)
	go func() {
		for range beats { // nobody asks for its health
		}
	}()
	var work sync.WaitGroup
	work.Add(1)
	c.Run(beats, ctx.Done(), &work)
	work.Wait()
	c.Cleanup()
	return nil
}

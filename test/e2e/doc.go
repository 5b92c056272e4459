// Package e2e tests the operator with real pods on a real cluster: `make e2e` starts one, loads the
// images, installs the chart and runs the tests, which are behind the build tag e2e.
//
// It runs against any KUBECONFIG whose Service addresses this machine can reach, as hack/cluster's
// can. For kind on Linux, give them a route through the node first:
//
//	ip route add 10.96.0.0/16 via $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' kind-control-plane)
//	KUBECONFIG=... E2E_LOAD="kind load image-archive" make e2e
//
// `make e2e-long` also runs the stories that take long and seldom break; such a test begins with
// long(t).
//
// Every test has a namespace of its own that enforces the Pod Security level "restricted". On
// failure it prints what is in it, and E2E_KEEP=1 leaves it there. Nothing sleeps: a test waits for
// a condition, and says at its deadline why the condition did not hold. Models are stand-ins, or
// the NIM simulator under the names of real NIM images.
//
// The servers of sources on a network run in this process, or beside it, at the address of this
// machine that nodes reach: versitygw for S3, git-http-backend, a web server, and WebDAV, which
// Debian's rclone copies from where its image could be packed. So does the forward proxy, which alone
// reaches what listens on the loopback of this machine.
//
// A prober asks a question four times a second and watches Ready: from the first second of the
// quickstart, and through every planned change, no question may fail while Ready is true. Tests
// that take the operator away hold calm, because others measure how soon Ready follows a failure;
// one that replaces it runs before all others.
//
// Three stories need more of the cluster: volumes that grow, of the StorageClass that E2E_EXPANDABLE
// names; this machine as the node, for an enforcer of NetworkPolicies; and metrics-server, where
// E2E_METRICS is set. On hack/cluster's, `make e2e-long` provides all three. Only the policies of that
// one story's namespace are enforced, so that no other waits for a new pod to be admitted.
//
// What no test here can see: that a real NIM starts (the simulator reads its environment and wants
// its volumes), and a node that is lost (there is one).
package e2e

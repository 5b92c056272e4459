package apiserver

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// makers are the controllers that make pods, and those without which their pods are not admitted.
const makers = "deployment-controller,replicaset-controller,statefulset-controller,job-controller," +
	"resourcequota-controller,serviceaccount-controller,validatingadmissionpolicy-status-controller"

// withControllers is set before the servers start.
var withControllers bool

// MainWithControllers is Main, with the controllers of kube-controller-manager that make pods, and with service accounts
// checked: pods are refused as in a cluster, and none runs.
func MainWithControllers(m *testing.M) int {
	withControllers = true
	return Main(m)
}

func manager() string { return filepath.Join(os.Getenv(Assets), "kube-controller-manager") }

// startControllers starts them; stop ends them.
func startControllers(e *envtest.Environment) (stop func(), err error) {
	user, err := e.AddUser(envtest.User{Name: "controllers", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return nil, err
	}
	config, err := user.KubeConfig()
	if err != nil {
		return nil, err
	}
	directory, err := os.MkdirTemp("", "controllers")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(directory, "kubeconfig")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	said := new(bytes.Buffer)
	process := exec.CommandContext(ctx, manager(), "--kubeconfig", path, "--controllers", makers, "--leader-elect=false",
		"--secure-port=0", "--kube-api-qps=200", "--kube-api-burst=400")
	process.Stdout, process.Stderr, process.WaitDelay = said, said, 10*time.Second
	if err := process.Start(); err != nil {
		cancel()
		return nil, err
	}
	return func() {
		cancel()
		_ = process.Wait()
		if code := process.ProcessState.ExitCode(); code >= 0 { // it ended by itself
			fmt.Fprintf(os.Stderr, "kube-controller-manager ended with %d:\n%s\n", code, said)
		}
		_ = os.RemoveAll(directory)
	}, nil
}

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// rights is the Role that docs/cli.md gives to a user of the command line.
func (p *pipeline) rights() (role rbacv1.Role) {
	p.t.Helper()
	page, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		p.t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(apiVersion: rbac.*?)```").FindSubmatch(page)
	if block == nil {
		p.t.Fatal("docs/cli.md has no Role")
	}
	if err := yaml.UnmarshalStrict(block[1], &role); err != nil {
		p.t.Fatal(err)
	}
	role.Namespace = p.namespace.name
	return role
}

// kubeconfig is that of a user who has those rights, and no others.
func (p *pipeline) kubeconfig() string {
	p.t.Helper()
	role, n, ctx := p.rights(), p.namespace.name, p.t.Context()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: n, Name: "person"}}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: n, Name: "person"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: n, Name: account.Name}},
	}
	for _, err := range []error{api.Create(ctx, account), api.Create(ctx, &role), api.Create(ctx, binding)} {
		if err != nil {
			p.t.Fatal(err)
		}
	}
	token, err := pods.CoreV1().ServiceAccounts(n).CreateToken(ctx, account.Name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		p.t.Fatal(err)
	}
	rest, err := config.GetConfig()
	if err != nil {
		p.t.Fatal(err)
	}
	file := filepath.Join(p.t.TempDir(), "kubeconfig")
	err = clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"here": {
			Server: rest.Host, CertificateAuthority: rest.CAFile, CertificateAuthorityData: rest.CAData,
		}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"person": {Token: token.Status.Token}},
		Contexts:       map[string]*clientcmdapi.Context{"person": {Cluster: "here", AuthInfo: "person", Namespace: n}},
		CurrentContext: "person",
	}, file)
	if err != nil {
		p.t.Fatal(err)
	}
	return file
}

// people runs every command that is for people, with the rights that the docs name.
func (p *pipeline) people() {
	p.t.Helper()
	kubeconfig := p.kubeconfig()
	command := func(code int, args ...string) (stdout, stderr string) {
		p.t.Helper()
		ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "../../bin/image/ragpipeline", append(args, "--kubeconfig", kubeconfig)...)
		var out, said bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("What does Ready mean?\n"), &out, &said
		err := cmd.Run()
		if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited || cmd.ProcessState.ExitCode() != code {
			p.t.Errorf("%v: %v, want exit code %d\n%s%s", args, err, code, out.String(), said.String())
		}
		return out.String(), said.String()
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"status"}, p.name + "   True"},
		{[]string{"status", p.name}, "13 documents in "},
		{[]string{"ask", p.name, howToSwitch}, "without downtime. [1]"},
		{[]string{"ask", p.name, "--chat"}, "\nCitations\n"},
		{[]string{"search", p.name, "maxSurge", "--explain"}, "OUTCOME"},
		{[]string{"documents", p.name}, "concepts/generations.md"},
		{[]string{"failures", p.name}, "concepts/model-checklist.html"},
		{[]string{"sync", p.name, "--retry-failed"}, "concepts   13"},
		{[]string{"logs", p.name, "--part", "gateway", "--tail", "-1"}, "Gateway became ready"},
	} {
		stdout, _ := command(0, c.args...)
		if !strings.Contains(stdout, c.says) {
			p.t.Errorf("%v does not print %q:\n%s", c.args, c.says, stdout)
		}
	}
	if _, said := command(0, "wait", p.name); !strings.Contains(said, "ready: questions are answered") {
		p.t.Errorf("wait says %q", said)
	}
	if _, said := command(3, "ask", "nowhere", howToSwitch); !strings.Contains(said, `"nowhere" not found`) {
		p.t.Errorf("of a pipeline that does not exist it says %q", said)
	}
	p.servesAgents(kubeconfig)
	p.opens(kubeconfig)
	p.begins()
}

// begins writes a manifest for a directory, which both the program and the API server find valid.
func (p *pipeline) begins() {
	p.t.Helper()
	directory := p.t.TempDir()
	file := filepath.Join(directory, "ragpipeline.yaml")
	for _, args := range [][]string{{"version"}, {"init", directory, "--name", "begun", "-f", file}, {"validate", "-f", file}} {
		command := exec.CommandContext(p.t.Context(), "../../bin/image/ragpipeline", args...)
		if output, err := command.CombinedOutput(); err != nil {
			p.t.Fatalf("%v: %v\n%s", args, err, output)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	object := new(v1alpha1.RAGPipeline)
	if err := yaml.UnmarshalStrict(raw, object); err != nil {
		p.t.Fatal(err)
	}
	object.Namespace = p.namespace.name
	if err := api.Create(p.t.Context(), object, client.DryRunAll); err != nil {
		p.t.Errorf("the API server refuses what init wrote: %v", err)
	}
}

// opens forwards a port to the gateway, and to the next pod when that one is gone.
func (p *pipeline) opens(kubeconfig string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../../bin/image/ragpipeline", "open", p.name, "--port", "0", "-o", "json", "--kubeconfig", kubeconfig)
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait() }()
	var opened struct{ URL string }
	if err := json.NewDecoder(out).Decode(&opened); err != nil {
		p.t.Fatal(err)
	}
	serves := func(ctx context.Context) error { return send(ctx, "", http.MethodGet, opened.URL+"/readyz", nil, nil) }
	eventually(p.t, answerWithin, "the forwarded port answers", serves)
	kill(p.t, p.pod("gateway"))
	eventually(p.t, time.Minute, "the port leads to the next pod", serves)
}

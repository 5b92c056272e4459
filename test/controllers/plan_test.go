package controllers_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/ragpipeline/ragpipeline/internal/command"
	"github.com/ragpipeline/ragpipeline/internal/plan"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// kubeconfig writes one of a user; empty is one who may do anything.
func (c *cluster) kubeconfig(user string) string {
	c.Helper()
	rest := apiserver.Config(c)
	path := filepath.Join(c.TempDir(), "kubeconfig")
	c.check(clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"c": {Server: rest.Host, CertificateAuthorityData: rest.CAData}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"u": {
			ClientCertificateData: rest.CertData, ClientKeyData: rest.KeyData, Token: rest.BearerToken, Impersonate: user,
		}},
		Contexts:       map[string]*clientcmdapi.Context{"x": {Cluster: "c", AuthInfo: "u", Namespace: c.namespace}},
		CurrentContext: "x",
	}, path))
	return path
}

// plans runs `ragpipeline plan` on the quickstart with texts replaced, and returns its exit code and what it printed.
func (c *cluster) plans(kubeconfig string, replace ...string) (code int, planned plan.Preview, said string) {
	c.Helper()
	text, err := os.ReadFile("../../config/samples/quickstart.yaml")
	c.check(err)
	file := filepath.Join(c.TempDir(), "next.yaml")
	c.check(os.WriteFile(file, []byte(strings.NewReplacer(replace...).Replace(string(text))), 0o600))
	var out bytes.Buffer
	cmd := command.New()
	cmd.SetArgs([]string{"plan", "-f", file, "--kubeconfig", kubeconfig, "-o", "json"})
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	if err := cmd.ExecuteContext(c.Context()); err != nil {
		code, said = command.ExitCode(err), err.Error()
	}
	if code < 2 {
		c.check(json.Unmarshal(out.Bytes(), &planned))
	}
	return code, planned, said
}

func TestAPlanReadsTheCluster(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	live, mine := p.Status.Index.Generation, c.kubeconfig("")
	const spec = "\nspec:\n"

	if code, planned, said := c.plans(mine); code != 0 || planned.Changes || planned.Generation.New {
		t.Errorf("the same manifest: %d, %+v, %s", code, planned, said)
	}
	chunks := []string{spec, spec + "  chunking: {size: 400, overlap: 50}\n"}
	code, planned, said := c.plans(mine, chunks...)
	g := planned.Generation
	if code != 1 || !g.New || g.Live != live || g.Estimate.Documents != int(p.Status.Index.Documents) || len(planned.Downtime) > 0 {
		t.Errorf("other chunks: %d, %+v, %s", code, planned, said)
	}
	if code, planned, said := c.plans(mine, "name: quickstart\n", "name: another\n"); code != 1 || planned.Generation.Live != "" {
		t.Errorf("another pipeline: %d, %+v, %s", code, planned, said)
	}
	// The API server alone knows what it was.
	code, _, said = c.plans(mine, "weaviate: {}", "external: {url: http://weaviate:8080}")
	if code != 2 || !strings.Contains(said, "spec.vectorStore") {
		t.Errorf("another store: %d, %s", code, said)
	}
	if code, _, said := c.plans(filepath.Join(t.TempDir(), "missing")); code != 3 {
		t.Errorf("no kubeconfig: %d, %s", code, said)
	}

	c.mayRead("reader", "ragpipelines")
	code, planned, said = c.plans(c.kubeconfig("reader"), chunks...)
	notes := strings.Join(planned.Notes, "\n")
	if code != 1 || planned.Generation.Live != live || !strings.Contains(notes, "you may not write RAGPipelines") {
		t.Errorf("a reader: %d, %+v, %s", code, planned, said)
	}
	if code, _, said := c.plans(c.kubeconfig("stranger"), chunks...); code != 3 || !strings.Contains(said, "forbidden") {
		t.Errorf("a stranger: %d, %s", code, said)
	}
}

// mayRead lets a user read a resource of this project in the namespace.
func (c *cluster) mayRead(user, resource string) {
	c.Helper()
	here := metav1.ObjectMeta{Namespace: c.namespace, Name: user}
	c.check(c.Create(c.Context(), &rbacv1.Role{ObjectMeta: here, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{"ragpipeline.io"}, Resources: []string{resource}, Verbs: []string{"get", "list"},
	}}}))
	c.check(c.Create(c.Context(), &rbacv1.RoleBinding{
		ObjectMeta: here, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}))
}

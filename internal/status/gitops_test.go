package status

import (
	"encoding/json"
	"testing"

	lua "github.com/yuin/gopher-lua"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

func TestGitOpsToolsReadEveryStatusAsAPersonWould(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := c.run(t, func(w *world) { kstatusOf(t, w.p) })
			if got := kstatusOf(t, w.p); got != c.kstatus {
				t.Errorf("kstatus says %s, a person %s", got, c.kstatus)
			}
			if got := argoOf(t, w.p); got != c.argo {
				t.Errorf("Argo CD says %s, a person %s", got, c.argo)
			}
		})
	}
}

func kstatusOf(t *testing.T, p *v1alpha1.RAGPipeline) string {
	t.Helper()
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(p)
	if err != nil {
		t.Fatal(err)
	}
	result, err := status.Compute(&unstructured.Unstructured{Object: object})
	if err != nil {
		t.Fatal(err)
	}
	return result.Status.String()
}

// argoOf runs Argo CD's health check.
func argoOf(t *testing.T, p *v1alpha1.RAGPipeline) string {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(b, &object); err != nil {
		t.Fatal(err)
	}
	l := lua.NewState()
	defer l.Close()
	l.SetGlobal("obj", luaValue(l, object))
	if err := l.DoFile("../../config/argocd/health.lua"); err != nil {
		t.Fatal(err)
	}
	result, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		t.Fatalf("the health check returned %v", l.Get(-1))
	}
	if message, ok := result.RawGetString("message").(lua.LString); !ok || message == "" {
		t.Error("the health check gives no message")
	}
	return result.RawGetString("status").String()
}

func luaValue(l *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case map[string]any:
		table := l.NewTable()
		for key, value := range v {
			table.RawSetString(key, luaValue(l, value))
		}
		return table
	case []any:
		table := l.NewTable()
		for _, value := range v {
			table.Append(luaValue(l, value))
		}
		return table
	case string:
		return lua.LString(v)
	case float64:
		return lua.LNumber(v)
	case bool:
		return lua.LBool(v)
	}
	return lua.LNil
}

func TestBeforeTheOperatorHasLooked(t *testing.T) {
	for name, p := range map[string]*v1alpha1.RAGPipeline{
		"no status but the default":        newWorld().p,
		"an edit that nobody has seen yet": edited(t),
		"it is being deleted":              deleted(t),
	} {
		t.Run(name, func(t *testing.T) {
			if got := kstatusOf(t, p); got != inProgress && got != "Terminating" {
				t.Errorf("kstatus says %s", got)
			}
			if got := argoOf(t, p); got != progressing {
				t.Errorf("Argo CD says %s", got)
			}
		})
	}
}

func edited(t *testing.T) *v1alpha1.RAGPipeline {
	w := testCase{steps: fromReady()}.run(t, func(*world) {})
	w.p.Generation++
	return w.p
}

func deleted(t *testing.T) *v1alpha1.RAGPipeline {
	w := testCase{steps: fromReady()}.run(t, func(*world) {})
	w.p.DeletionTimestamp = &metav1.Time{Time: noon}
	return w.p
}

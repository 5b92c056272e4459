package command

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
)

func TestDocumentsFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a", "b", "papers=2026"} {
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		flags []string
		want  map[string]string // directories by source
		err   string
	}{
		{"a directory with its source", []string{"papers=a"}, map[string]string{"papers": "a"}, ""},
		{"a directory alone", []string{"b"}, map[string]string{"papers": "b"}, ""},
		{"a directory whose name has an equals sign",
			[]string{"papers=2026"}, map[string]string{"papers": "papers=2026"}, ""},
		{"a directory that does not exist",
			[]string{"papers=nowhere"}, nil, "--documents papers=nowhere: nowhere is not a directory"},
		{"a file", []string{"papers=file"}, nil, "--documents papers=file: file is not a directory"},
		{"a source that does not exist",
			[]string{"paper=a"}, nil, `--documents paper=a: the manifest has no source "paper"; it has notes, papers`},
		{"two directories for one source",
			[]string{"papers=a", "papers=b"}, nil, `--documents papers=b: source "papers" already has a directory`},
		{"a source without a directory", []string{"notes=a"}, nil, "--documents papers=DIR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sources := []config.Source{{Name: "notes", ConfigMap: &config.ConfigMap{Name: "notes"}}, {Name: "papers"}}
			got, err := placeDocuments(nil, sources, c.flags)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			placed := map[string]string{}
			for _, s := range got {
				if s.Directory == nil {
					continue
				}
				if placed[s.Name], err = filepath.Rel(cwd, s.Directory.Path); err != nil || !filepath.IsAbs(s.Directory.Path) {
					t.Errorf("%s has the directory %s", s.Name, s.Directory.Path)
				}
			}
			if diff := cmp.Diff(c.want, placed); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOnlyLoopbackIsServedWithoutKeys(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.8.8.8": true, "localhost": true, "::1": true,
		"": false, "0.0.0.0": false, "::": false, "192.168.0.7": false, "example.org": false, "localhost.example.org": false,
	} {
		if got := isLoopback(host); got != want {
			t.Errorf("%q is loopback: %t, want %t", host, got, want)
		}
	}
}

func TestHostsThatCanBeDeclared(t *testing.T) {
	for host, want := range map[string]bool{
		"docs.internal": true, "Docs": true, "10.0.0.7": true, "fd00::1": true,
		"": false, "*": false, "*.internal": false, "docs.internal:8080": false, "http://docs.internal": false,
	} {
		if got := isHost(host); got != want {
			t.Errorf("%q is a host: %t, want %t", host, got, want)
		}
	}
}

func TestBrowsableAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080", "[::1]:80": "http://[::1]:80",
		"0.0.0.0:8080": "http://localhost:8080", "[::]:8080": "http://localhost:8080",
	} {
		a, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if got := browsable(a); got != want {
			t.Errorf("%s becomes %s, want %s", address, got, want)
		}
	}
}

func TestOnlyAGatewayThatKnowsItsCallersIsReachedFromOtherMachines(t *testing.T) {
	issuer := config.Gateway{OIDC: &config.OIDC{Issuer: "https://login.example.com"}}
	for _, tc := range []struct {
		name   string
		flags  *runFlags
		config config.Gateway
		ok     bool
	}{
		{"loopback", &runFlags{listen: "127.0.0.1:8080"}, config.Gateway{}, true},
		{"any address", &runFlags{listen: "0.0.0.0:8080"}, config.Gateway{}, false},
		{"any address with keys", &runFlags{listen: "0.0.0.0:8080", keys: "file"}, config.Gateway{}, true},
		{"any address with an issuer", &runFlags{listen: "0.0.0.0:8080"}, issuer, true},
		{"a question", &runFlags{listen: "0.0.0.0:8080", asking: true}, config.Gateway{}, true},
	} {
		if err := tc.flags.checkReach(tc.config); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	var notes strings.Builder
	for _, f := range []*runFlags{{stderr: &notes}, {stderr: &notes, keys: "file"}} {
		o := gateway.Options{Config: issuer}
		f.admit(&o)
		if o.LoopbackOnly || (o.Tokens == nil) == (o.Keys == nil) {
			t.Errorf("with keys %q, who may call is %+v", f.keys, o)
		}
	}
	if !strings.Contains(notes.String(), "requests need a token of https://login.example.com") ||
		!strings.Contains(notes.String(), "--keys replaces the issuer") {
		t.Error(notes.String())
	}
}

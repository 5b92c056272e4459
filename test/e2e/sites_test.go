//go:build e2e

package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/webdav"
	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source/git/gittest"
	"github.com/ragpipeline/ragpipeline/internal/source/s3test"
)

// server is one of this process, at an address that pods reach.
type server struct {
	address string
	handler http.Handler
	running *http.Server
}

// serve starts a server until the test ends.
func (n *namespace) serve(h http.Handler) *server {
	n.t.Helper()
	s := &server{address: net.JoinHostPort(n.machine(), "0"), handler: h}
	n.starts(s)
	n.t.Cleanup(func() { s.running.Close() })
	return s
}

// starts starts a server that is down, at the address that it had.
func (n *namespace) starts(s *server) {
	n.t.Helper()
	l, err := new(net.ListenConfig).Listen(n.t.Context(), "tcp", s.address)
	if err != nil {
		n.t.Fatal(err)
	}
	s.address = l.Addr().String()
	s.running = &http.Server{Handler: s.handler, ReadHeaderTimeout: time.Minute}
	go s.running.Serve(l)
}

// machine is this machine's address on the way to the cluster's nodes.
func (n *namespace) machine() string {
	n.t.Helper()
	var nodes corev1.NodeList
	if err := api.List(n.t.Context(), &nodes); err != nil {
		n.t.Fatal(err)
	}
	for _, a := range nodes.Items[0].Status.Addresses {
		if a.Type != corev1.NodeInternalIP {
			continue
		}
		way, err := new(net.Dialer).DialContext(n.t.Context(), "udp", net.JoinHostPort(a.Address, "9"))
		if err != nil {
			n.t.Fatal(err)
		}
		defer way.Close()
		return way.LocalAddr().(*net.UDPAddr).IP.String()
	}
	n.t.Fatal("the node has no address")
	return ""
}

// site is where the documents of a source are.
type site struct {
	source v1alpha1.Source
	server *server
	prefix string // of the identities of its documents
	files  map[string]string
	write  func(path, text string) // an empty text removes the file
	vanish func() (back func())    // takes a bucket away; nil elsewhere
}

// set writes a file, or removes it if the text is empty.
func (s *site) set(path, text string) {
	s.write(path, text)
	s.files[path] = text
	if text == "" {
		delete(s.files, path)
	}
}

// valve is the text of a document.
func (s *site) valve(number int) string {
	return fmt.Sprintf("The valve %d of the site %s opens at %d bar.", number, s.source.Name, 100+number)
}

// team is the sidecar of a document.
func team(name string) string { return fmt.Sprintf(`{"metadataAttributes": {"team": %q}}`, name) }

const sidecar = ".metadata.json"

// sites are a bucket, a repository, a web server and, where rclone's image is there, what rclone reaches. Each has six
// documents, two of them with sidecars.
func (n *namespace) sites() (list []*site) {
	n.t.Helper()
	list = []*site{n.bucket(), n.repository(), n.pages()}
	if image := os.Getenv("E2E_RCLONE_IMAGE"); image != "" {
		list = append(list, n.share(image))
	}
	for _, s := range list {
		s.files = map[string]string{}
		for i := range 6 {
			s.set(fmt.Sprintf("valve-%d.txt", i), s.valve(i))
		}
		s.set("valve-1.txt"+sidecar, team("north"))
		s.set("valve-2.txt"+sidecar, team("north"))
	}
	return list
}

func (n *namespace) bucket() *site {
	n.t.Helper()
	store := s3test.Start(n.t)
	n.create(secret("bucket", map[string]string{
		config.S3AccessKeyID: s3test.AccessKeyID, config.S3SecretAccessKey: s3test.SecretAccessKey,
	}))
	front := n.serve(store.Proxy())
	return &site{server: front, vanish: store.Vanish, prefix: "bucket/", source: v1alpha1.Source{Name: "bucket", S3: &v1alpha1.S3Source{
		Bucket: store.Bucket, Endpoint: v1alpha1.URL("http://" + front.address), Region: s3test.Region,
		SecretRef: &v1alpha1.SourceSecret{Name: "bucket"},
	}}, write: func(path, text string) {
		if text == "" {
			store.Remove(path)
			return
		}
		store.Put(path, text, nil)
	}}
}

func (n *namespace) repository() *site {
	n.t.Helper()
	repository := gittest.New(n.t)
	n.create(secret("repository", map[string]string{config.GitUsername: "git", config.GitPassword: "password-of-the-test"}))
	front := n.serve(repository.Handler("git", "password-of-the-test"))
	return &site{server: front, prefix: "repository/", source: v1alpha1.Source{Name: "repository", Git: &v1alpha1.GitSource{
		URL: "http://" + front.address + "/repo.git", SecretRef: &v1alpha1.SourceSecret{Name: "repository"},
	}}, write: func(path, text string) {
		repository.Write(path, text)
		if text == "" {
			repository.Git("rm", "--quiet", "--force", path)
		}
		repository.Commit()
	}}
}

// pages is a web server with a sitemap, and with ETags.
func (n *namespace) pages() *site {
	n.t.Helper()
	var mu sync.Mutex
	files := map[string]string{}
	front := n.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/sitemap.xml" {
			fmt.Fprint(w, "<urlset>")
			for _, path := range slices.Sorted(maps.Keys(files)) {
				fmt.Fprintf(w, "<url><loc>http://%s/%s</loc></url>", r.Host, path)
			}
			fmt.Fprint(w, "</urlset>")
			return
		}
		text, ok := files[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(text))))
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
	}))
	machine, _, _ := net.SplitHostPort(front.address)
	return &site{server: front, prefix: "pages/http:" + front.address + "/", source: v1alpha1.Source{Name: "pages", HTTP: &v1alpha1.HTTPSource{
		Sitemaps: []v1alpha1.PageURL{v1alpha1.PageURL("http://" + front.address + "/sitemap.xml")}, AllowHosts: []v1alpha1.Host{v1alpha1.Host(machine)},
	}}, write: func(path, text string) {
		mu.Lock()
		defer mu.Unlock()
		if files[path] = text; text == "" {
			delete(files, path)
		}
	}}
}

const shareToken = "token-of-the-test"

// share is a WebDAV server, which rclone reaches.
func (n *namespace) share(image string) *site {
	n.t.Helper()
	directory := n.t.TempDir()
	dav := &webdav.Handler{FileSystem: webdav.Dir(directory), LockSystem: webdav.NewMemLS()}
	front := n.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+shareToken {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		dav.ServeHTTP(w, r)
	}))
	n.create(secret("share", map[string]string{
		"RCLONE_CONFIG_FILES_TYPE": "webdav", "RCLONE_CONFIG_FILES_VENDOR": "other",
		"RCLONE_CONFIG_FILES_URL": "http://" + front.address, "RCLONE_CONFIG_FILES_BEARER_TOKEN": shareToken,
	}))
	return &site{server: front, prefix: "share/", source: v1alpha1.Source{Name: "share", Container: &v1alpha1.ContainerSource{
		Image: v1alpha1.Image(image), Command: []v1alpha1.Argument{"rclone"},
		Args:      []v1alpha1.Argument{"copy", "files:", "/documents", "--config", "", "--retries", "1"},
		SecretRef: &v1alpha1.SourceSecret{Name: "share"},
	}}, write: func(path, text string) {
		path = filepath.Join(directory, path)
		err := os.WriteFile(path, []byte(text), 0o600)
		if text == "" {
			err = os.Remove(path)
		}
		if err != nil {
			n.t.Fatal(err)
		}
	}}
}

// held is a document as the index holds it.
type held struct{ Text, Team string }

// holdsExactly waits until the index holds each document of the sites as it is there, and no other.
func (p *pipeline) holdsExactly(sites []*site, within time.Duration) {
	p.t.Helper()
	want := map[string]held{}
	for _, s := range sites {
		for path, text := range s.files {
			if strings.HasSuffix(path, sidecar) {
				continue
			}
			var beside struct{ MetadataAttributes struct{ Team string } }
			if own := s.files[path+sidecar]; own != "" {
				if err := json.Unmarshal([]byte(own), &beside); err != nil {
					p.t.Fatal(err)
				}
			}
			want[s.prefix+path] = held{text, beside.MetadataAttributes.Team}
		}
	}
	eventually(p.t, within, "the index holds what the sources hold", func(ctx context.Context) error {
		got, err := p.held(ctx)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("(-want +got):\n%s", diff)
		}
		return nil
	})
}

// held reads the metadata of each document from the ledger, and its text from the Weaviate itself.
func (p *pipeline) held(ctx context.Context) (map[string]held, error) {
	var page struct {
		Documents []struct {
			ID       string `json:"document_id"`
			State    string
			Metadata struct{ Team string }
		}
	}
	if err := p.call(ctx, http.MethodGet, "/v1/documents?limit=1000", nil, &page); err != nil {
		return nil, err
	}
	all := map[string]held{}
	for _, d := range page.Documents {
		if d.State != "Indexed" {
			return nil, fmt.Errorf("%s is %s", d.ID, d.State)
		}
		all[d.ID] = held{Team: d.Metadata.Team}
	}
	s, err := p.store(ctx)
	if err != nil {
		return nil, err
	}
	collections, err := s.collections(ctx)
	if err != nil {
		return nil, err
	}
	for _, collection := range collections {
		if !strings.HasSuffix(collection, "_Chunks") {
			continue
		}
		var chunks struct {
			Objects []struct {
				Properties struct{ Document, Text string }
			}
		}
		if err := s.send(ctx, http.MethodGet, "objects?limit=1000&class="+collection, nil, &chunks); err != nil {
			return nil, err
		}
		for _, c := range chunks.Objects {
			d := all[c.Properties.Document]
			d.Text += c.Properties.Text
			all[c.Properties.Document] = d
		}
	}
	return all, nil
}

// sentences are the texts of passages, without their contexts, sorted.
func sentences(passages []string) (texts []string) {
	for _, passage := range passages {
		texts = append(texts, passage[strings.LastIndex(passage, "\n")+1:])
	}
	slices.Sort(texts)
	return texts
}

// embedded checks that just these texts were embedded after so many passages.
func (h *hosted) embedded(t *testing.T, before int, want []string) {
	t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, sentences(h.passages()[before:])); diff != "" {
		t.Errorf("passages that were embedded (-want +got):\n%s", diff)
	}
}

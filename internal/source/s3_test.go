package source

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source/s3test"
)

// secrets resolve "bucket" to the right credentials, and the entries of others as they are given.
func secrets(others map[string]string) Resolvers {
	values := map[string]string{
		"bucket/" + config.S3AccessKeyID: s3test.AccessKeyID, "bucket/" + config.S3SecretAccessKey: s3test.SecretAccessKey,
	}
	maps.Copy(values, others)
	return Resolvers{Secret: func(key config.SecretKey) (string, error) {
		if v, ok := values[key.Name+"/"+key.Key]; ok {
			return v, nil
		}
		return "", fmt.Errorf("Secret %q has no key %q: %w", key.Name, key.Key, fs.ErrNotExist)
	}}
}

func papers(endpoint string) config.Source {
	return config.Source{Name: "papers", S3: &config.S3{
		Bucket: "papers", Endpoint: endpoint, Region: s3test.Region, Secret: "bucket",
	}}
}

func newBucket(t *testing.T, c config.Source, r Resolvers) Source {
	t.Helper()
	s, err := New(c, r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// contents lists the source and reads every document.
func contents(t *testing.T, s Source) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, e := range list(t, s) {
		c, err := Read(t.Context(), s, e, 1<<20)
		if err != nil {
			t.Fatalf("read %s: %v", e.Path, err)
		}
		found[e.Path] = string(c.Data)
	}
	return found
}

func TestABucketIsListedAndRead(t *testing.T) {
	server := s3test.Start(t)
	objects := map[string]string{
		"a.md": "apple", "b/c d+e.md": "space and plus", "b/한국어.md": "hangul", "b/%41?&=#.md": "escapes", "z": "",
		"b/deep/er/x.txt": "deep", ".hidden/x.md": "hidden",
	}
	for key, text := range objects {
		server.Put(key, text, nil)
	}
	server.Put("b/folder/", "", nil)
	delete(objects, ".hidden/x.md")
	if diff := cmp.Diff(objects, contents(t, newBucket(t, papers(server.URL), secrets(nil)))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	folder := papers(server.URL)
	folder.S3.Prefix, folder.Include, folder.Exclude = "b", []string{"**/*.md"}, []string{"%*"}
	want := map[string]string{"c d+e.md": "space and plus", "한국어.md": "hangul"}
	if diff := cmp.Diff(want, contents(t, newBucket(t, folder, secrets(nil)))); diff != "" {
		t.Errorf("a folder (-want +got):\n%s", diff)
	}
}

func TestABucketOfSeveralPagesIsListedInOrder(t *testing.T) {
	server := s3test.Start(t)
	var want []string
	for i := range 2100 {
		want = append(want, fmt.Sprintf("%d/%d.md", i%7, i))
	}
	var wait sync.WaitGroup
	for part := range slices.Chunk(want, 300) {
		wait.Go(func() {
			for _, key := range part {
				server.Put(key, "text", nil)
			}
		})
	}
	wait.Wait()
	slices.Sort(want)
	if diff := cmp.Diff(want, paths(list(t, newBucket(t, papers(server.URL), secrets(nil))))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// The second page fails: what was listed is yielded but for the last, whose sidecar may be to come, and the error
	// says where and why.
	proxy := server.Proxy()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("continuation-token") != "" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer broken.Close()
	listed := 0
	err := newBucket(t, papers(broken.URL), secrets(nil)).List(t.Context(), func(Entry) bool { listed++; return true })
	if listed != 999 || err == nil || !strings.Contains(err.Error(), `bucket "papers" at `+broken.URL+" cannot be listed") {
		t.Errorf("listed %d, %v", listed, err)
	}
}

func TestTheVersionOfAnObject(t *testing.T) {
	server := s3test.Start(t)
	server.Put("a.md", "apple", map[string]string{"Author": "A. Turing"})
	s := newBucket(t, papers(server.URL), secrets(nil))
	first := list(t, s)[0]
	if !first.Exact || first.Version == "" || list(t, s)[0].Version != first.Version {
		t.Errorf("the entry %+v", first)
	}
	content, err := Read(t.Context(), s, first, 100)
	if err != nil || content.Version != first.Version {
		t.Errorf("read %+v, %v", content, err)
	}
	if diff := cmp.Diff(map[string]string{"Author": "A. Turing"}, content.Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}

	server.Put("a.md", "avocado", nil)
	if _, err := s.Open(t.Context(), first); !errors.Is(err, ErrChanged) {
		t.Errorf("an object that changed since the listing gave %v", err)
	}
	if second := list(t, s)[0]; second.Version == first.Version {
		t.Errorf("the version stays %s", second.Version)
	}
	server.Remove("a.md")
	_, err = Read(t.Context(), s, first, 100)
	wantReason(t, err, config.Unreadable)
}

func TestABucketThatCannotBeListedSaysWhy(t *testing.T) {
	server := s3test.Start(t)
	server.Put("a.md", "apple", nil)
	secure := httptest.NewTLSServer(server.Proxy())
	defer secure.Close()
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	wrong := secrets(map[string]string{"bucket/" + config.S3SecretAccessKey: "another-secret"})
	unknown := secrets(map[string]string{"bucket/" + config.S3AccessKeyID: "AKIDOFNOBODY"})
	for name, c := range map[string]struct {
		change  func(*config.S3)
		secrets Resolvers
		want    string
	}{
		"a wrong secret":           {func(*config.S3) {}, wrong, "check the Secret of s3.secretRef"},
		"an unknown key":           {func(*config.S3) {}, unknown, "check the Secret of s3.secretRef"},
		"no credentials":           {func(c *config.S3) { c.Secret = "" }, secrets(nil), "grant s3:ListBucket"},
		"a missing Secret":         {func(c *config.S3) { c.Secret = "gone" }, secrets(nil), `its Secret lacks an entry: Secret "gone" has no key "AWS_ACCESS_KEY_ID"`},
		"an empty secret":          {func(*config.S3) {}, secrets(map[string]string{"bucket/" + config.S3AccessKeyID: ""}), "is empty"},
		"another bucket":           {func(c *config.S3) { c.Bucket = "gone" }, secrets(nil), "it does not exist: check s3.bucket"},
		"a server that is down":    {func(c *config.S3) { c.Endpoint = closed.URL }, secrets(nil), "check that it runs"},
		"an untrusted certificate": {func(c *config.S3) { c.Endpoint = secure.URL }, secrets(nil), "name the authority's in caBundle"},
		"http at a port of https":  {func(c *config.S3) { c.Endpoint = strings.Replace(secure.URL, "https", "http", 1) }, secrets(nil), "cannot be listed"},
		"a bundle that is missing": {func(c *config.S3) { c.CABundle = &config.ConfigMapKey{Name: "ca", Key: "ca.crt"} }, secrets(nil), `ConfigMap "ca" is not mounted`},
	} {
		t.Run(name, func(t *testing.T) {
			where := papers(server.URL)
			c.change(where.S3)
			err := newBucket(t, where, c.secrets).List(t.Context(), func(e Entry) bool { t.Errorf("listed %s", e.Path); return true })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			for _, secret := range []string{s3test.SecretAccessKey, "another-secret"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}

	trusting := secrets(nil)
	trusting.CABundle = func(key config.ConfigMapKey) ([]byte, error) {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), nil
	}
	where := papers(secure.URL)
	where.S3.CABundle = &config.ConfigMapKey{Name: "ca", Key: "ca.crt"}
	if diff := cmp.Diff(map[string]string{"a.md": "apple"}, contents(t, newBucket(t, where, trusting))); diff != "" {
		t.Errorf("with the bundle (-want +got):\n%s", diff)
	}
	server.Remove("a.md")
	s := newBucket(t, papers(server.URL), secrets(nil))
	server.RemoveBucket()
	if err := s.List(t.Context(), func(Entry) bool { return true }); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("a bucket that vanished gave %v", err)
	}
}

// The environment's credentials are those of variables, or of the role of a ServiceAccount.
func TestAmbientCredentials(t *testing.T) {
	server := s3test.Start(t)
	server.Put("a.md", "apple", nil)
	where := papers(server.URL)
	where.S3.Secret = ""
	want := map[string]string{"a.md": "apple"}
	t.Run("variables", func(t *testing.T) {
		t.Setenv(config.S3AccessKeyID, s3test.AccessKeyID)
		t.Setenv(config.S3SecretAccessKey, s3test.SecretAccessKey)
		if diff := cmp.Diff(want, contents(t, newBucket(t, where, Resolvers{}))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("a web identity", func(t *testing.T) {
		token := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(token, []byte("token-of-the-account"), 0o600); err != nil {
			t.Fatal(err)
		}
		var role, sent string
		sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			role, sent = r.FormValue("RoleArn"), r.FormValue("WebIdentityToken")
			fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
				<AssumeRoleWithWebIdentityResult><Credentials>
				<AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><Expiration>2099-01-01T00:00:00Z</Expiration>
				</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
				s3test.AccessKeyID, s3test.SecretAccessKey)
		}))
		defer sts.Close()
		t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token)
		t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/reader")
		t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
		if diff := cmp.Diff(want, contents(t, newBucket(t, where, Resolvers{}))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if role != "arn:aws:iam::1:role/reader" || sent != "token-of-the-account" {
			t.Errorf("the role %q was asked for with %q", role, sent)
		}
	})
}

// A store may be hostile: pages without end, in no order, or an object that breaks off.
func TestAStoreThatMisbehaves(t *testing.T) {
	page := func(keys ...string) string {
		text := `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>more</NextContinuationToken>`
		for _, key := range keys {
			text += "<Contents><Key>" + key + "</Key><Size>9</Size><ETag>\"1\"</ETag></Contents>"
		}
		return text + "</ListBucketResult>"
	}
	for name, c := range map[string]struct {
		page string
		want string
	}{
		"a page again and again":  {page("a.md", "b.md"), "only stores that list in the order of their keys are read"},
		"keys in no order":        {page("b.md", "a.md"), "only stores that list in the order of their keys are read"},
		"empty pages without end": {page(), "page after page that lists no object"},
		"the page of a proxy":     {"<html><body>Maintenance</body></html>", "something other than a listing"},
		"a page without end":      {"<ListBucketResult>" + strings.Repeat(" ", s3Page), "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.page) }))
			defer server.Close()
			err := newBucket(t, papers(server.URL), secrets(nil)).List(t.Context(), func(Entry) bool { return true })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "9")
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		fmt.Fprint(w, "half")
	}))
	defer server.Close()
	_, err := Read(t.Context(), newBucket(t, papers(server.URL), secrets(nil)), Entry{Path: "a.md", Size: 9}, 100)
	wantReason(t, err, config.Changed)

	// The client reads an answer to its end whose headers it does not understand.
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"1"`)
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	_, err = Read(t.Context(), newBucket(t, papers(endless.URL), secrets(nil)), Entry{Path: "a.md", Size: 9}, 100)
	wantReason(t, err, config.Unreadable)
}

func TestABodyThatTakesTooLongSaysSo(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	body := endsAfter(time.Millisecond, r)
	defer body.Close()
	_, err := io.ReadAll(body)
	if err == nil || !strings.Contains(err.Error(), "did not send the whole of it within 1ms") {
		t.Errorf("got %v", err)
	}
}

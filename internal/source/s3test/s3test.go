// Package s3test runs a real S3 server for tests, versitygw, which checks signatures.
package s3test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ragpipeline/ragpipeline/test/loopback"
)

// Variable names the environment variable that holds the path of the binary.
const Variable = "RAGPIPELINE_VERSITYGW"

// The credentials of every server, and its region.
const (
	AccessKeyID     = "AKIDOFTHETEST"
	SecretAccessKey = "secret-key-of-the-test"
	Region          = "eu-central-1"
)

// Server is a versitygw process with an empty bucket.
type Server struct {
	URL, Bucket string

	t         testing.TB
	client    *minio.Client
	directory string // has a directory for each bucket
}

// Start starts a server, and stops it when the test ends. Without a binary the test is skipped.
func Start(t testing.TB) *Server {
	t.Helper()
	binary := os.Getenv(Variable)
	if binary == "" {
		t.Skipf("%s is not set: it is the path that hack/versitygw/binary.sh prints, which `make test` sets", Variable)
	}
	s := &Server{t: t, Bucket: "papers", URL: "http://" + loopback.Free(t), directory: t.TempDir()}
	address := strings.TrimPrefix(s.URL, "http://")
	command := exec.CommandContext(context.Background(), binary, "--port", address, "--region", Region,
		"--health", "/healthz", "posix", s.directory)
	command.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+AccessKeyID, "ROOT_SECRET_KEY="+SecretAccessKey)
	var log bytes.Buffer
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait() // it was killed
		if t.Failed() {
			t.Logf("versitygw's log:\n%s", log.String())
		}
	})
	s.await(s.URL + "/healthz")
	var err error
	s.client, err = minio.New(address, &minio.Options{
		Creds: credentials.NewStaticV4(AccessKeyID, SecretAccessKey, ""), Region: Region,
	})
	if err == nil {
		err = s.client.MakeBucket(t.Context(), s.Bucket, minio.MakeBucketOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Server) await(url string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	for every := time.NewTicker(20 * time.Millisecond); ; {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if response, err := http.DefaultClient.Do(r); err == nil {
			response.Body.Close()
			every.Stop()
			return
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			s.t.Fatalf("versitygw does not answer at %s", url)
		}
	}
}

// Put writes an object with its user metadata.
func (s *Server) Put(key, text string, metadata map[string]string) {
	s.t.Helper()
	_, err := s.client.PutObject(s.t.Context(), s.Bucket, key, strings.NewReader(text), int64(len(text)),
		minio.PutObjectOptions{UserMetadata: metadata})
	if err != nil {
		s.t.Fatalf("put %s: %v", key, err)
	}
}

// Remove deletes objects.
func (s *Server) Remove(keys ...string) {
	s.t.Helper()
	for _, key := range keys {
		if err := s.client.RemoveObject(s.t.Context(), s.Bucket, key, minio.RemoveObjectOptions{}); err != nil {
			s.t.Fatalf("remove %s: %v", key, err)
		}
	}
}

// RemoveBucket deletes the bucket, which must be empty.
func (s *Server) RemoveBucket() {
	s.t.Helper()
	if err := s.client.RemoveBucket(s.t.Context(), s.Bucket); err != nil {
		s.t.Fatal(err)
	}
}

// Vanish takes the bucket away, with its objects, and returns how to bring it back as it was.
func (s *Server) Vanish() (back func()) {
	s.t.Helper()
	here, away := filepath.Join(s.directory, s.Bucket), filepath.Join(s.t.TempDir(), s.Bucket)
	move := func(from, to string) {
		s.t.Helper()
		if err := os.Rename(from, to); err != nil {
			s.t.Fatal(err)
		}
	}
	move(here, away)
	return func() { move(away, here) }
}

// Proxy is a handler in front of the server, under whose signatures requests stay valid.
func (s *Server) Proxy() http.Handler {
	to, err := url.Parse(s.URL)
	if err != nil {
		s.t.Fatal(fmt.Errorf("proxy: %w", err))
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // is signed
	}}
}

package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/standin"
)

func getenv(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func TestAddressIsReadAsTheGenerationReadsIt(t *testing.T) {
	both := map[string]string{"NIM_HTTP_API_PORT": "9001", "NIM_SERVER_PORT": "9002", "NIM_SERVER_BIND_ADDR": "0.0.0.0:9003"}
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		want string
	}{
		"1.x":                        {[]string{"-generation=1", "-role=embedding"}, both, "0.0.0.0:9001"},
		"2.x retriever":              {[]string{"-role=embedding"}, both, "0.0.0.0:9003"},
		"2.x LLM":                    {[]string{"-role=llm"}, both, "0.0.0.0:9002"},
		"2.x in all roles":           {nil, both, "0.0.0.0:9003"},
		"2.0":                        {nil, map[string]string{"NIM_BIND_ADDR": "127.0.0.1:9004"}, "127.0.0.1:9004"},
		"2.x with 1.x's environment": {nil, map[string]string{"NIM_HTTP_API_PORT": "9001"}, "0.0.0.0:8000"},
		"1.x with 2.x's environment": {[]string{"-generation=1"}, map[string]string{"NIM_SERVER_PORT": "9002"}, "0.0.0.0:8000"},
		"2.x LLM with a retriever's": {[]string{"-role=llm"}, map[string]string{"NIM_SERVER_BIND_ADDR": "0.0.0.0:9003"}, "0.0.0.0:8000"},
		"nothing in the environment": {nil, nil, "0.0.0.0:8000"},
		"an address of IP version 6": {nil, map[string]string{"NIM_SERVER_BIND_ADDR": "[::]:8000"}, "[::]:8000"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := parse(c.args, getenv(c.env))
			if err != nil {
				t.Fatal(err)
			}
			if s.address != c.want {
				t.Errorf("listens on %s, want %s", s.address, c.want)
			}
		})
	}
}

func TestNamesAndLimits(t *testing.T) {
	s, err := parse([]string{"-role=llm", "-max-tokens=7"}, getenv(map[string]string{
		"NIM_SERVED_MODEL_NAME": "meta/llama", "NIM_PIPELINE_MAX_SEQ_LEN": "512", "NIM_SERVER_HTTP_BODY_LIMIT_BYTES": "1024",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := standin.Options{Names: standin.Names{LLM: "meta/llama"}, MaxTokens: 512, MaxBody: 1024}
	if diff := cmp.Diff(want, s.options.Models); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s, err = parse([]string{"-role=reranking", "-generation=1"}, getenv(map[string]string{"NIM_SERVED_MODEL_NAME": "ignored in 1.x"}))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.options.Models.Names; got != (standin.Names{Reranking: config.StandInReranking}) {
		t.Errorf("serves %+v", got)
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
	}{
		"an unknown role":              {[]string{"-role=judge"}, nil},
		"an unknown generation":        {[]string{"-generation=3"}, nil},
		"a port that is none":          {[]string{"-generation=1"}, map[string]string{"NIM_HTTP_API_PORT": "http"}},
		"a limit that is no number":    {nil, map[string]string{"NIM_PIPELINE_MAX_SEQ_LEN": "many"}},
		"a cache that is no directory": {nil, map[string]string{"NIM_CACHE_PATH": filepath.Join(t.TempDir(), "missing")}},
	} {
		if _, err := parse(c.args, getenv(c.env)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestTheCacheSparesTheDownload(t *testing.T) {
	cache := t.TempDir()
	args, env := []string{"-load=1s", "-download=1h"}, getenv(map[string]string{"NIM_CACHE_PATH": cache})
	first, err := parse(args, env)
	if err != nil {
		t.Fatal(err)
	}
	if got := first.options.StartUp; got != time.Hour+time.Second {
		t.Errorf("starts in %s", got)
	}
	if err := first.keepModel(); err != nil {
		t.Fatal(err)
	}
	second, err := parse(args, env)
	if err != nil {
		t.Fatal(err)
	}
	if got := second.options.StartUp; got != time.Second {
		t.Errorf("starts in %s, with the model in the cache", got)
	}
	if second.marker != "" {
		t.Errorf("it writes %s again, into a cache that may be one that is only read", second.marker)
	}
}

func TestRunMarksTheModelAndEndsWithItsContext(t *testing.T) {
	cache := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, nil, getenv(map[string]string{"NIM_SERVER_BIND_ADDR": "127.0.0.1:0", "NIM_CACHE_PATH": cache}))
	}()
	for {
		if _, err := os.Stat(filepath.Join(cache, "model.downloaded")); err == nil {
			break
		}
		select {
		case err := <-ended:
			t.Fatal("it ended by itself:", err)
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

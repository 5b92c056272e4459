package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/standin"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// settings are what flags and a NIM's own environment say.
type settings struct {
	address string
	options nimsim.Options
	// marker is the file that stands for the downloaded model; empty without a cache. download is how long it
	// takes to come.
	marker   string
	download time.Duration
}

// parse reads the flags, and the environment that the simulated generation of NIMs reads. It reads no other:
// who starts a NIM and does not know its generation must set the variables of both.
func parse(args []string, getenv func(string) string) (*settings, error) {
	flags := flag.NewFlagSet("nimsim", flag.ContinueOnError)
	role := flags.String("role", "", "embedding, reranking or llm; all three when empty")
	generation := flags.Int("generation", 2, "which environment to read: 1 for NIM 1.x, 2 for 2.x")
	name := flags.String("model", "", "the model's name; the stand-in's own when empty")
	key := flags.String("key", "", "the API key to ask for; none when empty")
	load := flags.Duration("load", 0, "how long the model takes to load, before the simulator is ready")
	download := flags.Duration("download", 0, "how long the model takes to download before that, unless it is in NIM_CACHE_PATH")
	fast := flags.Bool("fast", false, "answer at once with fixed replies")
	var c nimsim.Capacity
	flags.IntVar(&c.Parallel, "parallel", 1, "how many requests are computed at once, if they take time")
	flags.StringVar((*string)(&c.Of), "busy", "embedding", "the model of the following flags: embedding, reranking or llm")
	flags.IntVar(&c.Queue, "queue", 0, "how many more may wait before one is refused with 429; 0 for any number")
	flags.DurationVar(&c.Base, "takes", 0, "how long a request takes, beside its texts")
	flags.DurationVar(&c.PerText, "takes-per-text", 0, "how long it takes for each text")
	var o standin.Options
	flags.IntVar(&o.Dimensions, "dimensions", 0, "the length of vectors; 0 for the stand-in's own")
	flags.IntVar(&o.MaxTokens, "max-tokens", 0, "the limit on a text to embed or rank, in tokens")
	flags.IntVar(&o.MaxBatch, "max-batch", 0, "the limit on the texts of an embedding request")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}

	env := environment{getenv: getenv, generation: *generation, role: config.Stage(*role)}
	var err error
	if o.Names, err = env.names(*name); err != nil {
		return nil, err
	}
	if err := env.limits(&o); err != nil {
		return nil, err
	}
	s := &settings{options: nimsim.Options{Models: o, Key: *key, StartUp: *load}}
	if *fast {
		s.options.Fast = &nimsim.Fast{Dimensions: o.Dimensions}
	}
	if c.Base+c.PerText > 0 {
		s.options.Capacity = &c
	}
	if s.address, err = env.address(); err != nil {
		return nil, err
	}
	return s, s.findModel(getenv("NIM_CACHE_PATH"), *download)
}

// findModel looks for the model in the cache; what is not there must be downloaded at every start.
func (s *settings) findModel(cache string, download time.Duration) error {
	if cache != "" {
		s.marker = filepath.Join(cache, "model.downloaded")
		switch _, err := os.Stat(s.marker); {
		case err == nil:
			s.marker = "" // the cache may be one that is only read
			return nil
		case !errors.Is(err, os.ErrNotExist):
			return fmt.Errorf("look into NIM_CACHE_PATH: %w", err)
		}
		probe := filepath.Join(cache, ".writable")
		if err := os.WriteFile(probe, nil, 0o600); err != nil {
			return fmt.Errorf("NIM_CACHE_PATH must be a directory that can be written to: %w", err)
		}
		_ = os.Remove(probe) // it is empty, and the next start overwrites it
	}
	s.download = download
	s.options.StartUp += download
	return nil
}

// environment is a NIM's, of one generation and role.
type environment struct {
	getenv     func(string) string
	generation int
	role       config.Stage
}

// names says which models are served, and as what.
func (e environment) names(name string) (standin.Names, error) {
	if name == "" && e.generation == 2 {
		name = e.getenv("NIM_SERVED_MODEL_NAME")
	}
	or := func(standIn string) string {
		if name == "" {
			return standIn
		}
		return name
	}
	switch e.role {
	case "":
		return standin.Names{}, nil
	case config.StageEmbedding:
		return standin.Names{Embedding: or(config.StandInEmbedding)}, nil
	case config.StageReranking:
		return standin.Names{Reranking: or(config.StandInReranking)}, nil
	case config.StageLLM:
		return standin.Names{LLM: or(config.StandInLLM)}, nil
	}
	return standin.Names{}, fmt.Errorf("-role must be embedding, reranking or llm, not %q", e.role)
}

// limits reads those that can be set by environment, in 2.x.
func (e environment) limits(o *standin.Options) error {
	if e.generation != 2 {
		return nil
	}
	for variable, set := range map[string]func(int){
		"NIM_PIPELINE_MAX_SEQ_LEN":         func(n int) { o.MaxTokens = n },
		"NIM_SERVER_HTTP_BODY_LIMIT_BYTES": func(n int) { o.MaxBody = int64(n) },
	} {
		value := e.getenv(variable)
		if value == "" {
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return fmt.Errorf("%s must be a number of at least 1, not %q", variable, value)
		}
		set(n)
	}
	return nil
}

// address is where to listen: by NIM_HTTP_API_PORT in 1.x; in 2.x by NIM_SERVER_PORT for an LLM, and by
// NIM_SERVER_BIND_ADDR (2.0: NIM_BIND_ADDR) for the others.
func (e environment) address() (string, error) {
	variables := map[int][]string{1: {"NIM_HTTP_API_PORT"}, 2: {"NIM_SERVER_BIND_ADDR", "NIM_BIND_ADDR"}}[e.generation]
	switch {
	case variables == nil:
		return "", fmt.Errorf("-generation must be 1 or 2, not %d", e.generation)
	case e.generation == 2 && e.role == config.StageLLM:
		variables = []string{"NIM_SERVER_PORT"}
	case e.generation == 2 && e.role == "":
		variables = append(variables, "NIM_SERVER_PORT")
	}
	for _, variable := range variables {
		value := e.getenv(variable)
		if value == "" {
			continue
		}
		if strings.HasSuffix(variable, "_PORT") {
			value = "0.0.0.0:" + value
		}
		if _, port, err := net.SplitHostPort(value); err != nil || !number(port) {
			return "", fmt.Errorf("%s is no address: %q", variable, value)
		}
		return value, nil
	}
	return "0.0.0.0:8000", nil
}

func number(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

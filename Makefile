# What a contributor types. `make help` lists it.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

export CGO_ENABLED ?= 0
BIN := bin
TOOLS := -modfile=hack/tools/go.mod
LINT := $(BIN)/golangci-lint

.PHONY: help build test verify lint generate bench fuzz clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build the one static binary into bin/
	go build -trimpath -o $(BIN)/ragpipeline .

test: ## Run every test; with the race detector where a C compiler is found
	@hack/test.sh

verify: lint ## Check formatting, lint, and that generated files are up to date
	@hack/verify.sh

lint: $(LINT) ## Lint, with the import rules of docs/architecture.md
	$(LINT) run ./...

$(LINT): hack/tools/golangci-lint/go.mod
	go build -modfile=hack/tools/golangci-lint/go.mod -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

generate: ## Regenerate deep copies and the CRD from api/
	go generate ./api/...

bench: ## Measure; docs/benchmarks.md says what the figures mean
	go run ./hack/bench

fuzz: ## Fuzz every target for FUZZTIME (20s) each
	@hack/fuzz.sh

clean: ## Remove what was built
	rm -rf $(BIN)

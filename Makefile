# What a contributor types. `make help` lists it.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The flags of every build, so that no package is compiled twice. hack/cluster/build.sh has the same. The tag leaves
# out gRPC's trace page, whose templates would keep the linker from dropping unused methods, 8 MB of them.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath -buildvcs=false -tags=grpcnotrace
VERSION ?= dev
BUILD := go build -ldflags="-s -w"
PROGRAM := go build -ldflags="-s -w -X github.com/ragpipeline/ragpipeline/internal/command.version=$(VERSION)"

BIN := bin
IMAGE ?= ghcr.io/ragpipeline/ragpipeline:$(VERSION)
NIMSIM_IMAGES ?= ghcr.io/ragpipeline/nimsim:$(VERSION)
TOOLS := -modfile=hack/tools/go.mod
LINT := $(BIN)/golangci-lint

.PHONY: help build image layer image-nimsim simulators test verify lint generate helm olm bench fuzz cluster cluster-down \
	e2e e2e-long demo krew clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build the one static binary into bin/
	$(PROGRAM) -o $(BIN)/ragpipeline .

# An image needs Linux binaries; the packer runs here.
PACK := GOOS= GOARCH= go run ./hack/image

image: ## Pack the image IMAGE into bin/ragpipeline.tar, without Docker; VERSION (dev) is its tag
	GOOS=linux $(PROGRAM) -o $(BIN)/image/ragpipeline .
	$(PACK) -o $(BIN)/ragpipeline.tar -name $(IMAGE) $(BIN)/image/ragpipeline=/ragpipeline

layer: build # for the Dockerfile
	$(PACK) -layer -o $(BIN)/layer.tar $(BIN)/ragpipeline=/ragpipeline

image-nimsim: simulators ## Pack the NIM simulator into bin/nimsim.tar, under the names NIMSIM_IMAGES (comma-separated)
	$(PACK) -o $(BIN)/nimsim.tar -name $(NIMSIM_IMAGES) $(BIN)/image/nimsim=/nimsim

simulators: # and what fills a volume and issues tokens, for hack/e2e.sh
	GOOS=linux $(BUILD) -o $(BIN)/image/ ./test/nimsim/cmd/nimsim ./test/e2e/seed ./test/issuer/cmd/issuer

test: ## Run every test; with the race detector where a C compiler is found
	@hack/test.sh

verify: lint ## Check formatting, lint, and that generated files are up to date
	@hack/verify.sh

lint: $(LINT) ## Lint, with the import rules of docs/architecture.md
	$(LINT) run ./...

$(LINT): hack/tools/golangci-lint/go.mod
	$(BUILD) -modfile=hack/tools/golangci-lint/go.mod -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

generate: ## Regenerate deep copies and the CRD from api/, and from that the chart's copies and docs/api.md
	go generate ./api/...
	go generate ./config/...

helm: ## Build Helm into bin/, for the chart's tests
	@hack/helm.sh

olm: ## Write the bundle for the Operator Lifecycle Manager into bin/olm, for IMAGE, and validate it; VERSION is v1.2.3
	go -C hack/olm run . -config ../../config -out ../../$(BIN)/olm -image $(IMAGE) \
	  $(if $(filter-out dev,$(VERSION)),-version $(VERSION:v%=%))

bench: ## Measure; docs/benchmarks.md says what the figures mean; BENCH=-only=NAME,... for some
	go run ./hack/bench $(BENCH)

fuzz: ## Fuzz every target for FUZZTIME (20s) each
	@hack/fuzz.sh

cluster: ## Start a one-node Kubernetes from source, as root on Linux; docs/cluster.md has more
	@hack/cluster/cluster up

cluster-down: ## Stop it, and remove every trace
	@hack/cluster/cluster down

e2e: ## Test with real pods on a real cluster; E2E=-run=NAME for some, CLEAN=1 to leave no cluster behind
	@hack/e2e.sh $(E2E)

e2e-long: ## The same, and the stories that take long and seldom break
	@E2E_LONG=1 hack/e2e.sh $(E2E)

demo: ## From no cluster to an answer: cluster, Helm install, kubectl apply, a question; as root on Linux
	@hack/demo.sh

krew: ## Build a release's archives of the kubectl plugin, and its manifest for krew, into bin/krew; VERSION is v1.2.3
	@hack/krew.sh $(VERSION)

clean: ## Remove what was built
	rm -rf $(BIN)

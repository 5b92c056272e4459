#!/usr/bin/env bash
# From a machine with Go to an answer on Kubernetes: cluster, operator, pipeline, question. Safe to run twice.
# `make demo` runs it, with the flags of every build; `make cluster-down` removes it all.
set -euo pipefail
cd "$(dirname "$0")/.."
. hack/install.sh

question=${*:-How does a pipeline switch to a new index?}
step() { printf '\n\033[1m%s\033[0m\n' "$*"; }

step "A cluster, built from source: about 15 minutes the first time on two cores, then seconds"
cluster_up

step "Compiling the operator, Helm and the command line: about 6 minutes the first time on two cores, then seconds"
make --no-print-directory image build helm

step "The operator's image, packed from one static binary, and loaded"
build_image
load bin/e2e.tar

step "helm install ragpipeline charts/ragpipeline"
install_chart "$tag"

step "kubectl apply -f config/samples/quickstart.yaml"
kubectl apply -f config/samples/quickstart.yaml

step "Waiting until it is ready"
bin/ragpipeline wait quickstart
bin/ragpipeline status quickstart

step "$question"
bin/ragpipeline ask quickstart "$question"

cat <<'TEXT'

Ask again:  eval "$(hack/cluster/cluster env)"; bin/ragpipeline ask quickstart --chat
Look:       bin/ragpipeline status quickstart --watch
Clean up:   make cluster-down
TEXT

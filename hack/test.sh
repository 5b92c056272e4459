#!/usr/bin/env bash
# Runs every test. Tests on a real API server, Weaviate and S3 server get them built from source the first time, unless
# KUBEBUILDER_ASSETS, RAGPIPELINE_WEAVIATE and RAGPIPELINE_VERSITYGW name others; those on a Prometheus get Debian's,
# unless RAGPIPELINE_PROMETHEUS names a directory. The race detector needs cgo, and so a C compiler; without one the
# tests run without it.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${KUBEBUILDER_ASSETS:-}" ] || [ -z "${RAGPIPELINE_WEAVIATE:-}" ]; then
  kubebuilder=${KUBEBUILDER_ASSETS:-} weaviate=${RAGPIPELINE_WEAVIATE:-}
  assets=$(hack/cluster/cluster assets)
  eval "$assets"
  export KUBEBUILDER_ASSETS=${kubebuilder:-$KUBEBUILDER_ASSETS} RAGPIPELINE_WEAVIATE=${weaviate:-$RAGPIPELINE_WEAVIATE}
fi
hack/helm.sh # for test/chart
RAGPIPELINE_VERSITYGW=${RAGPIPELINE_VERSITYGW:-$(hack/versitygw/binary.sh)}
RAGPIPELINE_PROMETHEUS=${RAGPIPELINE_PROMETHEUS:-$(hack/prometheus/binary.sh)}
export RAGPIPELINE_VERSITYGW RAGPIPELINE_PROMETHEUS

# The longest first, so that none of them runs on by itself in the end.
packages=(./test/dataplane ./test/controllers ./test/compat ./test/access ./test/refusals ./internal/index/... ./internal/ingest/... ./...)

if command -v "${CC:-cc}" >/dev/null 2>&1 && [ "$(go env GOOS)/$(go env GOARCH)" != linux/386 ]; then
  echo "test: with the race detector"
  CGO_ENABLED=1 go test -race -timeout 30m "$@" "${packages[@]}"
  echo "test: bounds on memory, without the race detector, which takes memory of its own"
  exec go test -run '^TestHostile' "$@" ./internal/extract/... ./test/dataplane
fi
if [ "${RACE:-}" = require ]; then
  echo "test: no C compiler found, and the race detector was asked for: install one (gcc or clang)" >&2
  exit 1
fi
echo "test: no C compiler found, so without the race detector"
exec go test -timeout 30m "$@" "${packages[@]}"

#!/usr/bin/env bash
# Builds Helm into bin/helm from its pinned module, unless it is there. The first time takes minutes. `make` sets the
# flags.
set -euo pipefail
cd "$(dirname "$0")/.."

module=hack/tools/helm/go.mod helm=bin/helm
mkdir -p bin
if command -v flock >/dev/null; then # verify and test may both ask
  exec 9>bin/.helm.lock
  flock 9
fi
[ "$helm" -nt "$module" ] && exit 0

# What Helm's own release sets: its version, and the Kubernetes that lint and template assume.
version=$(go list -modfile="$module" -m -f '{{.Version}}' helm.sh/helm/v3)
minor=$(go list -m -f '{{.Version}}' k8s.io/api | cut -d. -f2)
echo "helm: compiling Helm $version, about 2 minutes the first time" >&2
go build -modfile="$module" -o "$helm" -ldflags="-s -w
  -X helm.sh/helm/v3/internal/version.version=$version
  -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=$minor
  -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=$minor" helm.sh/helm/v3/cmd/helm

#!/usr/bin/env bash
# Fails when something generated is not what the sources generate, or a file is not formatted.
set -euo pipefail
cd "$(dirname "$0")/.."

unformatted=$(git ls-files '*.go' | xargs gofmt -l)
[ -z "$unformatted" ] || { echo "verify: not formatted, run gofmt -w:" >&2; echo "$unformatted" >&2; exit 1; }

go mod verify >/dev/null
go mod tidy -diff
go generate ./api/...
go generate ./config/...
changed=$(git status --porcelain -- api config/crd config/monitoring docs/api.md charts/ragpipeline/files)
[ -z "$changed" ] || { echo "verify: generated files differ, run make generate and commit:" >&2; echo "$changed" >&2; exit 1; }

# With every part switched on, beside the defaults that test/chart compares with config/.
hack/helm.sh
bin/helm lint --strict charts/ragpipeline >/dev/null
bin/helm template ragpipeline charts/ragpipeline --namespace ragpipeline-system \
  --set 'watchNamespaces={team-a,team-b},replicas=2,metrics.serviceMonitor.enabled=true,imagePullSecrets[0].name=registry' >/dev/null
# The plugin's manifest, with an archive for this machine alone.
PLATFORMS=$(go env GOOS)/$(go env GOARCH) hack/krew.sh v0.0.0
echo "verify: clean"

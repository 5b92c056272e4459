#!/usr/bin/env bash
# Fails when something generated is not what the sources generate, or a file is not formatted.
set -euo pipefail
cd "$(dirname "$0")/.."

unformatted=$(git ls-files '*.go' | xargs gofmt -l)
[ -z "$unformatted" ] || { echo "verify: not formatted, run gofmt -w:" >&2; echo "$unformatted" >&2; exit 1; }

go mod verify >/dev/null
go mod tidy -diff
go generate ./api/...
changed=$(git status --porcelain -- api config/crd)
[ -z "$changed" ] || { echo "verify: generated files differ, run make generate and commit:" >&2; echo "$changed" >&2; exit 1; }
echo "verify: clean"

#!/usr/bin/env bash
# Runs every test. The race detector needs cgo, and so a C compiler; without one the tests run without it.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v "${CC:-cc}" >/dev/null 2>&1 && [ "$(go env GOOS)/$(go env GOARCH)" != linux/386 ]; then
  echo "test: with the race detector"
  CGO_ENABLED=1 exec go test -race -timeout 30m "$@" ./...
fi
if [ "${RACE:-}" = require ]; then
  echo "test: no C compiler found, and the race detector was asked for: install one (gcc or clang)" >&2
  exit 1
fi
echo "test: no C compiler found, so without the race detector"
exec go test -timeout 30m "$@" ./...

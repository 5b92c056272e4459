#!/usr/bin/env bash
# Runs each fuzz target for FUZZTIME.
set -euo pipefail
cd "$(dirname "$0")/.."

git grep -hoE '^func Fuzz[A-Za-z0-9]+' -- '*_test.go' >/dev/null || { echo "fuzz: no targets" >&2; exit 1; }
git grep -oE '^func Fuzz[A-Za-z0-9]+' -- '*_test.go' | while IFS=: read -r file func; do
  target=${func#func }
  echo "fuzz: $(dirname "$file") $target"
  go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-20s}"
done

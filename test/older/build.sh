#!/usr/bin/env bash
# Builds the program as an earlier version of it: one that read Markdown as plain text, and whose reader of text had
# another version. The tests of upgrades begin with its index. TREE is the source, by default this one.
#
#   test/older/build.sh OUT [TREE]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(realpath "${2:-$here/../..}")
mkdir -p "$(dirname "$1")"
out=$(realpath -m "$1")
overlay=$(mktemp)
trap 'rm -f "$overlay"' EXIT
echo '{"Replace": {"'"$tree"'/internal/extract/older.go": "'"$tree"'/test/older/extract.go.txt"}}' >"$overlay"

# version prints a format with the version of its reader in this tree, such as csv/1.
version() { grep -v '^//' "$here/../../internal/config/readers.go" | grep -o "\<$1/[0-9]*" | head -1; }

readers="$(version common) $(version csv) text/0"
cd "$tree"
go build -overlay "$overlay" \
  -ldflags "-X 'github.com/ragpipeline/ragpipeline/internal/config.readers=$readers'" -o "$out" .

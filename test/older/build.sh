#!/usr/bin/env bash
# Builds the program as an earlier version of it: one that read Markdown as plain text, and whose reader of text gave
# other chunks. The tests of upgrades begin with its index.
#
#   test/older/build.sh OUT
set -euo pipefail
mkdir -p "$(dirname "$1")"
out=$(realpath -m "$1")
cd "$(dirname "$0")/../.."
go build -overlay test/older/overlay.json \
  -ldflags "-X 'github.com/ragpipeline/ragpipeline/internal/config.readers=common/1 csv/1 text/0'" -o "$out" .

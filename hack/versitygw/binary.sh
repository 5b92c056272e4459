#!/usr/bin/env bash
# Print the path of versitygw, an S3 server that checks signatures, built from the Go module proxy. It is kept between runs.
set -euo pipefail
version=v1.8.0
directory=${XDG_CACHE_HOME:-$HOME/.cache}/ragpipeline/versitygw
binary=$directory/$version/versitygw
if [ ! -x "$binary" ]; then
  mkdir -p "$directory/$version"
  exec 9>"$directory/lock"
  flock 9
  [ -x "$binary" ] || CGO_ENABLED=0 GOFLAGS=-trimpath GOBIN="$directory/$version" \
    go install -ldflags='-s -w' "github.com/versity/versitygw/cmd/versitygw@$version" >&2
fi
echo "$binary"

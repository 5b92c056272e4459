#!/usr/bin/env bash
# Print the path of argocd, a program with Argo CD's engine, built from the Go module proxy: about 5 minutes the first
# time. It is kept between runs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${XDG_CACHE_HOME:-$HOME/.cache}/ragpipeline/argocd
directory=$home/$(cat "$here"/go.* "$here"/*.go | sha256sum | cut -c1-12)
mkdir -p "$home"
exec 9>"$home/lock"
flock 9
if [ ! -x "$directory/argocd" ]; then
  find "$home" -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
  mkdir -p "$directory"
  CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" GOWORK=off go -C "$here" build -ldflags="-s -w" -o "$directory/argocd" . >&2
fi
echo "$directory/argocd"

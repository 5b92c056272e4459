#!/usr/bin/env bash
# Builds the archives of a release for krew, and the plugin's manifest with their checksums, in bin/krew, and has krew's
# own validator check it. PLATFORMS are those to build for. `make krew VERSION=v1.2.3` runs it, with the flags of every
# build.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$1
[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+ ]] || { echo "krew: $version is not a version such as v1.2.3: set VERSION" >&2; exit 2; }
url=https://github.com/ragpipeline/ragpipeline/releases/download/$version
out=bin/krew
rm -rf $out && mkdir -p $out
sed "s/VERSION$/$version/; /^#/d" config/krew/ragpipeline.yaml > $out/ragpipeline.yaml

for platform in ${PLATFORMS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64}; do
  os=${platform%/*} arch=${platform#*/}
  archive=kubectl-ragpipeline_${os}_$arch.tar.gz
  GOOS=$os GOARCH=$arch go build -o $out/kubectl-ragpipeline \
    -ldflags="-s -w -X github.com/ragpipeline/ragpipeline/internal/command.version=$version" .
  # The same program makes the same bytes, whoever packs it and when.
  tar -C $out --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -c kubectl-ragpipeline -C "$PWD" LICENSE |
    gzip -n > "$out/$archive"
  rm $out/kubectl-ragpipeline
  cat >> $out/ragpipeline.yaml <<PLATFORM
  - selector: {matchLabels: {os: $os, arch: $arch}}
    uri: $url/$archive
    sha256: $(sha256sum "$out/$archive" | cut -d' ' -f1)
    bin: kubectl-ragpipeline
PLATFORM
done

validator=bin/validate-krew-manifest
[ $validator -nt hack/tools/krew/go.mod ] || go build -modfile=hack/tools/krew/go.mod -o $validator \
  sigs.k8s.io/krew/cmd/validate-krew-manifest
log=$($validator -manifest $out/ragpipeline.yaml -skip-install 2>&1) || { echo "$log" >&2; exit 1; }
echo "krew: $out/ragpipeline.yaml is valid"

#!/usr/bin/env bash
# Runs test/e2e on a real cluster: hack/cluster's, as root on Linux, or that of KUBECONFIG with E2E_LOAD, as
# test/e2e/doc.go says. Safe to run twice. hack/cluster's stays up unless CLEAN is set. E2E_PARALLEL (4) is how many tests
# run side by side. With E2E_AGAIN, what failed is tried once more by itself, and after a panic all that has not passed. With
# E2E_LONG the long stories run too.
# `make e2e` runs it, with the flags of every build:
#
#   make e2e [E2E="-run REGEXP and other flags of go test"]
set -euo pipefail
cd "$(dirname "$0")/.."
. hack/install.sh

say() { echo "e2e: $*"; }

[ -z "${CLEAN:-}" ] || [ -n "${E2E_LOAD:-}" ] || trap 'hack/cluster/cluster down' EXIT

# The simulator goes by the names of the NIM images in config/samples, and is in each what that NIM is.
build_simulators() {
  local image model role
  make -s simulators
  simulator=$registry/nimsim:e2e-$(sha256sum bin/image/{nimsim,seed,issuer} | sha256sum | cut -c1-12)
  pack nimsim "$simulator"
  archives=(bin/e2e-nimsim.tar)
  while read -r role image model; do
    pack "$role" "$image" -cmd "-role=$role,-model=$model"
    archives+=("bin/e2e-$role.tar")
  done < <(nims config/samples/nim.yaml)
}

pack() { # NAME IMAGE [FLAG...]
  local name=$1 image=$2
  shift 2
  go run ./hack/image -o "bin/e2e-$name.tar" -name "$image" "$@" bin/image/nimsim=/nimsim bin/image/seed=/seed \
    bin/image/issuer=/issuer
}

nims() { # FILE: role, image and model of each NIM
  awk '$1 ~ /^(embedding|reranking|llm):$/ {role = $1; sub(":", "", role)} $1 == "image:" {image = $2}
    $1 == "model:" {print role, image, $2}' "$1"
}

# An upgrade is tried from the commit before, where there is one: from its chart, and from its program with other readers.
build_previous() {
  local tree=.
  if git rev-parse -q --verify HEAD~1 >/dev/null 2>&1 && [ -n "$(git ls-tree HEAD~1 charts/ragpipeline 2>/dev/null)" ]; then
    tree=bin/e2e-previous
    rm -rf "$tree" && mkdir -p "$tree"
    git archive HEAD~1 | tar -x -C "$tree"
    export E2E_PREVIOUS_CHART=$PWD/$tree/charts/ragpipeline
  fi
  GOOS=linux test/older/build.sh bin/image/previous "$tree"
  previous=$registry/ragpipeline:e2e-$(sha256sum bin/image/previous | cut -c1-12)
  go run ./hack/image -o bin/e2e-previous.tar -name "$previous" bin/image/previous=/ragpipeline
}

# Other people's images are packed where there are Debian's packages of the node's architecture: on hack/cluster's cluster.
build_others() {
  [ -z "${E2E_LOAD:-}" ] && command -v apt-get >/dev/null || return 0
  export E2E_RCLONE_IMAGE=docker.io/rclone/rclone:e2e
  archives+=("$(hack/rclone/image.sh "$E2E_RCLONE_IMAGE")")
  command -v mvn >/dev/null || return 0
  export E2E_TIKA_IMAGE=docker.io/apache/tika:e2e
  archives+=("$(hack/tika/image.sh "$E2E_TIKA_IMAGE")")
}

cluster_up & # beside the builds, since it waits more than it works
starting=$!
build_image
build_previous
build_simulators
build_others
wait "$starting"
cluster_up # here, for its environment
load bin/e2e.tar bin/e2e-previous.tar "${archives[@]}"
install_chart "$tag"
say "the operator $tag runs"

export E2E_IMAGE=$registry/ragpipeline:$tag E2E_NEXT_IMAGE=$registry/ragpipeline:$tag-next
export E2E_PREVIOUS_IMAGE=$previous E2E_NIMSIM_IMAGE=$simulator
RAGPIPELINE_VERSITYGW=${RAGPIPELINE_VERSITYGW:-$(hack/versitygw/binary.sh)}
export RAGPIPELINE_VERSITYGW

timeout=45m
if [ -n "${E2E_LONG:-}" ]; then
  timeout=3h
  E2E_FLUX=$(hack/flux/controllers.sh)
  E2E_ARGOCD=$(hack/argocd/binary.sh)
  RAGPIPELINE_PROMETHEUS=$(hack/prometheus/binary.sh)
  export E2E_FLUX E2E_ARGOCD RAGPIPELINE_PROMETHEUS
  if [ -z "${E2E_LOAD:-}" ]; then
    hack/cluster/cluster add expandable metrics
    hack/cluster/cluster build policies
    export E2E_EXPANDABLE=expandable E2E_POLICIES=1 E2E_METRICS=1
  fi
fi
# A story tells how far it is, and how long it took.
run() { go test -v -tags e2e -count=1 -timeout "$timeout" -parallel "${E2E_PARALLEL:-4}" ./test/e2e "$@"; }

log=bin/e2e.log
names() { sed -n "s/^--- $1: \([A-Za-z0-9_]*\) .*/\1/p" "$log" | paste -sd'|'; } # RESULT: of the stories that ended so
cut_off() { [ "$(grep -cx FAIL "$log")" -lt 2 ]; } # by a panic or the time limit: go test alone concludes

run "$@" 2>&1 | tee "$log" && exit
[ -n "${E2E_AGAIN:-}" ] || exit 1

# What failed beside others on a busy machine, and passes by itself, is said to be flaky and fails nothing.
flaky=$(names FAIL)
if cut_off; then
  say "the stories were cut off; once more, all that have not passed"
  run "$@" -skip "^($(names PASS))\$" 2>&1 | tee "$log" && say "FLAKY: ${flaky:-cut off}" && exit
  ! cut_off || exit 1
  flaky+="${flaky:+|}$(names FAIL)"
fi
failed=$(names FAIL)
say "once more, one at a time: $failed"
E2E_PARALLEL=1 run -run "^($failed)\$"
say "FLAKY: $flaky"

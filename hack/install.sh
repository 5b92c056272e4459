#!/usr/bin/env bash
# Sourced by demo.sh and e2e.sh: a cluster, the image in it, and the chart installed. Safe to run twice: an operator
# whose program did not change is not restarted.
#
# With E2E_LOAD ("kind load image-archive", say) the cluster is the one of KUBECONFIG, and archives are loaded by that
# command. Without, it is hack/cluster's.

registry=ghcr.io/ragpipeline
export PATH=$PWD/bin:$PATH

cluster_up() {
  if [ -n "${E2E_LOAD:-}" ]; then
    kubectl version >/dev/null || { echo "no cluster answers: is KUBECONFIG set?" >&2; return 1; }
    return
  fi
  hack/cluster/cluster up
  eval "$(hack/cluster/cluster env)"
}

load() { ${E2E_LOAD:-hack/cluster/cluster load} "$@"; } # ARCHIVE...

# build_image packs the operator's image and sets `tag`, by the program's content, so that a changed one is rolled out.
build_image() {
  make -s image >/dev/null
  tag=e2e-$(sha256sum bin/image/ragpipeline | cut -c1-12)
  go run ./hack/image -o bin/e2e.tar -name "$registry/ragpipeline:$tag,$registry/ragpipeline:$tag-next" bin/image/ragpipeline=/ragpipeline
}

install_chart() { # TAG
  hack/helm.sh
  kubectl apply -f - >/dev/null <<N
{apiVersion: v1, kind: Namespace, metadata: {name: ragpipeline-system, labels: {pod-security.kubernetes.io/enforce: restricted}}}
N
  helm upgrade --install ragpipeline charts/ragpipeline --namespace ragpipeline-system --wait --timeout 3m \
    --set image.tag="$1" --set image.pullPolicy=IfNotPresent >/dev/null
}

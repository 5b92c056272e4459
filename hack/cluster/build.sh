# What the cluster and the tests run, built from source. Sourced by `cluster`.

root=$(cd "$here/../.." && pwd)

build() { # PART...
  mkdir -p "$bin" "$home/images" "$home/stamps"
  local part
  for part in "$@"; do
    case "$part" in
      kubernetes | weaviate | coredns | images | expandable | policies | metrics) "build_$part" ;;
      *) fail "there is no part $part: they are kubernetes, weaviate, coredns, images, expandable, policies and metrics" ;;
    esac
  done
}

build_kubernetes() {
  local version major minor component flags=k8s.io/component-base/version
  version=$(pinned kubernetes k8s.io/kubernetes)
  IFS=. read -r major minor _ <<<"${version#v}"
  program kubernetes "Kubernetes $version, about 8 minutes the first time" "$here/kubernetes" . \
    "-X $flags.gitVersion=$version -X $flags.gitMajor=$major -X $flags.gitMinor=$minor"
  for component in etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl; do
    [ -L "$bin/$component" ] || ln -s kubernetes "$bin/$component"
  done
}

build_weaviate() {
  program weaviate "Weaviate $(weaviate_version), about 4 minutes the first time" "$here/weaviate" github.com/weaviate/weaviate/cmd/weaviate-server
}

build_coredns() { program coredns "CoreDNS" "$here/coredns" .; }

build_expandable() {
  program csi "the storage driver" "$here/csi" .
  program csi-provisioner "external-provisioner, about 2 minutes the first time" "$here/csi" github.com/kubernetes-csi/external-provisioner/v5/cmd/csi-provisioner
  program csi-resizer "external-resizer" "$here/csi" github.com/kubernetes-csi/external-resizer/v2/cmd/csi-resizer
}

build_policies() {
  program policies "the enforcer of NetworkPolicies" "$here/policies" .
  install_packages $(missing ipset:ipset iptables:iptables) # which it runs
}

build_metrics() {
  build images # its packer
  program metrics-server "metrics-server, about a minute the first time" "$here/metrics" sigs.k8s.io/metrics-server/cmd/metrics-server
  archive metrics-server localhost/metrics-server:1 /metrics-server
}

build_images() {
  program image "the image packer" "$root/hack/image" .
  program pause "the pause program" "$here/pause" .
  archive pause localhost/pause:1 /pause
  archive coredns localhost/coredns:1 /coredns -user 0
  # As the publisher's: it runs as root unless the pod names a user, and any user will do.
  archive weaviate "cr.weaviate.io/semitechnologies/weaviate:$(weaviate_version)" /bin/weaviate -user 0 -cmd --host,0.0.0.0,--port,8080,--scheme,http
}

weaviate_version() { pinned weaviate github.com/weaviate/weaviate | tr -d v; }

pinned() { awk -v module="$2" '$1 == "require" {sub("require ", "")} $1 == module {print $2; exit}' "$here/$1/go.mod"; } # PART MODULE

# As in the Makefile: what both need, above all the standard library, is compiled once. Left out is the tag, which
# matters to gRPC alone.
goflags="-trimpath -buildvcs=false"

program() { # NAME TITLE DIRECTORY PACKAGE [LDFLAGS]: a static binary, built unless its stamp says that nothing changed
  local name=$1 title=$2 directory=$3 package=$4 ldflags=${5:-} stamp
  stamp=$({ go env GOVERSION GOOS GOARCH; echo "$package $ldflags"; cat "$directory"/*; } | checksum)
  current "$bin/$name" "$name" "$stamp" && return
  say "building $title"
  CGO_ENABLED=0 GOFLAGS=$goflags GOWORK=off go -C "$directory" build -ldflags "-s -w $ldflags" -o "$bin/.$name" "$package"
  mv "$bin/.$name" "$bin/$name"
  echo "$stamp" >"$home/stamps/$name"
}

archive() { # PROGRAM IMAGE PATH [FLAG...]: the program as an image
  local name=$1 image=$2 path=$3 stamp
  shift 3
  stamp=$({ echo "$image $path $*"; cat "$home/stamps/image" "$home/stamps/$name"; } | checksum)
  current "$home/images/$name.tar" "$name.tar" "$stamp" && return
  "$bin/image" -o "$home/images/$name.tar" -name "$image" "$@" "$bin/$name=$path"
  echo "$stamp" >"$home/stamps/$name.tar"
}

current() { [ -f "$1" ] && [ "$(cat "$home/stamps/$2" 2>/dev/null)" = "$3" ]; } # FILE NAME STAMP

checksum() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d' ' -f1; }

# Configuration and start of the control plane and of the one node. Sourced by `cluster`.

prepare() { # IP
  mkdir -p "$run"/{log,pki,cni,containerd}
  change_machine
  (umask 077 && credentials "$1")
  cat >"$run/cni/10-pods.conflist" <<J
{"cniVersion": "1.0.0", "name": "ragpipeline-pods", "plugins": [{"type": "ptp",
  "ipam": {"type": "host-local", "dataDir": "$run/ipam", "ranges": [[{"subnet": "${pods%.*.*}.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
J
  cat >"$run/containerd.toml" <<J
version = 2
root = "$run/containerd/root"
state = "$run/containerd/state"
[grpc]
  address = "$run/containerd/sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$run/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$cni"
    conf_dir = "$run/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = "$run/runc"
J
  cat >"$run/kubelet.yaml" <<J
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $run/pki/ca.crt}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup
clusterDNS: [$dns]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://$run/containerd/sock
evictionHard: {nodefs.available: "1%", imagefs.available: "1%", memory.available: 100Mi}
failCgroupV1: false
failSwapOn: false
imageGCHighThresholdPercent: 100
makeIPTablesUtilChains: false
maxPods: 200
podLogsDir: $run/log/pods
resolvConf: /dev/null
tlsCertFile: $run/pki/kubelet.crt
tlsPrivateKeyFile: $run/pki/kubelet.key
J
}

credentials() { # IP
  cd "$run/pki"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 365 -subj /CN=ragpipeline-cluster 2>/dev/null
  openssl ecparam -genkey -name prime256v1 -noout -out sa.key
  openssl ec -in sa.key -pubout -out sa.pub 2>/dev/null
  certificate apiserver /CN=kube-apiserver "IP:127.0.0.1,IP:${services%.*}.1,IP:$1,DNS:localhost,DNS:kubernetes.default.svc"
  certificate kubelet "/O=system:nodes/CN=system:node:$node" "DNS:$node,IP:$1"
  certificate admin /O=system:masters/CN=admin DNS:admin
  certificate front-proxy /CN=front-proxy DNS:front-proxy
  local name
  for name in kube-controller-manager kube-scheduler kube-proxy; do certificate $name /CN=system:$name DNS:$name; done
  for name in admin kubelet kube-controller-manager kube-scheduler kube-proxy; do kubeconfig $name >"$run/$name.kubeconfig"; done
}

certificate() { # NAME SUBJECT NAMES
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -out "$1.crt" -days 365 -extfile <(echo "subjectAltName=$3") 2>/dev/null
}

kubeconfig() { # NAME
  cat <<J
apiVersion: v1
kind: Config
current-context: ragpipeline
contexts: [{name: ragpipeline, context: {cluster: ragpipeline, user: $1}}]
clusters: [{name: ragpipeline, cluster: {server: "https://127.0.0.1:6443", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
J
}

start_control_plane() { # IP
  local name pki=$run/pki store=http://127.0.0.1:12379 peer=http://127.0.0.1:12380 extra
  start etcd "$bin/etcd" --data-dir="$run/etcd" --unsafe-no-fsync --log-level=warn --listen-client-urls=$store --advertise-client-urls=$store \
    --listen-peer-urls=$peer --initial-advertise-peer-urls=$peer --initial-cluster=default=$peer
  start kube-apiserver "$bin/kube-apiserver" --etcd-servers=$store --secure-port=6443 --advertise-address="$1" \
    --service-cluster-ip-range=$services --allow-privileged --authorization-mode=Node,RBAC \
    --enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement \
    --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
    --requestheader-client-ca-file="$pki/ca.crt" --requestheader-allowed-names=front-proxy --requestheader-username-headers=X-Remote-User \
    --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$pki/front-proxy.crt" --proxy-client-key-file="$pki/front-proxy.key" --enable-aggregator-routing \
    --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" --kubelet-preferred-address-types=InternalIP
  wait_for 90 "the API server" kubectl get --raw /readyz
  for name in kube-controller-manager kube-scheduler; do
    extra=()
    [ $name = kube-scheduler ] || extra=(--service-account-private-key-file="$pki/sa.key" --root-ca-file="$pki/ca.crt"
      --use-service-account-credentials --allocate-node-cidrs --cluster-cidr=$pods)
    start $name "$bin/$name" --kubeconfig="$run/$name.kubeconfig" --authentication-kubeconfig="$run/$name.kubeconfig" \
      --authorization-kubeconfig="$run/$name.kubeconfig" --leader-elect=false "${extra[@]}"
  done
}

start_node() { # IP
  start containerd containerd -c "$run/containerd.toml"
  wait_for 30 "containerd" ctr -a "$run/containerd/sock" version
  load "$home"/images/{pause,coredns,weaviate}.tar
  start kubelet "$bin/kubelet" --config="$run/kubelet.yaml" --kubeconfig="$run/kubelet.kubeconfig" --root-dir="$run/kubelet" \
    --hostname-override=$node --node-ip="$1" --node-labels=nvidia.com/gpu.present=true
  # A timeout or a size of conntrack that is 0 leaves the machine's own.
  start kube-proxy "$bin/kube-proxy" --kubeconfig="$run/kube-proxy.kubeconfig" --proxy-mode=nftables --cluster-cidr=$pods --hostname-override=$node \
    --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
  wait_for 60 "the node" kubectl wait --for=condition=Ready node/$node --timeout=1s
}

# start_expandable starts what does not run yet of a storage driver, and of the programs that make and enlarge its volumes.
# They run beside the kubelet and not in pods: the driver's mounts are the node's.
start_expandable() {
  local name socket=$run/kubelet/plugins_registry/csi.sock
  kubectl apply -f "$here/csi/storage.yaml" >/dev/null
  [ -n "$(ours csi)" ] || start csi "$bin/csi" -dir="$run/expandable" -socket="$socket" -node=$node
  wait_for 30 "the storage driver" kubectl wait csinode/$node --for=jsonpath='{.spec.drivers[0].nodeID}'=$node --timeout=1s
  for name in csi-provisioner csi-resizer; do
    [ -n "$(ours $name)" ] || start $name "$bin/$name" --kubeconfig="$kubeconfig" --csi-address="$socket"
  done
}

# start_policies starts the enforcer, unless it runs.
start_policies() {
  [ -n "$(ours policies)" ] || start policies "$bin/policies" -kubeconfig="$kubeconfig" -node=$node -services=$services
  wait_for 30 "the enforcer of NetworkPolicies" iptables -n -L KUBE-ROUTER-FORWARD
}

# start_metrics starts metrics-server, and waits until the API server serves what it measures.
start_metrics() {
  load "$home/images/metrics-server.tar"
  kubectl apply -f "$here/metrics/server.yaml" >/dev/null
  wait_for 120 "metrics-server" kubectl get --raw "/apis/metrics.k8s.io/v1beta1/nodes/$node"
}

# volumes prints 200 local volumes, each larger than any sample claims. They obey fsGroup as a cloud disk does.
volumes() {
  local n
  for n in $(seq 200); do
    mkdir -p "$run/volumes/$n"
    cat <<J
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: local-$n}
spec:
  capacity: {storage: 100Gi}
  accessModes: [ReadWriteOnce, ReadWriteMany, ReadOnlyMany]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: local
  local: {path: $run/volumes/$n}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [$node]}]}]}}
J
  done
}

# renew_volumes empties those that were released, and offers them again: nothing else ever would.
renew_volumes() {
  local name
  for name in $(kubectl get pv -o jsonpath='{range .items[?(@.status.phase=="Released")]}{.metadata.name}{"\n"}{end}'); do
    rm -rf "$run/volumes/${name#local-}" && mkdir -p "$run/volumes/${name#local-}"
    kubectl patch pv "$name" --type=merge -p '{"spec":{"claimRef":null}}' >/dev/null
  done
}

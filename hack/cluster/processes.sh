# The cluster's processes. They are found by their command lines and not by files of ids, so that a crash at any moment
# loses none, and an id that passed to another program ends nobody. Sourced by `cluster`.

daemons="kubelet kube-proxy kube-scheduler kube-controller-manager containerd kube-apiserver etcd" # in the order of stopping
extras="policies csi-resizer csi-provisioner csi" # those of what was added to a running cluster

start() { # NAME COMMAND...: in a session of its own, with its output in a log, and without the lock
  local name=$1
  shift
  setsid nohup "$@" >"$run/log/$name.log" 2>&1 </dev/null 9>&- &
}

ours() { # NAME: ids of the programs of that name which were given a path in this cluster's state
  local file argv
  for file in /proc/[0-9]*/cmdline; do
    mapfile -d '' -t argv 2>/dev/null <"$file" || continue
    [ "${argv[0]:-}" ] && [ "${argv[0]##*/}" = "$1" ] && [[ " ${argv[*]} " == *[\ =]"$run/"* ]] || continue
    file=${file#/proc/}
    echo "${file%/cmdline}"
  done
}

stop() { # NAME: politely, and after 5 seconds not
  local pids
  pids=$(ours "$1")
  [ -n "$pids" ] || return 0
  kill $pids 2>/dev/null || true
  for _ in $(seq 50); do
    pids=$(ours "$1")
    [ -n "$pids" ] || return 0
    sleep 0.1
  done
  kill -9 $pids 2>/dev/null || true
}

stop_all() {
  local name
  for name in $extras $daemons; do stop "$name"; done
  kill -9 $(ours containerd-shim-runc-v2) 2>/dev/null || true
}

wait_for() { # SECONDS WHAT COMMAND...
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || fail "gave up waiting for $what; the logs are in $run/log; \`cluster down\` cleans up"
    sleep 0.2
  done
}

healthy() {
  local name
  [ -f "$kubeconfig" ] || return 1
  for name in $daemons; do [ -n "$(ours "$name")" ] || return 1; done
  ctr -a "$run/containerd/sock" --timeout 5s version >/dev/null 2>&1 &&
    # Through the API server to the kubelet: an answer shows that both live.
    kubectl get --raw "/api/v1/nodes/$node/proxy/healthz" --request-timeout=5s >/dev/null 2>&1 &&
    kubectl wait --for=condition=Available deployment/coredns -n kube-system --timeout=5s >/dev/null 2>&1
}

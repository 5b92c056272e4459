# What a cluster changes on the machine, and how it is changed back. Sourced by `cluster`.

cgroup=ragpipeline-cluster # every pod's processes are below it, so that they are found after a crash
link=ragpipe-svc0
settings="net.ipv4.ip_forward vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes"

linux_root() {
  [ "$(uname -s)" = Linux ] || fail "the cluster runs on Linux; elsewhere use kind: see docs/cluster.md"
  [ "$(id -u)" = 0 ] || fail "the cluster needs root, for mounts, cgroups and links"
}

missing_packages() {
  missing containerd:containerd runc:runc nft:nftables openssl:openssl ip:iproute2 ss:iproute2
  [ -x "$cni/ptp" ] || echo containernetworking-plugins
}

missing() { # PROGRAM:PACKAGE...
  local need
  for need in "$@"; do
    command -v "${need%%:*}" >/dev/null || echo "${need##*:}"
  done | sort -u
}

cni=/usr/lib/cni
[ -x $cni/ptp ] || [ ! -x /opt/cni/bin/ptp ] || cni=/opt/cni/bin

install_packages() { # PACKAGE...
  [ $# -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "these are missing, by their names in Debian: $*"
  say "installing $*"
  apt-get -o DPkg::Lock::Timeout=600 update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "$@" >/dev/null
}

ports_are_free() {
  local port
  for port in 6443 10250 10257 10259 12379 12380; do
    [ -z "$(ss -Hltn "sport = :$port")" ] || fail "port $port is in use, by another cluster perhaps: stop it first"
  done
}

address() { # of this machine, where pods reach the API server
  local ip
  ip=$(ip -4 route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p')
  echo "${ip:-$(hostname -I | awk '{print $1}')}"
}

change_machine() {
  sysctl $settings >"$run/sysctl" 2>/dev/null || true # not every kernel has all
  sysctl -qw net.ipv4.ip_forward=1
  # A service's address needs a route before kube-proxy translates it; what it does not translate ends here, not outside.
  ip link add "$link" type bridge
  ip link set "$link" up
  ip route replace "$services" dev "$link"
  local hierarchy file
  for hierarchy in $(cgroup_hierarchies); do
    mkdir -p "$hierarchy/$cgroup"
    # Pods together count as much as eight other processes, and not as one: a busy machine would starve them.
    for file in cpu.shares:8192 cpu.weight:800; do
      [ ! -f "$hierarchy/$cgroup/${file%:*}" ] || echo "${file#*:}" >"$hierarchy/$cgroup/${file%:*}"
    done
    # A new cpuset of cgroup v1 has no processors and no memory nodes.
    for file in cpuset.cpus cpuset.mems; do
      [ ! -f "$hierarchy/$cgroup/$file" ] || [ ! -f "$hierarchy/$file" ] || cat "$hierarchy/$file" >"$hierarchy/$cgroup/$file"
    done
  done
}

remove() { # also after a crash: each step does nothing where nothing is left
  stop_all
  remove_cgroups
  awk -v below="$run/" 'index($2, below) == 1 {print $2}' /proc/mounts | sort -r | while read -r mount; do umount -l "$mount" || true; done
  ! ip link show "$link" >/dev/null 2>&1 || ip link delete "$link"
  nft delete table ip kube-proxy 2>/dev/null || true
  nft delete table ip6 kube-proxy 2>/dev/null || true
  remove_policies
  [ ! -f "$run/sysctl" ] || sysctl -qp "$run/sysctl" >/dev/null
  remove_files
}

remove_policies() { # of an enforcer that was killed
  local rules
  [ -z "$(missing ipset:ipset iptables-save:iptables)" ] || return 0
  rules=$(iptables-save -t filter 2>/dev/null || true)
  [[ $rules != *KUBE-ROUTER-* ]] || grep -v -e KUBE-ROUTER- -e KUBE-POD-FW- -e KUBE-NWPLCY- <<<"$rules" | iptables-restore
  ipset list -n | grep -E '^KUBE-(SRC|DST)-' | xargs -r -n1 ipset destroy || true
}

remove_cgroups() {
  local hierarchy try
  for hierarchy in $(cgroup_hierarchies); do
    for try in $(seq 100); do
      [ -d "$hierarchy/$cgroup" ] || continue 2
      find "$hierarchy/$cgroup" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | xargs -r kill -9 2>/dev/null || true
      find "$hierarchy/$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
    fail "$hierarchy/$cgroup still holds processes that do not end"
  done
}

cgroup_hierarchies() { # each of version 1, or the one of version 2
  local hierarchy
  for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do [ ! -f "$hierarchy/cgroup.procs" ] || echo "$hierarchy"; done
}

# remove_files also removes what containerd's shims, the CNI plugins and the kubelet keep outside the state, as they do not
# when they are killed. Directories that they made go when nothing else is in them.
remove_files() {
  find "$run/containerd/state" -path '*/k8s.io/*/address' -exec sed 's|^unix://||; s|$|\n|' {} + 2>/dev/null | xargs -r rm -f || true
  grep -lsF "$run/" /var/lib/cni/results/* 2>/dev/null | xargs -r rm -f || true
  [ ! -d /var/log/containers ] || find /var/log/containers -lname "$run/*" -delete
  rm -f /var/lib/kubelet/device-plugins/kubelet.sock
  rmdir --ignore-fail-on-non-empty -p /run/containerd/s /var/lib/cni/results /var/log/containers /var/lib/kubelet/device-plugins 2>/dev/null || true
  rm -rf --one-file-system "$run" # a mount that could not be removed keeps its files
}

#!/usr/bin/env bash
# The first process of a cluster's namespaces: gives them folders, addresses and control groups of their own, then runs the cluster's parts.
#   inner.sh FOLDER NAME NODE_ADDRESS COMMAND ...
# Everything it makes ends with it, but for the control groups.
set -euo pipefail
folder=$1 name=$2 address=$3
shift 3

# A kubelet removes groups of pods that it does not know: each has a root of its own.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir -p "/sys/fs/cgroup/$name"
  for controller in cpu cpuset io memory pids; do
    { echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control && echo "+$controller" >"/sys/fs/cgroup/$name/cgroup.subtree_control"; } 2>/dev/null || true
  done
else
  for hierarchy in /sys/fs/cgroup/*/; do mkdir -p "$hierarchy$name" 2>/dev/null || true; done
  for file in cpuset.cpus cpuset.mems; do cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$name/$file"; done
fi

mount --make-rshared /
bind() { mkdir -p "$folder/data/$1" "$2" && mount --bind "$folder/data/$1" "$2"; }
bind kubelet /var/lib/kubelet
bind containerd /var/lib/containerd
bind podlogs /var/log/pods
bind containerlogs /var/log/containers
for empty in /run /etc/cni/net.d /var/lib/cni; do mkdir -p "$empty" && mount -t tmpfs tmpfs "$empty"; done
cp "$folder/network.conflist" /etc/cni/net.d/10-pods.conflist
resolver=$(readlink -m /etc/resolv.conf)
mkdir -p "$(dirname "$resolver")" && touch "$resolver" && mount --bind "$folder/resolv.conf" "$resolver"

# What a kubelet writes here would be for the whole machine.
for setting in vm/overcommit_memory=1 kernel/panic=10 kernel/panic_on_oops=1; do
  hidden="$folder/$(basename "${setting%=*}")"
  echo "${setting#*=}" >"$hidden"
  mount --bind "$hidden" "/proc/sys/${setting%=*}"
done

ip link set lo up
# A node's link that leads nowhere. A default route is needed all the same: by it the addresses of Services leave a process.
ip link add node0 type bridge
ip address add "$address/24" dev node0
ip link set node0 up
ip route add default via "${address%.*}.254" dev node0 onlink
for setting in net/ipv4/ip_forward net/ipv4/conf/all/route_localnet; do echo 1 >"/proc/sys/$setting"; done

"$@" &
# A shell as the first process buries the children that others leave behind.
wait $!

#!/bin/bash
# SPDX-License-Identifier: MIT
# host.sh DIR COMMAND...: run COMMAND on a made-up host, in a mount namespace of its own. The host has the files of
# this root, but / is a mount point as on a machine, apt is configured by DIR/apt, and root's home is DIR/home.
set -eu

dir=$1
shift

mount --rbind / "$dir/host"
mount --bind "$dir/apt" "$dir/host/etc/apt"
mount --bind "$dir/home" "$dir/host/root"
# For the harness without ./run.
for name in cache build dir; do
	mount --bind "$dir/$name" "$dir/host/$name"
done
mount -t tmpfs lists "$dir/host/var/lib/apt/lists"
status=0
chroot "$dir/host" "$@" || status=$?
if grep -qF " $dir/host$dir/cache/root" /proc/self/mountinfo; then
	echo "host: the root of the cache is still mounted on" >&2
	status=99
fi
exit $status

#!/bin/bash
# SPDX-License-Identifier: MIT
# host.sh DIR COMMAND...
# Runs COMMAND on a made-up host. host.py calls this in a mount namespace of its own. The host has the files of the build
# root, but its / is a mount point as on a real machine, DIR/apt is its /etc/apt, and DIR/home is the home of root.
set -eu

dir=$1
shift

mount --rbind / "$dir/host"
mount --bind "$dir/apt" "$dir/host/etc/apt"
mount --bind "$dir/home" "$dir/host/root"
# Some cases run modules of the harness without ./run. These need the directories that ./run mounts.
for name in cache build dir; do
	mount --bind "$dir/$name" "$dir/host/$name"
done
mount -t tmpfs lists "$dir/host/var/lib/apt/lists"
status=0
chroot "$dir/host" "$@" || status=$?
if grep -qF " $dir/host$dir/cache/root" /proc/self/mountinfo; then
	echo "host: a mount in the root of the cache is left" >&2
	status=99
fi
exit $status

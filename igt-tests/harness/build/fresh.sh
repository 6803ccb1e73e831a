#!/bin/sh
# SPDX-License-Identifier: MIT
# fresh.sh DIRECTORY COMMAND...
# Runs the COMMAND in a root that begins as this one and is thrown away, in a mount
# namespace of its own. DIRECTORY is the same there, and what it writes there stays.
set -e
if [ "$1" != --in-namespace ]; then
	exec unshare --mount --propagation unchanged sh "$0" --in-namespace "$@"
fi
shift

kept=$1
shift
# This directory is part of the namespace, too, so nobody has to remove it.
mount -t tmpfs layers /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
for dir in /dev /proc "$kept"; do
	mkdir -p "/mnt/root$dir"
	mount --rbind "$dir" "/mnt/root$dir"
done
mount -t tmpfs tmp /mnt/root/tmp
exec chroot /mnt/root "$@"

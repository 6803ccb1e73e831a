#!/bin/sh
# SPDX-License-Identifier: MIT
# fresh.sh DIRECTORY COMMAND...
# Runs the COMMAND in a copy of the build root, so that it can install packages, and
# throws the copy away. The copy is an overlay in a mount namespace of its own. Besides
# /dev and /proc only DIRECTORY is the original, so files that the COMMAND writes there
# stay.
set -e
if [ "$1" != --in-namespace ]; then
	exec unshare --mount --propagation unchanged sh "$0" --in-namespace "$@"
fi
shift

kept=$1
shift
# The kernel frees this file system with the namespace, so nobody has to remove the copy.
mount -t tmpfs layers /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
for dir in /dev /proc "$kept"; do
	mkdir -p "/mnt/root$dir"
	mount --rbind "$dir" "/mnt/root$dir"
done
mount -t tmpfs tmp /mnt/root/tmp
exec chroot /mnt/root "$@"

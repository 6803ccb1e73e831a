#!/bin/sh
# SPDX-License-Identifier: MIT
# over.sh COPY ORIGINAL [COPY ORIGINAL...] -- COMMAND...
# Runs the COMMAND with each directory COPY mounted over its ORIGINAL, so that the COMMAND
# uses the paths of the originals and leaves them as they are. The mounts are in a mount
# namespace of their own. unshare must not change the propagation of mounts, because that
# fails where / is no mount point. It need not, because `run` has already put the harness
# into a mount namespace whose mounts nobody outside sees.
set -e
if [ "$1" != --in-namespace ]; then
	exec unshare --mount --propagation unchanged sh "$0" --in-namespace "$@"
fi
shift

while [ "$1" != -- ]; do
	mount --bind "$1" "$2"
	shift 2
done
shift
exec "$@"

#!/bin/sh
# SPDX-License-Identifier: MIT
# over.sh COPY ORIGINAL [COPY ORIGINAL...] -- COMMAND...
# Runs the COMMAND with each directory COPY mounted over its ORIGINAL, in a mount
# namespace of its own. The harness already is in a mount namespace that nobody
# outside sees, and its / is no mount point, so the propagation stays as it is.
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

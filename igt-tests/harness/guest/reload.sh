#!/bin/sh
# SPDX-License-Identifier: MIT
# reload.sh TIMES COMMAND...
# So many TIMES uses the driver by running the COMMAND, unloads the driver, and
# loads it again as session did. Ends with the first step that fails.
set -e
# shellcheck source=/dev/null
. "$(dirname "$0")/config"
times=$1
shift

while [ "$times" -gt 0 ]; do
	"$@"
	rmmod "$DRIVER"
	test ! -e /dev/kfd
	# shellcheck disable=SC2086 # the parameters are words
	modprobe -d "$MODULES" "$DRIVER" $PARAMS
	test -e /dev/kfd
	times=$((times - 1))
done

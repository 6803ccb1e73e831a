#!/bin/sh
# SPDX-License-Identifier: MIT
# reload.sh TIMES COMMAND...
# Tests that the driver can be unloaded after use. It runs the COMMAND, which uses the
# driver, unloads the driver, and loads it again with the parameters that session used. It
# repeats these steps TIMES times, and ends with the first step that fails.
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

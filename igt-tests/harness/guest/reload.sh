#!/bin/sh
# SPDX-License-Identifier: MIT
# reload.sh TIMES COMMAND...
# Uses the driver by the COMMAND, unloads it, and loads it as session did, so
# many TIMES. Each step has to succeed.
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

#!/bin/sh
# SPDX-License-Identifier: MIT
# lockdep.sh
# Runs a program of Debian's IGT whose threads take many locks of the driver at the same
# time, so that lockdep sees their order. Only the kernel of --debug has lockdep, so on
# another one this script skips. With --debug no test of the program may skip.
program=/usr/libexec/igt-gpu-tools/amdgpu/amd_lockdep
if [ ! -e /proc/lockdep_stats ]; then
	echo "the kernel has no lockdep; that of --debug has it"
	exit 77
fi

status=0
"$program" > /tmp/lockdep 2>&1 || status=$?
cat /tmp/lockdep
if [ $status = 0 ] && grep -q '^Subtest .*: SKIP' /tmp/lockdep; then
	echo "a test has skipped on a kernel with lockdep"
	exit 1
fi
[ $status != 77 ] || exit 1
exit $status

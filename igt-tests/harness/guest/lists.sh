#!/bin/sh
# SPDX-License-Identifier: MIT
# lists.sh NAME ROOT LIST SECONDS JUDGE BOARD [WITHIN]
# Runs the tests of the file LIST with igt_runner, and judges the results by the
# command JUDGE, both as docs/hardware-ci.md says for a real GPU. ROOT is the root of
# tests, SECONDS the limit of a subtest, WITHIN the limit of the whole list; 0: none.
# Leaves the results beside this script as resultsNAME.tar, the output of JUDGE as
# judge, and its exit status as judge-status.
set -e
share=$(cd "$(dirname "$0")" && pwd)
name=$1 root=$2 list=$3 seconds=$4 judge=$5 board=$6 within=${7:-0}
out=/tmp/igt-results$name

test -c /dev/kmsg
export IGT_RUNNER_DISABLE_SOCKET_COMMUNICATION=1
status=0
igt_runner --multiple-mode --per-test-timeout "$seconds" --abort-on-monitored-error=taint \
	--test-list "$list" "$root" "$out" || status=$?
dmesg > "$out/dmesg"

verdict=0
"$judge" --within "$within" "$out" "$board" > "$share/judge" 2>&1 || verdict=$?
echo $verdict > "$share/judge-status"
busybox tar -C "$out" -cf "$share/results$name.tar" .
exit $status

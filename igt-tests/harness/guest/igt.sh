#!/bin/sh
# SPDX-License-Identifier: MIT
# igt.sh NAME DIRECTORY PROGRAMS OPTIONS TEST...
# Runs one igt_runner, with OPTIONS, for all TESTs, which belong to the PROGRAMS in
# DIRECTORY. OPTIONS and PROGRAMS are several words in one argument; PROGRAMS has the
# form of igt_runner's test list. Leaves the results beside this script as
# resultsNAME.tar. If a boot runs igt_runner several times, each call has another NAME.
set -e
share=$(cd "$(dirname "$0")" && pwd)
name=$1 directory=$2 programs=$3 options=$4
shift 4
root=/tmp/igt$name out=/tmp/igt-results$name

mkdir -p "$root"
ln -s "$directory" "$root/amdgpu"
printf 'TESTLIST\n%s\nEND TESTLIST\n' "$programs" > "$root/test-list.txt"
printf '%s\n' "$@" > "$root/testlist"

# If the device /dev/kmsg were missing, IGT would create a regular file there, and igt_runner would read that file for
# ever.
test -c /dev/kmsg

# With --multiple-mode one process runs several subtests. If igt_runner then reads their output from its socket, it
# gives parts of the output to the wrong subtest (IGT 2.5). So switch the socket off.
case " $options " in
*" --multiple-mode "*) export IGT_RUNNER_DISABLE_SOCKET_COMMUNICATION=1 ;;
esac

status=0
# shellcheck disable=SC2086 # the options are words
igt_runner $options --test-list "$root/testlist" -o "$root" "$out" || status=$?
# igt_runner writes many small files, and the share is slow with small files, so copy them as one archive.
busybox tar -C "$out" -cf "$share/results$name.tar" .
exit $status

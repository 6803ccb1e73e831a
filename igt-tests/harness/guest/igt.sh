#!/bin/sh
# SPDX-License-Identifier: MIT
# igt.sh NAME DIRECTORY PROGRAMS OPTIONS TEST...
# Runs each TEST of the PROGRAMS (words, as in igt_runner's test list) in
# DIRECTORY with igt_runner and its OPTIONS (words), and leaves igt_runner's
# results beside this script as resultsNAME.tar. A boot that runs igt_runner
# several times gives each of them another NAME.
set -e
share=$(cd "$(dirname "$0")" && pwd)
name=$1 directory=$2 programs=$3 options=$4
shift 4
root=/tmp/igt$name out=/tmp/igt-results$name

mkdir -p "$root"
ln -s "$directory" "$root/amdgpu"
printf 'TESTLIST\n%s\nEND TESTLIST\n' "$programs" > "$root/test-list.txt"
printf '%s\n' "$@" > "$root/testlist"

# IGT makes a regular file of a node that is missing, and igt_runner then reads it for ever.
test -c /dev/kmsg

# igt_runner cuts the output of several subtests at wrong places when it comes through the socket (IGT 2.5).
case " $options " in
*" --multiple-mode "*) export IGT_RUNNER_DISABLE_SOCKET_COMMUNICATION=1 ;;
esac

status=0
# shellcheck disable=SC2086 # the options are words
igt_runner $options --test-list "$root/testlist" -o "$root" "$out" || status=$?
# igt_runner writes many small files, and the share is slow with those, so they cross as one file.
busybox tar -C "$out" -cf "$share/results$name.tar" .
exit $status

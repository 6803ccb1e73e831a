#!/bin/sh
# SPDX-License-Identifier: MIT
# plain.sh NAME DIRECTORY SECONDS TEST...
# Does the work of igt.sh on a guest that has no igt_runner: runs each TEST
# (igt@amdgpu/PROGRAM@SUBTEST, the PROGRAM is in DIRECTORY) in a process of its own,
# for SECONDS at most. Leaves resultsNAME.tar beside this script. For the first test it
# has 0.out and 0.err with its output, for the second 1.out and 1.err and so on; tests
# has a line for each test, its name and its exit status; kmsg has the kernel's log, with
# a line "plain.sh: test NUMBER" before each test. verdict/plain.py reads them.
set -e
share=$(cd "$(dirname "$0")" && pwd)
name=$1 directory=$2 seconds=$3
shift 3
out=/tmp/results$name
# The seconds after which a test that ignores SIGTERM gets SIGKILL.
grace=5
# How many times to look for the last line of the log, which cat may read a little later; 0.05 seconds lie between.
tries=200

say() {
	echo "plain.sh: $*" > /dev/kmsg
}

mkdir -p "$out"
: > "$out/tests"
test -c /dev/kmsg
# Without this setting the kernel drops some of the lines that programs write to its log, if there are many.
echo on > /proc/sys/kernel/printk_devkmsg
cat /dev/kmsg > "$out/kmsg" &
reader=$!

number=0
for test; do
	path=${test#igt@amdgpu/}
	say "test $number"
	status=0
	timeout -k $grace "$seconds" "$directory/${path%@*}" --run-subtest "${path#*@}" \
		> "$out/$number.out" 2> "$out/$number.err" < /dev/null || status=$?
	echo "$test $status" >> "$out/tests"
	number=$((number + 1))
done

say end
until grep -q 'plain.sh: end' "$out/kmsg" || [ $tries = 0 ]; do
	sleep 0.05
	tries=$((tries - 1))
done
kill $reader
# The share is slow with small files, so copy them as one archive.
busybox tar -C "$out" -cf "$share/results$name.tar" .
test $tries != 0

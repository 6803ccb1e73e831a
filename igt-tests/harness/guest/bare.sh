#!/bin/sh
# SPDX-License-Identifier: MIT
# bare.sh DIRECTORY SECONDS TESTS...
# Runs programs in DIRECTORY without most of the things that their tests need: swap space,
# debugfs, tracefs, FUSE and transparent huge pages. Each of TESTS has the form
# PROGRAM@SUBTESTS, where SUBTESTS is a pattern. Each program runs as root, then as a user
# without rights, and at last without a GPU, each for SECONDS at most. Leaves the file bare
# beside this script, which has a line "WHO PROGRAM STATUS" for each run, and prints the end
# of the output of a run that failed.
set -e
share=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=/dev/null
. "$share/config"
directory=$1 seconds=$2
shift 2
tests=$*

busybox swapoff -a
busybox umount /sys/kernel/debug/tracing 2> /dev/null || :
busybox umount /sys/kernel/tracing
busybox umount /sys/kernel/debug
# IGT mounts debugfs again when a test of root asks for it, unless something else is mounted
# there.
busybox mount -t tmpfs -o ro none /sys/kernel/debug
rm -f /dev/fuse
echo never > /sys/kernel/mm/transparent_hugepage/enabled
chmod 666 /dev/kfd /dev/dri/renderD*
# The patterns of subtests are for the programs and not for the shell.
set -f

# all WHO COMMAND...: run each of the tests by the COMMAND.
all() {
	who=$1
	shift
	for test in $tests; do
		program=${test%@*} status=0
		"$@" timeout "$seconds" "$directory/$program" --run-subtest "${test#*@}" \
			> /tmp/bare 2>&1 < /dev/null || status=$?
		echo "$who $program $status" >> "$share/bare"
		case $status in
		0 | 77) ;;
		*) echo "$who: $program: status $status" && tail -n 20 /tmp/bare ;;
		esac
	done
}

all root env
if grep ' debugfs ' /proc/mounts; then
	echo "a test has mounted debugfs" && exit 1
fi
all nobody setpriv --reuid=65534 --regid=65534 --clear-groups
modprobe -d "$MODULES" -r "$DRIVER"
all without-gpu env

#!/bin/sh
# SPDX-License-Identifier: MIT
# trial.sh NUMBER NAME CONTROL FUNCTIONS EARLY COMMAND...
# Runs the COMMAND, which is igt.sh, as one of several trials of a boot. While it
# runs, the driver leaves out the step of the CONTROL, and each of the FUNCTIONS
# of the driver (separated by commas) returns at once. CONTROL and FUNCTIONS may
# be empty. If EARLY is not empty, the trial ends when the page oracle reports the
# first violation.
# At the start and at the end of the trial the script writes a line with the NAME to
# the kernel's log, and a mark to the GPU's trace: NUMBER at the start, 0 at the end.
# suites/shared.py takes only the lines between them as evidence of this trial.
set -e
# shellcheck source=/dev/null
. "$(dirname "$0")/config"
number=$1 name=$2 control=$3 functions=$4 early=$5
shift 5
parameters=/sys/module/vgpu_oracle/parameters
no_control=-	# no control has this name, so the driver leaves out no step

set_control() {
	[ -z "$control" ] || printf %s "$1" > /sys/module/amdgpu/parameters/control
}

# Run the command. With EARLY end it as soon as the page oracle counts a new violation.
run_tests() {
	before=
	[ -z "$early" ] || before=$(cat $parameters/violations)
	rm -f /tmp/ended
	{ "$@" || true; : > /tmp/ended; } &
	until [ -e /tmp/ended ]; do
		sleep 0.1
		if [ -n "$before" ] && [ "$(cat $parameters/violations)" != "$before" ]; then
			# shellcheck disable=SC2046 # one word for each process
			kill $(grep -l '^igt_runner$' /proc/[0-9]*/comm | cut -d/ -f3) || true
			before=
		fi
	done
	wait
}

has_no_queues() {
	[ -z "$(ls /sys/class/kfd/kfd/proc)" ]
}

# Wait until the driver has destroyed the queues of this trial, because the next trial must not meet them.
wait_for_queues() {
	tries=200
	until has_no_queues || [ $tries = 0 ]; do
		sleep 0.05
		tries=$((tries - 1))
	done
	has_no_queues
}

echo "trial: begin $name." > /dev/kmsg
echo "$number" > $parameters/mark
set_control "$control"
[ -z "$functions" ] || insmod "${ORACLE%/*}/vgpu_sabotage.ko" "skip=$functions"
run_tests "$@"
wait_for_queues
set_control $no_control
[ -z "$functions" ] || rmmod vgpu_sabotage
echo 0 > $parameters/mark
echo "trial: end $name." > /dev/kmsg

#!/bin/sh
# SPDX-License-Identifier: MIT
# soak.sh SECONDS SEED SOAK KILL KINDS VICTIMS
# Runs the program SOAK for SECONDS seconds, then lets the program KILL kill VICTIMS
# processes of each of the KINDS (separated by commas). Leaves these files
# beside this script: warm-up has the output of both programs from a short run before
# the soak; calls-before and calls-after say how often the driver's notifier had run
# before and after the soak; before-* and after-* are the counters of memory, which
# suites/soak.py compares.
share=$(cd "$(dirname "$0")" && pwd)
seconds=$1 seed=$2 soak=$3 kill=$4 kinds=$5 victims=$6
cd "$share" || exit

# The driver calls this function at each invalidation of a userptr. A kprobe counts its calls.
notifier=amdgpu_userptr_invalidate_locked
# The first use of a program makes the kernel allocate memory that it keeps. That would look like a leak. So before the
# first sample the soak runs for some seconds, and one process of each kind is killed.
warm_up_seconds=5
# After a process has ended, the kernel takes some time to free its memory. Wait for at most this time.
return_seconds=30
device=/sys/class/drm/renderD128/device

# Print the kernel workers that sleep uninterruptibly in the driver. All test processes have ended, so nobody will wake
# them.
stuck_workers() {
	for stat in /proc/[0-9]*/stat; do
		if grep -q '^[0-9]* (kworker/.*) D ' "$stat"; then
			grep -q -E '[[](amdgpu|ttm)[]]' "${stat%stat}stack" && echo "$stat"
		fi
	done 2> /dev/null
}

# Write the counters to $1-exact, $1-meminfo and $1-zoneinfo. Before that, make the kernel drop its caches of files, and
# let each slab cache give back its empty slabs. In a debug kernel that also frees the objects that KASAN holds back.
sample() {
	echo 3 > /proc/sys/vm/drop_caches
	for shrink in /sys/kernel/slab/*/shrink; do
		[ ! -e "$shrink" ] || echo 1 > "$shrink"
	done
	{
		echo "KFD: $(head -n 1 /sys/kernel/debug/kfd/mem_limit)"
		echo "KFD processes: $(find /sys/class/kfd/kfd/proc -mindepth 1 -maxdepth 1 | wc -l)"
		echo "VRAM used: $(cat $device/mem_info_vram_used)"
		echo "GTT used: $(cat $device/mem_info_gtt_used)"
		echo "workers asleep in the driver: $(stuck_workers | wc -l)"
	} > "$1-exact"
	cat /proc/meminfo > "$1-meminfo"
	cat /proc/zoneinfo > "$1-zoneinfo"
}

count_calls() {
	sed -n -E 's/^ *soak_notifier +([0-9]+) .*/\1/p' /sys/kernel/tracing/kprobe_profile
}

kill_victims() {
	"$kill" --run-subtest "$kinds" --seed "$seed" --victims "$1"
}

warm_up() {
	"$soak" --seconds $warm_up_seconds --seed "$seed" && kill_victims 1
}

echo "p:soak/soak_notifier $notifier" > /sys/kernel/tracing/kprobe_events || exit
echo 1 > /sys/kernel/tracing/events/soak/enable || exit
warm_up > warm-up 2>&1 || { cat warm-up; exit 1; }
sample before
count_calls > calls-before
"$soak" --seconds "$seconds" --seed "$seed"
status=$?
count_calls > calls-after
# Kill processes only after the soak. During the soak the memory of other processes comes and goes, so nobody could see
# which memory a killed process has left behind.
kill_victims "$victims" || status=$?
deadline=$(($(date +%s) + return_seconds))
sample after
until cmp -s before-exact after-exact || [ "$(date +%s)" -ge $deadline ]; do
	sleep 1
	sample after
done
exit $status

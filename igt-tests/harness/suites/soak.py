# SPDX-License-Identifier: MIT
"""
Makes boots that run amd_userptr_soak and then kill processes. Judges both, and whether the kernel has all of its memory
back at the end.
"""

import math
import os
import re
import sys

from harness import step
from harness.boot import qemu
from harness.suites import scenarios, seeds
from harness.verdict import results
from harness.verdict.results import FAIL, PASS, Case, igt_reason

PROGRAM = "amd_userptr_soak"
# When the soak is over, this program kills processes that have userptrs, one after the other, and equally many of each
# kind.
VICTIMS = "amd_userptr_kill"
KINDS = ("random", "random-scatter", "random-kfd")
PER_MINUTE = 20		# processes to kill for each minute of the soak, all kinds together
PER_VICTIM = 3		# seconds in the timeout for each of these processes, in which the kernel frees its memory

DEFAULT_MODE = "hws-sdma"
MINUTES = 10		# how long ./run soak lasts without --minutes
OVERHEAD = 300		# seconds in the timeout for the boot, the warm-up, slow events of the soak, and the end
MIN_RATE = 60		# invalidations per second that a soak must reach: a little more than 100,000 in half an hour

# At the end the kernel may use more slab memory, and have less memory available, by these tolerances in KiB. All other
# counters must have their old value again.
SLAB, AVAILABLE = "slab, KiB", "memory available, KiB"
SLAB_TOLERANCE, AVAILABLE_TOLERANCE = 1024, 2048

# The name of the counter of kernel workers that sleep in the driver for ever, because the process that had to wake them
# has died. guest/soak.sh writes it.
WORKERS = "workers asleep in the driver"

# Let vgpu write only these kinds of lines to its trace, because a trace of all packets would fill the disk within
# minutes. These lines are enough to explain a violation, because the line of a violation has the last events of its
# page.
TRACE = "--trace-filter violation,stopped,kill,preempt,flush,tlb,map,unmap"


def victims_of(seconds):
	"""Returns how many processes of each kind to kill after a soak of @seconds seconds."""
	return max(1, math.ceil(PER_MINUTE * seconds / 60 / len(KINDS)))


def soak_line(directory, seconds, seed, victims):
	"""
	Returns the shell command that soaks for @seconds seconds and then kills @victims processes of each kind, by the
	programs in @directory.
	"""
	return qemu.script_line("soak.sh", seconds, seed, os.path.join(directory, PROGRAM), os.path.join(directory, VICTIMS),
		",".join(KINDS), victims)


def numbers(text, pattern):
	return [int(number) for number in re.findall(pattern, text, re.M)]


def counters(where, when, page_kib):
	"""
	Returns {name: text, or a number of KiB} of the counters that guest/soak.sh has written "before" or "after"
	(@when) on a guest with pages of @page_kib.
	"""
	exact, meminfo, zoneinfo = (where.shared(f"{when}-{name}") or "" for name in ("exact", "meminfo", "zoneinfo"))
	found = dict(line.split(": ", 1) for line in exact.splitlines())
	slab, available = numbers(meminfo, r"^Slab: +(\d+)"), numbers(meminfo, r"^MemAvailable: +(\d+)")
	if slab and available:
		found[SLAB] = slab[0]
		# MemAvailable does not count the free pages that each CPU keeps for its next allocations, so add them.
		found[AVAILABLE] = available[0] + page_kib * sum(numbers(zoneinfo, r"^ +count: +(\d+)"))
	return found


def has_returned(name, before, after):
	if name == WORKERS:
		return after == "0"
	if name == SLAB:
		return after - before <= SLAB_TOLERANCE
	if name == AVAILABLE:
		return before - after <= AVAILABLE_TOLERANCE
	return before == after


def memory_cases(before, after):
	cases = []
	for name in sorted(set(before) | set(after)):
		good = name in before and name in after and has_returned(name, before[name], after[name])
		cases.append(Case(name, PASS if good else FAIL,
			f"{before.get(name, 'unknown')} before, {after.get(name, 'unknown')} after"))
	return cases or [Case("memory counters", FAIL, "none were taken")]


def invalidations(where):
	try:
		return int(where.shared("calls-after")) - int(where.shared("calls-before"))
	except (TypeError, ValueError):
		return 0


def victims_case(output, victims):
	"""
	Returns the case of the killed processes: enough must have died in all, and the subtest of each kind must have
	passed.
	"""
	dead = sum(numbers(output, r"^victims: +(\d+)"))
	good = all(re.search(rf"^Subtest {kind}: SUCCESS", output, re.M) for kind in KINDS)
	wanted = victims * len(KINDS)
	return Case("victims", PASS if good and dead >= wanted else FAIL, f"{dead} of {wanted} killed")


def judge_soak(where, seconds, slower=1, page_kib=4):
	"""Returns the cases of a boot that soaked for @seconds seconds, on a guest with pages of @page_kib."""
	output = where.shared("output") or ""
	good = re.search(r"^Subtest soak: SUCCESS", output, re.M)
	count, wanted = invalidations(where), int(MIN_RATE * seconds / slower)
	return [Case("soak", PASS if good else FAIL, igt_reason(output, "")),
		Case("invalidations", PASS if count >= wanted else FAIL, f"{count}, at least {wanted} wanted"),
		victims_case(output, victims_of(seconds)),
		*memory_cases(counters(where, "before", page_kib), counters(where, "after", page_kib))]


def print_counters(cases, where):
	violations, accesses = seeds.oracle_verdict(results.read(where.gpu(0).log)) or ("-", "-")
	print(f"\n{'violations':<24} {violations}, of {accesses} accesses of the GPU")
	print(f"{'invalidations':<24} {invalidations(where)}")
	for case in cases[2:]:
		print(f"{case.name:<24} {case.detail}")
	print(flush=True)


def boot_soak(name, entry, image, echo=None):
	"""Boot one scenario and soak. Returns its cases."""
	seconds = round(entry.getfloat("minutes") * 60)
	victims = victims_of(seconds)
	entry["timeout"] = str(seconds + OVERHEAD + PER_VICTIM * victims * len(KINDS))

	def judge_it(where):
		cases = judge_soak(where, seconds, scenarios.slower(entry["kernel"]), scenarios.machine_of(entry).page_kib)
		if echo:
			print_counters(cases, where)
		return cases

	line = soak_line(scenarios.test_directory(entry), seconds, entry["seed"] or 0, victims)
	return scenarios.boot_scenario(name, entry, image, scenarios.all_lines(line), judge_it, echo)


def long(minutes, numbers, modes, page_size=None):
	"""
	Run the boots of ./run soak, which last longer than those of the suite and print their output. Returns their
	cases.
	"""
	config = scenarios.all_scenarios()
	cases = []
	for mode in modes or [DEFAULT_MODE]:
		for seed in numbers or [""]:
			name = f"soak-long-{mode}"
			config[name] = {"suite": "soak", "mode": mode, "params": scenarios.params_of(mode), "seed": str(seed),
				"minutes": str(minutes), "vgpu": TRACE}
			scenarios.with_page_size(config, page_size)
			step.say(f"soaking for {minutes:g} minutes, then killing {len(KINDS) * victims_of(minutes * 60)} processes")
			image = scenarios.images(config, [name])[config[name]["kernel"]]
			cases += boot_soak(name, config[name], image, sys.stdout)
	return cases

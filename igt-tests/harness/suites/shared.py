# SPDX-License-Identifier: MIT
"""
Several trials in one boot, one after the other, each with marks around it in the kernel's log and in the GPU's
trace. What is between its marks is the evidence of a trial, and nothing else is.
"""

import os
import re

from harness import step
from harness.boot import qemu
from harness.suites import scenarios
from harness.verdict import results
from harness.verdict.evidence import NAMED, Evidence

AT_MOST = 7		# trials in a boot
PER_TRIAL = 120		# seconds more for the boot, at most
MARK = re.compile(r" mark value=(\d+)\n")
FAULT = re.compile(NAMED.pattern + r"(?::(\S+))?")
# The last trial of a boot: nothing is left out any more, so its test must pass with no rule broken.
AFTERWARDS = "afterwards"
AFTERWARDS_TEST = "igt@amdgpu/amd_userptr_hsa@busy-dontneed"


def marker(what, name):
	"""A line of the kernel's log, which guest/trial.sh writes."""
	return f"trial: {what} {name}."


def can_share(trial):
	"""Can the fault of @trial be made, and be mended, while the driver is loaded?"""
	return not (trial["params"] or trial["alone"])


def groups(table, names):
	"""
	The boots: lists of trials that can share one, and the others alone, in the order of @names. The simulated GPU knows
	a fault by its name, so there is one of each in a boot.
	"""
	modes, alone, taken = {}, [], set()
	for name in names:
		mode = table[name]["mode"]
		faults = {(mode, fault) for fault in NAMED.findall(table[name]["vgpu"])}
		if can_share(table[name]) and not faults & taken:
			modes.setdefault(mode, []).append(name)
			taken |= faults
		else:
			alone.append([name])
	boots = []
	for members in modes.values():
		count = -(-len(members) // AT_MOST)
		boots += [members[i::count] for i in range(count)]
	return boots + alone


def timeout(table, names):
	"""Seconds for a boot of the trials @names."""
	return max(table[name].getfloat("timeout") for name in names) + (len(names) * PER_TRIAL if len(names) > 1 else 0)


def trial_line(number, name, programs, tests, trial):
	"""The line of one @trial, or of the last one, in which nothing goes wrong (None)."""
	control, sabotage, early = "", "", False
	if trial:
		control, sabotage = trial["control"], trial["sabotage"]
		early = trial["rules"] and not trial["fails"]
	return qemu.script_line("trial.sh", number, name, control, sabotage, "early" if early else "") + " " \
		+ scenarios.runner_line(programs, tests, name="-" + name)


def bound(options, number):
	"""The @options of the simulated GPU, with its faults between the marks @number only."""
	return FAULT.sub(lambda match: f"--fault {match[1]}:" + (f"{match[2]}," if match[2] else "") + f"mark={number}", options)


def trials_command(table, programs, tests):
	"""What the guest runs: the trials by name with the tests of each, and a last one without anything wrong."""
	lines = [trial_line(number, name, programs, tests[name], table[name]) for number, name in enumerate(tests, 1)]
	lines.append(trial_line(len(tests) + 1, AFTERWARDS, programs, [AFTERWARDS_TEST], None))
	return scenarios.all_lines(*lines)


def log_part(text, name):
	"""The part of the kernel's log @text between the marks of the trial @name; None when the trial did not end."""
	found = re.search(rf"{re.escape(marker('begin', name))}\r?\n(.*){re.escape(marker('end', name))}", text, re.S)
	return found[1] if found else None


def trace_part(text, number):
	"""The lines of the GPU's trace @text between the marks of the trial @number."""
	pieces = MARK.split(text)
	return "".join(piece for value, piece in zip(pieces[1::2], pieces[2::2]) if int(value) == number)


class Parts:
	"""The evidence of each trial of a boot, by name."""

	def __init__(self, boot, names):
		self.boot, self.directory = boot, boot.directory
		self.numbers = {name: number for number, name in enumerate([*names, AFTERWARDS], 1)}
		self.trace = results.read(boot.gpu(0).trace)
		# A dying guest writes to the console only.
		self.logs = results.read(boot.dmesg), results.read(boot.console)
		self.clean = self._is_clean()

	def evidence(self, name):
		"""The evidence of the trial @name; None when the trial did not end."""
		dmesg, console = (log_part(log, name) for log in self.logs)
		if dmesg is None and console is None:
			return None
		found = Evidence(dmesg or "", console or "", os.path.join(scenarios.results_of(self.boot, "-" + name), "results.json"))
		found.take(trace_part(self.trace, self.numbers[name]))
		return found

	def seconds(self, name):
		"""How long it took."""
		begin, end = (re.search(rf"\[ *([0-9.]+)\].* {re.escape(marker(what, name))}", "".join(self.logs)) for what in ("begin", "end"))
		return float(end[1]) - float(begin[1])

	def _is_clean(self):
		"""Does the last test, without anything wrong, pass without a broken rule?"""
		last = self.evidence(AFTERWARDS)
		if not last or last.rules:
			return False
		return all(case.verdict == results.PASS for case in last.cases([AFTERWARDS_TEST]).values())


def boot_trials(directory, entry, image, table, tests):
	"""Boot the trials together that @tests has, {name: tests}; their Parts."""
	programs = sorted({test.split("/")[1].split("@")[0] for test in [AFTERWARDS_TEST, *sum(tests.values(), [])]})
	spec = scenarios.spec_of(directory, entry, image, trials_command(table, programs, tests))
	spec.timeout = timeout(table, list(tests))
	spec.vgpu_options += "".join(" " + bound(table[name]["vgpu"], number) for number, name in enumerate(tests, 1))
	where = qemu.Boot(spec.directory)
	last = marker("end", AFTERWARDS)
	spec.enough = lambda: last in results.read(where.console)
	step.say(f"booting {len(tests)} trials: {' '.join(tests)}")
	outcome = qemu.boot_guest(spec)
	step.say(f"{len(tests)} trials in {outcome.seconds:.0f} s (logs: {step.host_path(spec.directory)})")
	return Parts(where, list(tests))

# SPDX-License-Identifier: MIT
"""
Runs several trials in one boot, one after the other. At its start and at its end each trial writes a line to the
kernel's log and a mark to the GPU's trace. Only the lines between them are the evidence of the trial.
"""

import os
import re

from harness import step
from harness.boot import qemu
from harness.suites import scenarios
from harness.verdict import results
from harness.verdict.evidence import NAMED, Evidence

AT_MOST = 7		# the most trials of a boot
PER_TRIAL = 120		# seconds that each of several trials adds to the timeout of their boot
MARK = re.compile(r" mark value=(\d+)\n")
FAULT = re.compile(NAMED.pattern + r"(?::(\S+))?")
# The last trial of each boot has no fault, so its test must pass without a broken rule. Otherwise an earlier trial has
# left damage, and no trial of the boot counts.
AFTERWARDS = "afterwards"
AFTERWARDS_TEST = "igt@amdgpu/amd_userptr_hsa@busy-dontneed"


def marker(what, name):
	"""
	Returns the line that guest/trial.sh writes to the kernel's log at the "begin" or the "end" (@what) of the trial
	@name.
	"""
	return f"trial: {what} {name}."


def can_share(trial):
	"""
	Returns whether the fault of @trial can be switched on and off while the driver is loaded, and does no lasting
	damage.
	"""
	return not (trial["params"] or trial["alone"])


def groups(table, names, options=lambda name: ""):
	"""
	Divide the trials @names among boots. Returns a list of trials for each boot: first, for each mode, those that
	share boots, then each other trial alone. Two trials with the same fault of the simulated GPU never share a
	boot, because vgpu keeps only one set of options, with its mark, for each fault. @options() returns the options
	of the simulated GPU that the boot of a trial has without the fault. Trials with different ones share no boot.
	"""
	modes, alone, taken = {}, [], set()
	for name in names:
		mode = table[name]["mode"]
		faults = {(mode, fault) for fault in NAMED.findall(table[name]["vgpu"])}
		if can_share(table[name]) and not faults & taken:
			modes.setdefault((mode, options(name)), []).append(name)
			taken |= faults
		else:
			alone.append([name])
	boots = []
	for members in modes.values():
		count = -(-len(members) // AT_MOST)
		boots += [members[i::count] for i in range(count)]
	return boots + alone


def timeout(table, names):
	"""Returns the timeout in seconds of a boot with the trials @names."""
	return max(table[name].getfloat("timeout") for name in names) + (len(names) * PER_TRIAL if len(names) > 1 else 0)


def trial_line(number, name, programs, tests, trial):
	"""
	Returns the shell command that runs the @trial @name with the mark @number. A @trial of None has no fault. If a
	trial only has to break a rule, it ends at the first violation ("early").
	"""
	control, sabotage, early = "", "", False
	if trial:
		control, sabotage = trial["control"], trial["sabotage"]
		early = trial["rules"] and not trial["fails"]
	return qemu.script_line("trial.sh", number, name, control, sabotage, "early" if early else "") + " " \
		+ scenarios.runner_line(programs, tests, name="-" + name)


def bound(options, number):
	"""
	Returns the @options of the simulated GPU, changed so that it injects their faults only in the trial @number.
	"""
	return FAULT.sub(lambda match: f"--fault {match[1]}:" + (f"{match[2]}," if match[2] else "") + f"mark={number}", options)


def trials_command(table, programs, tests):
	"""
	Returns the shell script that runs the trials of @tests, {name: tests}, and after them the trial without a
	fault.
	"""
	lines = [trial_line(number, name, programs, tests[name], table[name]) for number, name in enumerate(tests, 1)]
	lines.append(trial_line(len(tests) + 1, AFTERWARDS, programs, [AFTERWARDS_TEST], None))
	return scenarios.all_lines(*lines)


def log_part(text, name):
	"""
	Returns the part of the kernel's log @text that belongs to the trial @name, or None if the trial did not end.
	"""
	found = re.search(rf"{re.escape(marker('begin', name))}\r?\n(.*){re.escape(marker('end', name))}", text, re.S)
	return found[1] if found else None


def trace_part(text, number):
	"""Returns the lines of the GPU's trace @text that belong to the trial @number."""
	pieces = MARK.split(text)
	return "".join(piece for value, piece in zip(pieces[1::2], pieces[2::2]) if int(value) == number)


class Parts:
	"""Divides the files of a boot of several trials into the evidence of each trial."""

	def __init__(self, boot, names):
		self.boot, self.directory = boot, boot.directory
		self.numbers = {name: number for number, name in enumerate([*names, AFTERWARDS], 1)}
		self.trace = results.read(boot.gpu(0).trace)
		# If the guest dies, only the console has its last lines.
		self.logs = results.read(boot.dmesg), results.read(boot.console)
		self.clean = self._is_clean()

	def evidence(self, name):
		"""Returns the Evidence of the trial @name, or None if the trial did not end."""
		dmesg, console = (log_part(log, name) for log in self.logs)
		if dmesg is None and console is None:
			return None
		found = Evidence(dmesg or "", console or "", os.path.join(scenarios.results_of(self.boot, "-" + name), "results.json"))
		found.take(trace_part(self.trace, self.numbers[name]))
		return found

	def seconds(self, name):
		"""Returns how many seconds the trial @name took."""
		begin, end = (re.search(rf"\[ *([0-9.]+)\].* {re.escape(marker(what, name))}", "".join(self.logs)) for what in ("begin", "end"))
		return float(end[1]) - float(begin[1])

	def _is_clean(self):
		"""Returns whether the test of the last trial, which has no fault, has passed without a broken rule."""
		last = self.evidence(AFTERWARDS)
		if not last or last.rules:
			return False
		return all(case.verdict == results.PASS for case in last.cases([AFTERWARDS_TEST]).values())


def boot_trials(directory, entry, image, table, tests):
	"""Boot once for all trials of @tests, {name: tests}. Returns the Parts of that boot."""
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

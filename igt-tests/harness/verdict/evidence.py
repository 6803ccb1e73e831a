# SPDX-License-Identifier: MIT
"""Collects the evidence of a trial from the kernel's log, the GPU's trace, and the results of its tests."""

import collections
import re

from harness.verdict import results
from harness.verdict.results import FAIL, Case

# VIOLATION and INJECTED match lines of the GPU's trace: a broken rule of the page oracle, and an injected fault. NAMED
# matches the option of vgpu that asks for a fault.
VIOLATION = re.compile(r" violation rule=(R\d+) ")
INJECTED = re.compile(r" inject fault=([a-z-]+) ")
NAMED = re.compile(r"--fault[ =]([a-z-]+)")


class Evidence:
	"""The evidence of a trial that had a boot to itself, or shared it with other trials."""

	def __init__(self, dmesg, console, results_json):
		# @dmesg and @console are both the kernel's log. If the guest died or the harness ended it early, only
		# the console has the last lines.
		self.logs, self.log, self.results_json = (dmesg, console), dmesg + console, results_json
		self.rules = collections.Counter()
		self.faults = set()

	def take(self, trace):
		"""Add the broken rules and the injected faults in lines of the GPU's @trace."""
		self.rules.update(VIOLATION.findall(trace))
		self.faults.update(INJECTED.findall(trace))

	def cases(self, tests):
		"""Returns {name: Case} of the @tests."""
		found = results.igt_cases([self.results_json], tests, re.compile("^$"), [])
		cases = {case.name: case for case in found}
		return {test: cases.get(test, Case(test, FAIL, "did not end")) for test in tests}

	def broken(self, trial):
		"""Returns whether the GPU has broken one of the rules that @trial demands."""
		return any(self.rules[rule] for rule in trial["rules"].split())

	def count(self, pattern):
		"""
		Returns how often the kernel's log has @pattern: the larger number of the two logs, because each may
		lack lines.
		"""
		return max(len(re.findall(pattern, log)) for log in self.logs)

	def lacks(self, trial):
		"""Returns the patterns that @trial demands and that the kernel's log lacks."""
		return [pattern for pattern in trial["log"].splitlines() if pattern and not re.search(pattern, self.log)]

	def struck(self, trial):
		"""
		Returns whether the fault of @trial has happened: each step was left out, and each fault injected, at
		least once.
		"""
		wanted = [f"amdgpu: control {trial['control']}: step left out"] if trial["control"] else []
		wanted += [f"vgpu_sabotage: {name} left out" for name in trial["sabotage"].split(",") if name]
		return all(text in self.log for text in wanted) and set(NAMED.findall(trial["vgpu"])) <= self.faults


class Unfinished(Evidence):
	"""The evidence of a boot that still runs; update() adds the lines since the last call."""

	def __init__(self, boot):
		super().__init__("", "", None)
		self.boot, self.position = boot, 0

	def update(self):
		self.log = results.read(self.boot.dmesg) + results.read(self.boot.console)
		try:
			with open(self.boot.gpu(0).trace, "rb") as trace:
				trace.seek(self.position)
				data = trace.read()
		except FileNotFoundError:
			return
		# The last line may not be complete yet.
		lines = data[:data.rfind(b"\n") + 1]
		self.position += len(lines)
		self.take(lines.decode("utf-8", "replace"))

# SPDX-License-Identifier: MIT
"""What is known of a trial: the kernel's log, the GPU's trace, and how tests ended."""

import collections
import re

from harness.verdict import results
from harness.verdict.results import FAIL, Case

VIOLATION = re.compile(r" violation rule=(R\d+) ")
INJECTED = re.compile(r" inject fault=([a-z-]+) ")
NAMED = re.compile(r"--fault[ =]([a-z-]+)")


class Evidence:
	"""What a boot, or a trial's part of it, shows."""

	def __init__(self, dmesg, console, results_json):
		# A guest that dies, or is ended when it has shown enough, writes to the console only.
		self.logs, self.log, self.results_json = (dmesg, console), dmesg + console, results_json
		self.rules = collections.Counter()
		self.faults = set()

	def take(self, trace):
		"""More lines of the GPU's trace."""
		self.rules.update(VIOLATION.findall(trace))
		self.faults.update(INJECTED.findall(trace))

	def cases(self, tests):
		"""How the @tests ended, by name."""
		found = results.igt_cases([self.results_json], tests, re.compile("^$"), [])
		cases = {case.name: case for case in found}
		return {test: cases.get(test, Case(test, FAIL, "did not end")) for test in tests}

	def broken(self, trial):
		"""Was one of the rules that @trial names broken?"""
		return any(self.rules[rule] for rule in trial["rules"].split())

	def count(self, pattern):
		"""How often the kernel's log has @pattern, of which the console may have less."""
		return max(len(re.findall(pattern, log)) for log in self.logs)

	def lacks(self, trial):
		"""What @trial wants of the kernel's log and is not there."""
		return [pattern for pattern in trial["log"].splitlines() if pattern and not re.search(pattern, self.log)]

	def struck(self, trial):
		"""Did everything that @trial does wrong go wrong at least once?"""
		wanted = [f"amdgpu: control {trial['control']}: step left out"] if trial["control"] else []
		wanted += [f"vgpu_sabotage: {name} left out" for name in trial["sabotage"].split(",") if name]
		return all(text in self.log for text in wanted) and set(NAMED.findall(trial["vgpu"])) <= self.faults


class Unfinished(Evidence):
	"""Of a boot that goes on, as it is now."""

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
		# The last line may be written in part only.
		lines = data[:data.rfind(b"\n") + 1]
		self.position += len(lines)
		self.take(lines.decode("utf-8", "replace"))

# SPDX-License-Identifier: MIT
"""Runs the boots of all suites side by side."""

import concurrent.futures
import dataclasses
import multiprocessing

from harness import step
from harness.verdict.results import FAIL, Case

AT_ONCE = 3	# a guest waits for a third of its time


@dataclasses.dataclass
class Call:
	"""A function that boots once, or twice one after the other, and its arguments."""
	seconds: float		# how long it may take
	function: object
	arguments: tuple
	beside: bool = True	# may other boots run meanwhile?


@dataclasses.dataclass
class Work:
	"""The boots of a suite, and a function that makes its cases of the values that they return, in their order."""
	calls: list
	judge: object


def judged(work, futures):
	"""Wait for the boots of a suite; its cases."""
	try:
		return work.judge([future.result() for future in futures])
	except step.Failed as failure:
		return [Case("boots", FAIL, str(failure))]


def run_boots(works, at_once=AT_ONCE):
	"""
	The cases of each suite by its name, one after the other as they are there; @at_once guests run. Boots that bear no
	others beside them run first, one by one. Of the others those that may take longest begin
	first, so that no CPU is idle in the end. Processes, since the child of a thread must not run
	Python before it is a program.
	"""
	calls = [(name, index, call) for name, work in works.items() for index, call in enumerate(work.calls)]
	calls.sort(key=lambda entry: (entry[2].beside, -entry[2].seconds))
	with concurrent.futures.ProcessPoolExecutor(at_once, multiprocessing.get_context("fork")) as pool:
		begun = {}
		for name, index, call in calls:
			begun[name, index] = pool.submit(call.function, *call.arguments)
			if not call.beside:
				concurrent.futures.wait([begun[name, index]])
		for name, work in works.items():
			yield name, judged(work, [begun[name, index] for index in range(len(work.calls))])

# SPDX-License-Identifier: MIT
"""Runs the boots of all suites, several at the same time."""

import concurrent.futures
import dataclasses
import multiprocessing

from harness import step
from harness.verdict.results import FAIL, Case

AT_ONCE = 3	# guests at the same time; more than the CPUs, because a guest waits for a third of its time


@dataclasses.dataclass
class Call:
	"""A function that boots a guest (or two guests, one after the other), and its arguments."""
	seconds: float		# how long it may take
	function: object
	arguments: tuple
	beside: bool = True	# may other boots run meanwhile?


@dataclasses.dataclass
class Work:
	"""The boots of a suite, and a function that makes the cases of the suite from the list of what the boots return."""
	calls: list
	judge: object


def judged(work, futures):
	"""Wait for the boots of a suite, and return its cases."""
	try:
		return work.judge([future.result() for future in futures])
	except step.Failed as failure:
		return [Case("boots", FAIL, str(failure))]


def run_boots(works, at_once=AT_ONCE):
	"""
	Run all boots of @works, {suite: Work}, with @at_once guests at the same time. Yields (suite, cases) as soon as the boots
	of a suite have ended. Boots that no other boot may run beside come first, one by one. Of the others, those
	with the longest timeout begin first, so that no CPU is idle in the end. Each boot is started by a process and not by a
	thread, because the child of a program with threads must not run Python code before it executes QEMU.
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

# SPDX-License-Identifier: MIT
"""Runs the boots of all suites, several at the same time."""

import concurrent.futures
import dataclasses
import multiprocessing

from harness import step
from harness.verdict.results import FAIL, Case

# The number of guests that run at the same time unless --jobs says otherwise: one more than the two CPUs for which the
# suites are tuned, because a guest waits for a third of its time.
AT_ONCE = 3


@dataclasses.dataclass
class Call:
	"""A function that boots a guest, or several guests one after the other, and its arguments."""
	seconds: float		# the timeout of the first boot; calls with longer timeouts begin first
	function: object
	arguments: tuple
	beside: bool = True	# false: no other call may run meanwhile


@dataclasses.dataclass
class Work:
	"""The boots of a suite, and the function that makes the suite's cases of them."""
	calls: list	# of Call
	judge: object	# gets the list of the values that the calls have returned; returns a list of Case


def judged(work, futures):
	"""Wait for the boots of a suite, which are the @futures. Returns the suite's cases."""
	try:
		return work.judge([future.result() for future in futures])
	except step.Failed as failure:
		return [Case("boots", FAIL, str(failure))]


def run_boots(works, at_once=AT_ONCE):
	"""
	Make all calls of @works, {suite: Work}, with @at_once guests at the same time. Yields (suite, cases) for each
	suite, in their order, as soon as its calls have ended. Calls with beside=False come first, one by one. Of the
	others, those with the longest timeout begin first, so that no CPU is idle in the end. A process makes each
	call, and not a thread: in a program with threads a child must not run Python code between fork and exec, and
	die_with_parent() in qemu.py is such code.
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

# SPDX-License-Identifier: MIT
"""Boots side by side, of whatever suites."""

import concurrent.futures
import dataclasses
import multiprocessing

import step
from results import FAIL, Case

AT_ONCE = 3	# a guest waits for a third of its time


@dataclasses.dataclass
class Call:
	"""What makes one boot, or the next one after it."""
	seconds: float		# how long it may take
	function: object
	arguments: tuple
	waits: bool = False	# most of the time, for what does not come until a deadline


@dataclasses.dataclass
class Work:
	"""The boots of a suite, and what makes its cases of what they return, in their order."""
	calls: list
	judge: object


def outcome(call):
	"""What the call returns, or why it could not go on."""
	try:
		return call.function(*call.arguments)
	except step.Failed as failure:
		return failure


def in_turn(calls):
	return [outcome(call) for call in calls]


def judged(work, outcomes):
	"""The cases of a suite."""
	failures = [Case("boots", FAIL, str(failure)) for failure in outcomes if isinstance(failure, step.Failed)]
	return failures or work.judge(outcomes)


def begin(pool, calls):
	"""Start the boots, those that may take longest first; what outcomes each future is the list of, and the future."""
	order = sorted(calls, key=lambda key: -calls[key].seconds)
	waiting = [key for key in order if calls[key].waits]
	groups = [waiting] * bool(waiting) + [[key] for key in order if not calls[key].waits]
	return [(group, pool.submit(in_turn, [calls[key] for key in group])) for group in groups]


def run(works):
	"""
	The cases of each suite by its name, one after the other as they are there. Those boots that mostly
	wait run one after the other beside the others. Processes, since the child of a thread must not run
	Python before it is a program.
	"""
	calls = {(name, index): call for name, work in works.items() for index, call in enumerate(work.calls)}
	count = AT_ONCE + any(call.waits for call in calls.values())
	with concurrent.futures.ProcessPoolExecutor(count, multiprocessing.get_context("fork")) as pool:
		begun = begin(pool, calls)
		for name, work in works.items():
			done = {}
			for group, future in begun:
				if any(key[0] == name for key in group):
					done.update(zip(group, future.result()))
			yield name, judged(work, [done[name, index] for index in range(len(work.calls))])

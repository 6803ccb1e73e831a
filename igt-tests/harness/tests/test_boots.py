# SPDX-License-Identifier: MIT
"""Tests that boots.py gives each suite the results of its own boots, in their order, whatever other boots run."""

import multiprocessing
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness import step
from harness.boot import boots
from harness.verdict.results import FAIL


# Each boot of these tests is a forked process that only changes these variables, which all processes share. RUNNING is
# the number of boots that run at the moment.
FORK = multiprocessing.get_context("fork")
RUNNING = FORK.Value("i", 0)
CHANGED = FORK.Condition()
MOMENT = 0.3		# seconds that a boot waits to see that no other boot begins
PATIENCE = 5		# the most seconds that a boot waits until another boot begins


def work(calls):
	return boots.Work(calls, list)


def returned(value):
	return value


def busy(seconds):
	"""A boot that ends when another one runs, or after @seconds. Returns whether another one ran."""
	with CHANGED:
		RUNNING.value += 1
		CHANGED.notify_all()
		seen = CHANGED.wait_for(lambda: RUNNING.value > 1, seconds)
		RUNNING.value -= 1
	return seen


def cannot_go_on(reason):
	raise step.Failed(reason)


class Run(unittest.TestCase):
	def test_order(self):
		works = {
			"busy": work([boots.Call(seconds, returned, (seconds,)) for seconds in range(5)]),
			"mixed": work([boots.Call(seconds, returned, (seconds,)) for seconds in range(6)]),
			"none": work([]),
		}
		self.assertEqual(list(boots.run_boots(works)), [("busy", [0, 1, 2, 3, 4]), ("mixed", [0, 1, 2, 3, 4, 5]), ("none", [])])

	def test_failure_is_that_of_its_suite(self):
		works = {
			"bad": work([boots.Call(1, cannot_go_on, ("no kernel",)), boots.Call(1, returned, (1,))]),
			"good": work([boots.Call(1, returned, (2,))]),
		}
		found = dict(boots.run_boots(works))
		self.assertEqual([(case.verdict, case.detail) for case in found["bad"]], [(FAIL, "no kernel")])
		self.assertEqual(found["good"], [2])

	def test_nothing_beside(self):
		calls = [boots.Call(9, busy, (PATIENCE,)) for _ in range(4)]
		calls += [boots.Call(1, busy, (MOMENT,), beside=False) for _ in range(2)]
		found = dict(boots.run_boots({"all": work(calls)}))["all"]
		self.assertEqual(found[4:], [False, False])
		self.assertTrue(any(found[:4]))

	def test_number_at_once(self):
		works = {"all": work([boots.Call(9, busy, (MOMENT,)) for _ in range(3)])}
		self.assertEqual(dict(boots.run_boots(works, at_once=1))["all"], [False, False, False])

	def test_no_boots(self):
		self.assertEqual(list(boots.run_boots({})), [])


if __name__ == "__main__":
	unittest.main()

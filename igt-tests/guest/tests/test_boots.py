# SPDX-License-Identifier: MIT
"""boots.py: each suite gets what its own boots returned, in their order, whatever else runs."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import boots
import step
from results import FAIL


def work(calls):
	return boots.Work(calls, list)


def returned(value):
	return value


def cannot_go_on(reason):
	raise step.Failed(reason)


class Run(unittest.TestCase):
	def test_order(self):
		works = {
			"busy": work([boots.Call(seconds, returned, (seconds,)) for seconds in range(5)]),
			"mixed": work([boots.Call(seconds, returned, (seconds,)) for seconds in range(6)]),
			"none": work([]),
		}
		self.assertEqual(list(boots.run(works)), [("busy", [0, 1, 2, 3, 4]), ("mixed", [0, 1, 2, 3, 4, 5]), ("none", [])])

	def test_failure_is_that_of_its_suite(self):
		works = {
			"bad": work([boots.Call(1, cannot_go_on, ("no kernel",)), boots.Call(1, returned, (1,))]),
			"good": work([boots.Call(1, returned, (2,))]),
		}
		found = dict(boots.run(works))
		self.assertEqual([(case.verdict, case.detail) for case in found["bad"]], [(FAIL, "no kernel")])
		self.assertEqual(found["good"], [2])

	def test_no_boots(self):
		self.assertEqual(list(boots.run({})), [])


if __name__ == "__main__":
	unittest.main()

# SPDX-License-Identifier: MIT
"""
Runs the suite door. Its cases are the test methods in this folder. The first line of a method's docstring is the name
of its case.
"""

import concurrent.futures
import os
import unittest

from harness.door import host
from harness.verdict.results import FAIL, PASS, Case


class Verdicts(unittest.TestResult):
	"""Collects a Case for each test method."""

	def __init__(self):
		super().__init__()
		self.cases = []

	def add(self, test, verdict, detail=""):
		self.cases.append(Case(test.shortDescription() or str(test), verdict, detail))

	def addSuccess(self, test):
		self.add(test, PASS)

	def addFailure(self, test, err):
		self.add(test, FAIL, " ".join(str(err[1]).split()))

	def addError(self, test, err):
		self.add(test, FAIL, f"{err[0].__name__}: {' '.join(str(err[1]).split())}")


def tests(suite):
	"""Yields each test of @suite, also those of suites inside it."""
	for test in suite:
		if isinstance(test, unittest.TestSuite):
			yield from tests(test)
		else:
			yield test


def all_tests():
	top = os.path.dirname(os.path.dirname(host.HERE))
	return tests(unittest.defaultTestLoader.discover(host.HERE, top_level_dir=top))


def names():
	return [test.shortDescription() or str(test) for test in all_tests()]


def verdict_of(test):
	verdicts = Verdicts()
	test.run(verdicts)
	return verdicts.cases


def door_cases():
	# More threads than CPUs, because the tests mostly wait for processes. Each test has a host of its own.
	with concurrent.futures.ThreadPoolExecutor(2 * os.cpu_count()) as pool:
		return sum(pool.map(verdict_of, all_tests()), [])

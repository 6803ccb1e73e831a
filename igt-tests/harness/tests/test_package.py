# SPDX-License-Identifier: MIT
"""Tests which checks of package.py run, and when they run again."""

import os
import shutil
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness import step
from harness.suites import package
from harness.verdict.results import FAIL, PASS


class Package(unittest.TestCase):
	"""Tests package_cases() with a single check, which only counts how often it runs, in a temporary directory."""

	def setUp(self):
		directory = tempfile.mkdtemp()
		self.addCleanup(shutil.rmtree, directory)
		self.runs, self.fails, self.digest = 0, False, "one"
		for name, value in (("DIRECTORY", directory), ("STAMP", os.path.join(directory, "stamp")),
				("SOURCE", directory), ("CHECKS", (self.check,)), ("digest", lambda: self.digest)):
			patch = mock.patch.object(package, name, value)
			patch.start()
			self.addCleanup(patch.stop)
		os.makedirs(os.path.join(directory, "debian/tests"))
		step.write(os.path.join(directory, "debian/tests/examples"), "")
		step.write(os.path.join(directory, "stamp"), "")
		self.addCleanup(step.set_quiet, step.quiet)
		step.set_quiet(True)

	def check(self):
		"""counts"""
		self.runs += 1
		if self.fails:
			raise step.Failed("wrong")

	def verdicts(self):
		return [case.verdict for case in package.package_cases()]

	def test_not_repeated(self):
		self.assertEqual(self.verdicts() + self.verdicts(), [PASS, PASS])
		self.assertEqual(self.runs, 1)

	def test_repeated_after_change(self):
		self.verdicts()
		self.digest = "two"
		self.assertEqual(self.verdicts(), [PASS])
		self.assertEqual(self.runs, 2)

	def test_repeated_after_failure(self):
		self.fails = True
		self.assertEqual(self.verdicts() + self.verdicts(), [FAIL, FAIL])
		self.assertEqual(self.runs, 2)
		with self.assertRaisesRegex(step.Failed, "counts: wrong"):
			package.for_guest()

	def test_no_packages(self):
		case = package.checked(package.lintian, [package.buildable])
		self.assertEqual((case.verdict, case.detail), (FAIL, "there are no packages"))

	def test_choice(self):
		with mock.patch.object(package.project, "test", return_value=[("unit", "OK", "")]) as units:
			self.assertEqual([case.name for case in package.library_cases()], ["unit", *package.names()])
			units.assert_called_once_with("lib", [])
			units.reset_mock()
			self.assertEqual([case.name for case in package.library_cases(["unit"])], ["unit"])
			units.assert_called_once_with("lib", ["unit"])
			units.reset_mock()
			self.assertEqual([case.name for case in package.library_cases(package.names())], package.names())
			units.assert_not_called()


if __name__ == "__main__":
	unittest.main()

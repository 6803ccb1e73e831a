# SPDX-License-Identifier: MIT
"""Tests which packages the suite deb boots, and that it notices when another kernel runs."""

import os
import sys
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness.build import debs
from harness.suites import deb, scenarios
from harness.verdict.results import FAIL, PASS, SKIP


class Boot(unittest.TestCase):
	def test_kernels(self):
		config = scenarios.all_scenarios()
		self.assertEqual([config[name]["kernel"] for name in config.sections() if config[name]["suite"] == deb.SUITE],
			["guest-package", "package"])

	def test_release(self):
		self.assertEqual(deb.release_case("7.3.4-userptr0.1.0-guest\n", "7.3.4-userptr0.1.0-guest").verdict, PASS)
		# Another kernel, or none, must not pass.
		for running in ("7.3.4\n", "7.3.4-userptr0.1.0\n", "", None):
			self.assertEqual(deb.release_case(running, "7.3.4-userptr0.1.0-guest").verdict, FAIL)

	def test_left_out(self):
		for there, sections in ((None, ["deb-guest"]), (object(), ["deb-guest", "deb-debian"])):
			with mock.patch.object(debs, "built", return_value=there):
				config = scenarios.all_scenarios()
				deb.leave_out(config)
				self.assertEqual([name for name in config.sections() if config[name]["suite"] == deb.SUITE], sections)
				cases = deb.left_out()
				self.assertEqual([(case.name, case.verdict) for case in cases], [] if there else [("deb-debian", SKIP)])


if __name__ == "__main__":
	unittest.main()

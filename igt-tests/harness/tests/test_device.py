# SPDX-License-Identifier: MIT
"""Tests the verdicts on programs without IGT, with made-up exit statuses and outputs."""

import os
import re
import shutil
import sys
import tempfile
import types
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness import step
from harness.suites import device, scenarios
from harness.verdict.results import FAIL, PASS, SKIP

PROGRAM = "lib/examples/vmm --way library"
PRINTS = "\n\tvmm --way library: by the library$\n\tother: never\n"


class ArmPrograms(unittest.TestCase):
	def test_packages_are_left_out(self):
		config = scenarios.with_page_size(scenarios.all_scenarios(), "64k")

		def boot(_name, _entry, _image, text, judge):
			self.assertNotIn(device.NEWCOMER, text)
			self.assertIn("meson-arm64", text)
			return judge(types.SimpleNamespace(share="/no/such"))

		with mock.patch.object(scenarios, "boot_scenario", boot):
			cases = device.boot_programs("device-hws-sdma", config["device-hws-sdma"], None)
		self.assertEqual([case.detail for case in cases if case.verdict == SKIP], [device.NO_PACKAGES])
		self.assertEqual(len(cases), len(device.programs(config["device-hws-sdma"])))


class Programs(unittest.TestCase):
	def setUp(self):
		self.share = tempfile.mkdtemp()
		self.addCleanup(shutil.rmtree, self.share)

	def verdict(self, status, log, skips="^$", prints=""):
		step.write(os.path.join(self.share, "0.log"), log)
		step.write(os.path.join(self.share, "0.status"), status)
		where = types.SimpleNamespace(share=self.share)
		return device.case(where, 0, PROGRAM, re.compile(skips), device.prints({"prints": prints}))

	def test_status(self):
		for status, skips, verdict in (("0", "^$", PASS), ("1", "vmm", FAIL), ("", "vmm", FAIL), ("77", "^$", FAIL),
				("77", "^vmm", SKIP)):
			self.assertEqual(self.verdict(status, "text\n", skips).verdict, verdict, status)

	def test_last_line(self):
		for log, verdict in (("a\n4096 pieces by the library\n", PASS), ("4096 pieces by mremap\n", FAIL),
				("4096 pieces by the library\nb\n", FAIL), ("", FAIL)):
			self.assertEqual(self.verdict("0", log, prints=PRINTS).verdict, verdict, log)
		self.assertEqual(self.verdict("77", "no GPU\n", "vmm", PRINTS).verdict, FAIL)
		self.assertIn("status 1", self.verdict("1", "no GPU\n", "vmm", PRINTS).detail)

	def test_every_pattern_has_a_program(self):
		config = scenarios.all_scenarios()
		for section in config.sections():
			names = [os.path.basename(line) for line in device.programs(config[section])]
			for pattern, _ in device.prints(config[section]):
				self.assertTrue(any(re.search(pattern, name) for name in names), f"{section}: {pattern}")


if __name__ == "__main__":
	unittest.main()

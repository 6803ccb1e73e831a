# SPDX-License-Identifier: MIT
"""Tests the verdict on a soak, with made-up counters."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness.suites import soak
from harness.verdict.results import FAIL, PASS

EXACT = f"KFD: System mem used 16M out of 490M\nGTT used: 8192\n{soak.WORKERS}: 0\n"
MEMINFO = "MemTotal:  1020084 kB\nMemAvailable:  800000 kB\nSlab:  9000 kB\n"
ZONEINFO = "  pagesets\n    cpu: 0\n              count:    1000\n              high:     14\n"


# The output of a soak of ten minutes in which nothing fails.
OUTPUT = "Subtest soak: SUCCESS (600.1s)\n" + "".join(
	f"victims: 67\nSubtest {kind}: SUCCESS (100.1s)\n" for kind in ("random", "random-scatter", "random-kfd"))


class Boot:
	"""
	Stands for a qemu.Boot with the files that a guest leaves in its share if nothing fails, but for those @changed.
	"""

	def __init__(self, **changed):
		self.files = {"output": OUTPUT, "calls-before": "100\n", "calls-after": "36100\n"}
		for when in ("before", "after"):
			self.files |= {f"{when}-exact": EXACT, f"{when}-meminfo": MEMINFO, f"{when}-zoneinfo": ZONEINFO}
		self.files |= {name.replace("_", "-"): text for name, text in changed.items()}

	def shared(self, name):
		return self.files.get(name)


def failed(**changed):
	return [case.name for case in soak.judge_soak(Boot(**changed), 600) if case.verdict == FAIL]


class Judge(unittest.TestCase):
	def test_good(self):
		cases = soak.judge_soak(Boot(), 600)
		self.assertEqual({case.verdict for case in cases}, {PASS})
		self.assertEqual(len(cases), 8)

	def test_program(self):
		self.assertEqual(failed(output=OUTPUT.replace("soak: SUCCESS", "soak: FAIL")), ["soak"])

	def test_victims(self):
		self.assertEqual(failed(output=OUTPUT.replace("random-kfd: SUCCESS", "random-kfd: SKIP")), ["victims"])
		self.assertEqual(failed(output=OUTPUT.replace("67", "66", 1)), ["victims"])
		self.assertEqual(failed(output=OUTPUT.split("\n")[0] + "\n"), ["victims"])

	def test_number_of_victims(self):
		self.assertEqual(soak.victims_of(600), 67)
		self.assertEqual(soak.victims_of(12), 2)
		self.assertEqual(soak.victims_of(1), 1)

	def test_worker_that_sleeps_on(self):
		self.assertEqual(failed(after_exact=EXACT.replace(": 0\n", ": 1\n")), [soak.WORKERS])
		# It is no failure if a worker slept before the soak and does not sleep after it.
		self.assertEqual(failed(before_exact=EXACT.replace(": 0\n", ": 1\n")), [])

	def test_too_few_invalidations(self):
		self.assertEqual(failed(calls_after="36099\n"), ["invalidations"])
		self.assertEqual(failed(calls_after=""), ["invalidations"])

	def test_counter_that_does_not_return(self):
		self.assertEqual(failed(after_exact=EXACT.replace("8192", "12288")), ["GTT used"])
		self.assertEqual(failed(after_exact=EXACT.replace("16M", "17M")), ["KFD"])
		self.assertEqual(failed(after_exact=""), ["GTT used", "KFD", soak.WORKERS])

	def test_tolerance(self):
		self.assertEqual(failed(after_meminfo=MEMINFO.replace("9000", "10024")), [])
		self.assertEqual(failed(after_meminfo=MEMINFO.replace("9000", "10025")), [soak.SLAB])
		self.assertEqual(failed(after_meminfo=MEMINFO.replace("800000", "797952")), [])
		self.assertEqual(failed(after_meminfo=MEMINFO.replace("800000", "797951")), [soak.AVAILABLE])
		self.assertEqual(failed(after_meminfo=""), [soak.AVAILABLE, soak.SLAB])

	def test_lists_of_the_cpus_count_as_free(self):
		self.assertEqual(failed(after_meminfo=MEMINFO.replace("800000", "780000"),
			after_zoneinfo=ZONEINFO.replace("1000", "6000")), [])

	def test_nothing_left(self):
		boot = Boot()
		boot.files.clear()
		self.assertEqual([case.name for case in soak.judge_soak(boot, 600) if case.verdict == FAIL],
			["soak", "invalidations", "victims", "memory counters"])


unittest.main()

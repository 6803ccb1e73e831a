# SPDX-License-Identifier: MIT
"""
Tests which trials share a boot, that each gets only the evidence between its own marks, and the verdict on it.
"""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness.suites import shared, trials
from harness.verdict import evidence, results

TRACE = """t=1 violation rule=R1 early
t=2 mark value=1
t=3 violation rule=R2 first
t=4 mark value=0
t=5 violation rule=R3 between
t=6 mark value=2
t=7 violation rule=R4 second
t=7 violation rule=R4 second
t=8 mark value=0
"""
LOG = """[    1.0] before
[    2.0] trial: begin one.\r
[    3.0] of one\r
[    4.0] trial: end one.\r
[    5.0] between
[    6.0] trial: begin one-more.
[    7.0] of one-more
[    8.0] trial: end one-more.
[    9.0] trial: begin last.
[   10.0] of last
"""


def trial(**keys):
	return {**dict.fromkeys(("vgpu", "params", "alone"), ""), "mode": "hws-sdma", **keys}


class Shared(unittest.TestCase):

	def rules(self, number):
		found = evidence.Evidence("", "", "none")
		found.take(shared.trace_part(TRACE, number))
		return dict(found.rules)

	def test_the_trace_is_divided_at_its_marks(self):
		self.assertEqual(self.rules(1), {"R2": 1})
		self.assertEqual(self.rules(2), {"R4": 2})
		self.assertEqual(self.rules(3), {})

	def test_so_is_the_log(self):
		self.assertEqual(shared.log_part(LOG, "one"), "[    3.0] of one\r\n[    4.0] ")
		self.assertEqual(shared.log_part(LOG, "one-more"), "[    7.0] of one-more\n[    8.0] ")

	def test_a_trial_without_an_end_has_no_evidence(self):
		self.assertIsNone(shared.log_part(LOG, "last"))
		self.assertIsNone(shared.log_part(LOG, "never"))

	def test_a_line_is_counted_once(self):
		for dmesg, console in ((LOG, LOG), (LOG, ""), ("", LOG)):
			self.assertEqual(evidence.Evidence(dmesg, console, None).count(r"\] of one"), 2)

	def test_only_what_changes_at_run_time_is_shared(self):
		table = {f"t{i}": trial() for i in range(9)}
		table.update(params=trial(params="x=1"), alone=trial(alone="yes"), other=trial(mode="nohws-cpu"))
		boots = shared.groups(table, list(table))
		self.assertEqual(sorted(sum(boots, [])), sorted(table))
		self.assertEqual(boots[-2:], [["params"], ["alone"]])
		self.assertIn(["other"], boots)
		self.assertEqual([len(boot) for boot in boots if boot[0].startswith("t")], [5, 4])

	def test_a_boot_has_one_fault_of_a_name(self):
		table = {"slow": trial(vgpu="--fault slow-preempt:steps=500"), "late": trial(vgpu="--fault late-tlb-ack"),
			"again": trial(vgpu="--fault slow-preempt"), "other": trial(vgpu="--fault slow-preempt", mode="nohws-cpu")}
		self.assertEqual(shared.groups(table, list(table)), [["slow", "late"], ["other"], ["again"]])

	def test_a_boot_has_one_set_of_options(self):
		table = {name: trial() for name in ("one", "held", "two", "held too")}
		self.assertEqual(shared.groups(table, list(table), lambda name: "--hdp-fifo 8" if "held" in name else ""),
			[["one", "two"], ["held", "held too"]])

	def test_faults_are_bound_to_the_marks(self):
		self.assertEqual(shared.bound("--fault stale-mqd", 3), "--fault stale-mqd:mark=3")
		self.assertEqual(shared.bound("--fault slow-preempt:steps=5 --fault late-tlb-ack", 12),
			"--fault slow-preempt:steps=5,mark=12 --fault late-tlb-ack:mark=12")
		self.assertEqual(shared.bound("", 1), "")


class Verdict(unittest.TestCase):
	"""Tests the verdict on a trial whose test has to fail."""

	def problems(self, fails, case, *boot_problems):
		keys = {**dict.fromkeys(trials.KEYS, ""), "fails": fails, "log": "cp hangs"}
		return trials.problems_of(keys, {"test": case}, evidence.Evidence("cp hangs", "", "none"), boot_problems)

	def test_reason(self):
		case = results.Case("test", results.FAIL, "fail: queue 0: fence 2 wanted, at 1")
		self.assertEqual(self.problems(r"fence \d+ wanted", case), [])
		self.assertEqual(len(self.problems("read by the GPU", case)), 1)

	def test_another_gpu(self):
		"""The test fails as it should, but the guest has not the GPU that the boot is about."""
		case = results.Case("test", results.FAIL, "fail: wrong")
		self.assertEqual(self.problems("wrong", case, "violations of R1", results.LACKS + "created: 2$"), [results.LACKS + "created: 2$"])

	def test_no_failure(self):
		for verdict, detail in ((results.PASS, ""), (results.FAIL, "dmesg-warn: cp hangs")):
			self.assertEqual(len(self.problems(".?", results.Case("test", verdict, detail))), 1, detail)

	def test_each_trial_names_a_reason(self):
		for suite in trials.TABLES:
			table = trials.all_trials(suite)
			for name in table.sections():
				fails = table[name]["fails"]
				for detail in ("", "crash: ", "timeout: ", "did not run", "fail: something else"):
					self.assertFalse(fails and re.search(fails, detail), f"{name}: {detail}")


if __name__ == "__main__":
	unittest.main()

# SPDX-License-Identifier: MIT
"""Tests the check of the test lists (igt-tests/testlists/check.py), with made-up lists and programs."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../.."))
sys.path.insert(0, os.path.join(HERE, "../../testlists"))

import check

A, B, C = (check.PREFIX + name for name in ("amd_a", "amd_b", "amd_c"))
PROGRAMS = {A: [A + "@one", A + "@two"], B: [B + "@one", B + "@two"], C: [C + "@one"]}
GOOD = {
	"fast-feedback.testlist": [A + "@one"],
	"full.testlist": [A, B + "@one"],
	"destructive.testlist": [B + "@two", C],
	"blocklist": ["^igt@amdgpu/amd_b@two$", "AMD_C@"],
}


def problems(**changes):
	return check.problems_of({**GOOD, **{name.replace("_", "-").replace("-list", ".testlist"): lines
		for name, lines in changes.items()}}, PROGRAMS)


class Lists(unittest.TestCase):
	def test_good(self):
		self.assertEqual(problems(), [])

	def test_bad(self):
		"""Each of these changes causes exactly the problems that stand beside it."""
		for text, number, changes in (
				("there is no test " + A + "@gone", 1, {"fast_feedback_list": [A + "@gone"]}),
				("there is no test " + A + "@gone", 1, {"full_list": [*GOOD["full.testlist"], A + "@gone"]}),
				("there is no test igt@amdgpu/amd_d", 1, {"destructive_list": [*GOOD["destructive.testlist"], check.PREFIX + "amd_d"]}),
				(A + "@one is there twice", 1, {"full_list": [*GOOD["full.testlist"], A + "@one"]}),
				(A + "@two is in none of full and destructive", 1, {"full_list": [A + "@one", B + "@one"]}),
				(B + "@two is in full and destructive", 1, {"full_list": [A, B]}),
				(B + "@two is in fast-feedback, but not in full", 1, {"fast_feedback_list": [B + "@two"]}),
				("matches no destructive test", 1, {"blocklist": [*GOOD["blocklist"], "amd_d"]}),
				(B + "@two is in only one of blocklist and destructive", 1, {"blocklist": ["amd_c"]}),
				(A + "@two is in only one of blocklist and destructive", 1, {"blocklist": ["@two$", "amd_c"]})):
			found = problems(**changes)
			self.assertEqual(len(found), number, (text, found))
			self.assertIn(text, found[0])

	def test_runner(self):
		"""igt_runner has to find the same tests; one test more or less in a plan is one problem."""
		plans = {"fast-feedback.testlist": {A + "@one"}, "full.testlist": {A + "@one", A + "@two", B + "@one"},
			"destructive.testlist": {B + "@two", C + "@one"}, "blocklist": {A + "@one", A + "@two", B + "@one"}}

		def plan(option, path):
			name = os.path.basename(path).removeprefix("amd-userptr.")
			self.assertEqual(option, "-b" if name == "blocklist" else "--test-list")
			return plans[name]

		self.assertEqual(check.runner_problems(GOOD, PROGRAMS, plan), [])
		for name, tests in list(plans.items()):
			plans[name] = tests | {B + "@three"}
			self.assertEqual(check.runner_problems(GOOD, PROGRAMS, plan), [f"{name}: igt_runner would run {B}@three"])
			gone = min(tests)
			plans[name] = tests - {gone}
			self.assertEqual(check.runner_problems(GOOD, PROGRAMS, plan), [f"{name}: igt_runner would not run {gone}"])
			plans[name] = tests

	def test_comments(self):
		"""The lists of this project have tests, and no comment counts as one."""
		for name in GOOD:
			found = check.lines(name)
			self.assertTrue(found, name)
			self.assertFalse([line for line in found if not line.lstrip("^").startswith(check.PREFIX)], name)


if __name__ == "__main__":
	unittest.main()

# SPDX-License-Identifier: MIT
"""Tests the verdict on KUnit tests: what is missing, failed or skipped in the kernel's log is a failure."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness.verdict import kunit
from harness.verdict.results import FAIL, PASS

SOURCE = """
static struct kunit_case cases[] = {
	KUNIT_CASE(test_one),
	KUNIT_CASE_SLOW(test_two),
	{}
};

static struct kunit_suite suite = {
	.name = "first",
	.init = init_test,
	.test_cases = cases,
};
"""
OTHER = """
static struct kunit_case other_cases[] = {
	KUNIT_CASE(test_three),
	{}
};

static struct kunit_suite other = {
	.name = "second",
	.test_cases = other_cases,
};
kunit_test_suite(other);
"""
WANTED = {"first": ["test_one", "test_two"], "second": ["test_three"]}
GOOD = """[    4.000000] kunit: disabled
[    9.000000] kunit.sh: begin
[    9.100000] KTAP version 1
[    9.100000] 1..2
[    9.100000]     KTAP version 1
[    9.100000]     # Subtest: first
[    9.100000]     # module: amdgpu
[    9.100000]     1..2
[    9.200000]     ok 1 test_one
[    9.250000] amdgpu 0000:01:00.0: another line
[    9.300000]     ok 2 test_two
[    9.300000] # first: pass:2 fail:0 skip:0 total:2
[    9.300000] # Totals: pass:2 fail:0 skip:0 total:2
[    9.300000] ok 1 first
[    9.300000]     KTAP version 1
[    9.300000]     # Subtest: second
[    9.300000]     # module: amdgpu
[    9.300000]     1..1
[    9.400000]     ok 1 test_three
[    9.400000] ok 2 second
"""
ALL = ["first.test_one", "first.test_two", "first", "second.test_three", "second"]


def failures(log, wanted=None):
	"""Returns {name: reason} of the cases of @log that failed."""
	return {case.name: case.detail for case in kunit.cases(log, WANTED if wanted is None else wanted) if case.verdict == FAIL}


class Sources(unittest.TestCase):
	def test_suites_and_tests(self):
		self.assertEqual(kunit.tests_in(SOURCE) | kunit.tests_in(OTHER), WANTED)
		self.assertEqual(kunit.tests_in(SOURCE + OTHER), WANTED)

	def test_no_tests(self):
		self.assertEqual(list(failures(GOOD, {}))[-1], "sources")
		self.assertIn("sources", failures(GOOD, {**WANTED, "third": []}))


class Verdict(unittest.TestCase):
	def test_all_pass(self):
		cases = kunit.cases(GOOD, WANTED)
		self.assertEqual([case.name for case in cases], ALL)
		self.assertEqual({case.verdict for case in cases}, {PASS})

	def test_nothing_ran(self):
		for log in ("", "[    4.000000] kunit: disabled\n[    9.000000] kunit.sh: begin\n[    9.100000] kunit: disabled\n",
				GOOD.replace("kunit.sh: begin", "")):
			self.assertEqual(failures(log), dict.fromkeys(ALL, "did not run"))

	def test_results_before_the_line_do_not_count(self):
		self.assertEqual(failures(GOOD + "[   20.000000] kunit.sh: begin\n"), dict.fromkeys(ALL, "did not run"))

	def test_suite_is_missing(self):
		log = GOOD[:GOOD.index("[    9.300000]     KTAP version 1")]
		self.assertEqual(failures(log), dict.fromkeys(["second.test_three", "second"], "did not run"))

	def test_test_is_missing(self):
		self.assertEqual(failures(GOOD.replace("    ok 2 test_two", "")), {"first.test_two": "did not run"})

	def test_suite_has_no_result(self):
		self.assertEqual(failures(GOOD.replace("] ok 2 second", "] ")), {"second": "did not run"})

	def test_failure_has_its_reason(self):
		log = GOOD.replace("[    9.300000]     ok 2 test_two",
			"[    9.260000]     # test_two: EXPECTATION FAILED at drivers/a.c:7\n"
			"[    9.260000]     Expected a == b, but\n[    9.300000]     not ok 2 test_two").replace("] ok 1 first", "] not ok 1 first")
		self.assertEqual(failures(log), {"first.test_two": "EXPECTATION FAILED at drivers/a.c:7", "first": "not ok"})

	def test_skip_is_a_failure(self):
		log = GOOD.replace("ok 1 test_three", "ok 1 test_three # SKIP no machine")
		self.assertEqual(failures(log), {"second.test_three": "SKIP no machine"})

	def test_test_that_the_sources_lack(self):
		log = GOOD.replace("    ok 1 test_three", "    ok 1 test_three\n[    9.400000]     ok 2 test_four")
		self.assertEqual(failures(log), {"second.test_four": "is not in the sources"})


if __name__ == "__main__":
	unittest.main()

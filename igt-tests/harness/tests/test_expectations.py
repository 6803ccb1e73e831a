# SPDX-License-Identifier: MIT
"""Tests the verdict by expectation files, and how the suite outside reads results, with made-up files and results."""

import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness.suites import outside
from harness.verdict import expectations
from harness.verdict.expectations import Expectations, Malformed, Result
from harness.verdict.results import FAIL, PASS, SKIP

TESTS = ["amdgpu/amd_a@one", "amdgpu/amd_a@two", "amdgpu/amd_b@one"]
PASSED = {test: Result("pass") for test in TESTS}

FLAKE = """
# Board Name: vgpu
# Bug Report: https://example.org/1
# Failure Rate: 50
# IGT Version: 2.5
# Linux Version: 7.3.4
amdgpu/amd_b@one
"""


def judged(expected, words=None, tests=None):
	"""
	Judge results by the Expectations @expected. All tests pass but those in @words, {test: igt_runner's word};
	"absent" stands for a test that did not run. Returns {name: Case} of the cases that are not passed.
	"""
	found = {**PASSED, **{test: Result(word, "it broke") for test, word in (words or {}).items()}}
	tests = TESTS if tests is None else tests
	cases = expected.judge_results(tests, {test: result for test, result in found.items()
		if test in expected.to_run(tests) and result.word != "absent"})
	return {case.name: case for case in cases if case.verdict != PASS}


class Files(unittest.TestCase):
	"""Tests which lines a file may have."""

	def malformed(self, words, **files):
		with self.assertRaises(Malformed) as caught:
			Expectations(**files)
		self.assertIn(words, str(caught.exception))

	def test_reasons(self):
		found = expectations.entries("fails", "# first\n# line\na,Fail\nb,Fail\n# second\nc,Fail\n\n# third\nd,Skip\n")
		self.assertEqual([(entry.text, entry.reason, entry.place) for entry in found], [
			("a,Fail", "first line", "fails:3"), ("b,Fail", "first line", "fails:4"),
			("c,Fail", "second", "fails:6"), ("d,Skip", "third", "fails:9")])

	def test_reason_missing(self):
		self.malformed("fails:1: no comment", fails="a,Fail\n")
		self.malformed("fails:4: no comment", fails="# why\na,Fail\n\nb,Fail\n")
		self.malformed("skips:2: no comment", skips="#\na\n")

	def test_licence_is_no_reason(self):
		self.malformed("fails:2: no comment", fails="# SPDX-License-Identifier: MIT\na,Fail\n")

	def test_status(self):
		for line in ("a", "a,Pass", "a,fail", "a,Broken", "a,"):
			self.malformed("fails:2: not TEST,STATUS", fails=f"# why\n{line}\n")

	def test_twice(self):
		self.malformed("fails:3: a is listed twice", fails="# why\na,Fail\na,Skip\n")

	def test_expression(self):
		self.malformed("skips:2: not a regular expression", skips="# why\n(a\n")

	def test_flake_header(self):
		Expectations(flakes=FLAKE)
		for field in expectations.FLAKE_HEADER:
			lines = [line for line in FLAKE.splitlines() if not line.startswith(f"# {field}")]
			self.malformed(field, flakes="\n".join(lines))

	def test_load(self):
		with tempfile.TemporaryDirectory() as directory:
			for kind in expectations.FILES:
				with self.assertRaises(Malformed):
					expectations.load(directory, "board")
				with open(os.path.join(directory, f"board-{kind}.txt"), "w", encoding="utf-8") as f:
					f.write("# why\namdgpu/x,Fail\n" if kind == "fails" else "")
			self.assertIn("amdgpu/x", expectations.load(directory, "board").fails)
			with open(os.path.join(directory, "more-fails.txt"), "w", encoding="utf-8") as f:
				f.write("# Why\namdgpu/y,Fail\n")
			both = expectations.load(directory, "board", "more").fails
			self.assertEqual(set(both), {"amdgpu/x", "amdgpu/y"})
			self.assertEqual(both["amdgpu/y"][1].place, "more-fails:2")
			with self.assertRaises(Malformed):
				expectations.load(directory, "board", "no-such")


class Verdicts(unittest.TestCase):
	"""Tests the verdict on results."""

	def test_all_pass(self):
		self.assertEqual(judged(Expectations()), {})

	def test_unexpected(self):
		words = ("skip", "fail", "crash", "timeout", "warn", "dmesg-warn", "dmesg-fail", "incomplete", "abort", "notrun")
		for word in words:
			cases = judged(Expectations(), {TESTS[1]: word})
			self.assertEqual(list(cases), [TESTS[1]])
			self.assertEqual(cases[TESTS[1]].verdict, FAIL)
			self.assertEqual(cases[TESTS[1]].detail, f"{word}: it broke")

	def test_expected(self):
		for word, status in expectations.STATUS.items():
			if word == "pass":
				continue
			case = judged(Expectations(fails=f"# the reason\n{TESTS[1]},{status}\n"), {TESTS[1]: word})[TESTS[1]]
			self.assertEqual(case.verdict, SKIP)
			self.assertIn("the reason", case.detail)

	def test_unexpected_pass(self):
		for status in expectations.EXPECTABLE:
			case = judged(Expectations(fails=f"# why\n{TESTS[1]},{status}\n"))[TESTS[1]]
			self.assertEqual(case.verdict, FAIL)
			self.assertIn(f"expected {status} by fails:2", case.detail)

	def test_other_failure(self):
		case = judged(Expectations(fails=f"# why\n{TESTS[1]},Skip\n"), {TESTS[1]: "fail"})[TESTS[1]]
		self.assertEqual(case.verdict, FAIL)

	def test_interrupted_cannot_be_expected(self):
		for word in ("incomplete", "abort", "notrun"):
			case = judged(Expectations(fails=f"# why\n{TESTS[1]},Crash\n"), {TESTS[1]: word})[TESTS[1]]
			self.assertEqual(case.verdict, FAIL)

	def test_skips(self):
		expected = Expectations(skips="# takes the machine down\namd_a@\n")
		self.assertEqual(expected.to_run(TESTS), TESTS[2:])
		cases = judged(expected)
		self.assertEqual([(case.name, case.verdict) for case in cases.values()], [("amd_a@ (2)", SKIP)])

	def test_flake(self):
		expected = Expectations(flakes=FLAKE)
		self.assertEqual(judged(expected), {})
		self.assertEqual(judged(expected, {TESTS[2]: "fail"})[TESTS[2]].verdict, SKIP)
		self.assertEqual(judged(expected, {TESTS[2]: "absent"})[TESTS[2]].verdict, FAIL)

	def test_did_not_run(self):
		case = judged(Expectations(), {TESTS[0]: "absent"})[TESTS[0]]
		self.assertEqual((case.verdict, case.detail), (FAIL, "did not run"))

	def test_ran_though_skipped(self):
		cases = Expectations(skips="# why\namd_b@\n").judge_results(TESTS, PASSED)
		self.assertEqual([case.name for case in cases if case.verdict == FAIL], [TESTS[2]])

	def test_nothing_passed(self):
		fails = "".join(f"{test},Skip\n" for test in TESTS)
		cases = judged(Expectations(fails="# why\n" + fails), dict.fromkeys(TESTS, "skip"))
		self.assertEqual([case.name for case in cases.values() if case.verdict == FAIL], ["expectations"])

	def test_stale(self):
		for files in ({"fails": "# why\namdgpu/gone,Fail\n"}, {"skips": "# why\ngone\n"},
				{"flakes": FLAKE.replace("amd_b@one", "gone")},
				{"skips": "# why\namd_a@\n# why\namd_a@one\n"},
				{"flakes": FLAKE, "skips": "# why\namd_b@\n"}, {"flakes": FLAKE + "amdgpu/amd_b@o\n"}):
			cases = judged(Expectations(**files))
			self.assertEqual(sum(case.verdict == FAIL for case in cases.values()), 1, files)

	def test_in_two_files(self):
		fails = f"# why\n{TESTS[2]},Fail\n"
		for other in ({"skips": "# why\namd_b@\n"}, {"flakes": FLAKE}):
			stale = Expectations(fails=fails, **other).stale(TESTS)
			self.assertEqual([case.name for case in stale], [TESTS[2]], other)


class Words(unittest.TestCase):
	"""Tests how outside.py reads the results.json of igt_runner."""

	def test_not_counted(self):
		line = "<4> [9.3] === TOTAL (all subtests in amd_basic binary): 0 min 0 sec ==="
		other = "<4> [9.4] amdgpu 0000:01:00.0: something else"
		for result, words in (("dmesg-warn", "pass"), ("dmesg-fail", "fail"), ("skip", "skip"), ("crash", "crash")):
			self.assertEqual(outside.word({"result": result, "dmesg-warnings": line}), words)
			self.assertEqual(outside.word({"result": result, "dmesg-warnings": f"{line}\n{other}"}), result)
			self.assertEqual(outside.word({"result": words}), words)

	def test_results(self):
		with tempfile.TemporaryDirectory() as directory:
			self.assertEqual(outside.igt_results(os.path.join(directory, "absent"), TESTS), {})
			with open(os.path.join(directory, "results.json"), "w", encoding="utf-8") as f:
				json.dump({"tests": {"igt@amdgpu/amd_a@upper-case": {"result": "pass"},
					"igt@amdgpu/amd_b@one": {"result": "notrun"}}}, f)
			found = outside.igt_results(directory, ["amdgpu/amd_a@Upper-Case", "amdgpu/amd_b@one"])
			self.assertEqual({test: result.word for test, result in found.items()},
				{"amdgpu/amd_a@Upper-Case": "pass"})


class Rocminfo(unittest.TestCase):
	"""Tests the verdict on the agents that rocminfo lists."""

	@staticmethod
	def agent(number, name, kind):
		return (f"*******                  \nAgent {number}                  \n*******                  \n"
			f"  Name:                    {name}                             \n"
			f"  Device Type:             {kind}                             \n"
			f"  ISA Info:                \n    ISA 1                    \n"
			f"      Name:                    amdgcn-amd-amdhsa--gfx942:sramecc+:xnack-\n")

	def test_listed(self):
		text = self.agent(1, "QEMU TCG CPU", "CPU") + self.agent(2, "gfx942", "GPU")
		self.assertEqual(outside.rocminfo_case("0", text).verdict, PASS)

	def test_not_listed(self):
		for text in ("", self.agent(1, "gfx942", "CPU"), self.agent(1, "gfx900", "GPU")):
			self.assertEqual(outside.rocminfo_case("0", text).verdict, FAIL)

	def test_status(self):
		text = self.agent(1, "gfx942", "GPU")
		for status in ("1", "124", ""):
			self.assertEqual(outside.rocminfo_case(status, text).verdict, FAIL)


if __name__ == "__main__":
	unittest.main()

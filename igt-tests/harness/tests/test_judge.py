# SPDX-License-Identifier: MIT
"""
Tests the command igt-tests/judge: that it gives the same verdict as ./run test on the same results of igt_runner and
the same kernel log, that it needs nothing of the build root, and that the files of the boards are well-formed.
"""

import contextlib
import glob
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

IGT_TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, IGT_TESTS)

from harness.boot import qemu
from harness.verdict import expectations, judge, results
from harness.verdict.expectations import Expectations
from harness.verdict.results import FAIL, PASS

JUDGE = os.path.join(IGT_TESTS, "judge")
BOARDS = ["mi210", "mi300x", "rx7900", "rx9070", "strix-halo"]
ONE, TWO, THREE = "amdgpu/amd_a@one", "amdgpu/amd_a@two", "amdgpu/amd_b@one"
TESTS = [ONE, TWO, THREE]
WORDS = ("pass", "skip", "fail", "warn", "crash", "timeout", "dmesg-warn", "dmesg-fail", "incomplete", "abort", "absent",
	"logged")
SPLAT = "WARNING: possible circular locking dependency detected"


def entry(word):
	if word == "logged":
		# Another program than igt_runner ran the test.
		return {"dmesg": "<6> [1.0] [IGT] amd_a: starting subtest one\n"}
	return {"result": word, "out": "Subtest one: SKIP\n" if word == "skip" else "",
		"err": "Failed assertion: a == b\n" if word == "fail" else "",
		"dmesg": "<6> [1.0] [IGT] amd_a: starting subtest one\n"}


class Run:
	"""The files that igt_runner leaves, in a directory that looks like a boot's, which both judges can read."""

	def __init__(self, directory, words, log="", whole=False):
		self.boot = qemu.Boot(directory)
		os.makedirs(self.boot.share)
		self.results = os.path.join(self.boot.share, "results")
		os.mkdir(self.results)
		tests = {judge.PREFIX + test: entry(words.get(test, "pass")) for test in TESTS if words.get(test) != "absent"}
		self.write("results.json", json.dumps({"tests": tests}))
		self.write("joblist.txt", "amdgpu/amd_a\namdgpu/amd_b\n" if whole else "amdgpu/amd_a one,two\namdgpu/amd_b one\n")
		self.write("dmesg", log)
		with open(self.boot.dmesg, "w", encoding="utf-8") as file:
			file.write(log)

	def write(self, name, text):
		with open(os.path.join(self.results, name), "w", encoding="utf-8") as file:
			file.write(text)

	def suite(self, may_skip="^$", must_fail=""):
		"""Returns the cases that the suite igt makes of this run, as suites/scenarios.py does."""
		cases = results.igt_cases([os.path.join(self.results, "results.json")], [judge.PREFIX + test for test in TESTS],
			re.compile(may_skip), [], results.expected_fails(must_fail))
		problems = results.kernel_problems(self.boot)
		return [*cases, results.Case("boot", FAIL if problems else results.PASS, "; ".join(problems))]

	def judge(self, **files):
		return judge.cases_of(self.results, Expectations(**files))


def printed(cases):
	"""Returns the exit status of a report of the @cases, and its lines in a form that both judges have in common."""
	out = io.StringIO()
	with contextlib.redirect_stdout(out):
		status = results.report({"board": cases})
	text = out.getvalue().replace(judge.PREFIX, "")
	# The suite has a case for the boot, of which the kernel's log is a part, and the judge has one for the log.
	return status, sorted(re.sub(r": (boot|kernel log): ", ": log: ", text).splitlines())


class Temporary(unittest.TestCase):
	def setUp(self):
		parent = tempfile.TemporaryDirectory()
		self.addCleanup(parent.cleanup)
		self.parent, self.number = parent.name, 0

	def run_of(self, words, **more):
		self.number += 1
		return Run(os.path.join(self.parent, str(self.number)), words, **more)


class SameVerdict(Temporary):
	def test_every_word(self):
		for word in WORDS:
			run = self.run_of({TWO: word})
			status, lines = printed(run.judge())
			self.assertEqual((status, lines), printed(run.suite()), word)
			self.assertEqual(status, 0 if word == "pass" else 1, word)

	def test_expected_skip(self):
		for word in WORDS:
			run = self.run_of({TWO: word})
			ours = {case.name: case.verdict for case in run.judge(fails=f"# it lacks something\n{TWO},Skip\n")}
			suite = {case.name.removeprefix(judge.PREFIX): case.verdict for case in run.suite(may_skip=TWO)}
			# If the test passes, the two differ: the suite permits that, too, but the judge fails until
			# somebody removes the entry from the board's file.
			if word != "pass":
				self.assertEqual(ours[TWO], suite[TWO], word)
			self.assertEqual(ours[ONE], suite[ONE])

	def test_expected_failure(self):
		for word in WORDS:
			run = self.run_of({TWO: word})
			ours = printed(run.judge(fails=f"# a stock bug\n{TWO},Fail\n"))[0]
			suite = printed(run.suite(must_fail="amd_a@two: a == b"))[0]
			# For dmesg-fail the two differ: the suite takes only the word "fail", with the right reason.
			# For the judge both words mean the status Fail.
			if word != "dmesg-fail":
				self.assertEqual(ours, suite, word)

	def test_kernel_log(self):
		for log in (f"[    9.1] {SPLAT}\n[    9.2] {SPLAT}\n", "[    9.1] usb 1-1: new device\n"):
			run = self.run_of({}, log=log)
			self.assertEqual(printed(run.judge()), printed(run.suite()))
			self.assertEqual(printed(run.judge())[0], 1 if SPLAT in log else 0)

	def test_log_of_a_test(self):
		"""Without a log of the whole run, the logs of the tests still count; with it, each line counts once."""
		for log in ("", f"[9.1] {SPLAT}\n"):
			run = self.run_of({}, log=log)
			tests = {judge.PREFIX + test: {**entry("pass"), "dmesg": f"<4> [9.1] {SPLAT}\n"} for test in TESTS}
			run.write("results.json", json.dumps({"tests": tests}))
			self.assertEqual([case.detail for case in run.judge() if case.verdict == FAIL], [SPLAT])

	def test_nothing_passed(self):
		run = self.run_of(dict.fromkeys(TESTS, "skip"))
		self.assertEqual(printed(run.judge())[0], 1)
		fails = "".join(f"{test},Skip\n" for test in TESTS)
		self.assertEqual(printed(run.judge(fails="# why\n" + fails))[0], printed(run.suite(may_skip="."))[0])
		self.assertEqual(printed(run.judge(fails="# why\n" + fails))[0], 1)


class Results(Temporary):
	def failed(self, run):
		return {case.name: case.detail for case in run.judge() if case.verdict == FAIL}

	def test_whole_programs(self):
		self.assertEqual(self.failed(self.run_of({}, whole=True)), {})
		run = self.run_of({ONE: "absent", TWO: "absent"}, whole=True)
		self.assertEqual(self.failed(run), {"amdgpu/amd_a": "did not run"})

	def test_no_results(self):
		for name, text in (("results.json", "{"), ("results.json", "{}"), ("joblist.txt", "")):
			run = self.run_of({})
			run.write(name, text)
			self.assertEqual(list(self.failed(run)), ["igt_runner"], name)

	def test_aborted(self):
		"""igt_runner reports an abort as a test of its own, and the tests behind it as not run."""
		run = self.run_of({TWO: "incomplete", THREE: "notrun"})
		with open(os.path.join(run.results, "results.json"), encoding="utf-8") as file:
			tests = json.load(file)["tests"]
		run.write("results.json", json.dumps({"tests": {**tests, "igt@runner@aborted": entry("fail")}}))
		failed = self.failed(run)
		self.assertEqual(set(failed), {TWO, THREE, "runner@aborted"})
		self.assertEqual(failed[THREE], "did not run")


class RunTime(Temporary):
	"""The limit of a list counts the time of its programs, as igt_runner measured it."""

	def judged(self, within, *seconds):
		run = self.run_of({})
		with open(os.path.join(run.results, "results.json"), encoding="utf-8") as file:
			tests = json.load(file)["tests"]
		runtimes = {f"igt@amdgpu/amd_{number}": {"time": {"start": 1.0, "end": 1.0 + time}}
			for number, time in enumerate(seconds)}
		run.write("results.json", json.dumps({"tests": tests, "runtimes": runtimes}))
		cases = judge.cases_of(run.results, Expectations(), within)
		suite = results.time_case(run.results, within)
		found = [case for case in cases if case.name == "run time"]
		self.assertEqual(found, suite)
		return [(case.verdict, case.detail) for case in found]

	def test_limit(self):
		self.assertEqual(self.judged(300, 100.5, 199.5), [(PASS, "300 seconds, of at most 300")])
		self.assertEqual(self.judged(300, 101.0, 200.0), [(FAIL, "301 seconds, of at most 300")])
		self.assertEqual(self.judged(0, 101.0, 200.0), [])

	def test_no_times(self):
		"""A run without times must not count as a short one."""
		self.assertEqual([verdict for verdict, _ in self.judged(300)], [FAIL])
		run = self.run_of({})
		for text in ("", "[]", '{"runtimes": {"igt@amdgpu/amd_a": {}}}', '{"runtimes": {"igt@amdgpu/amd_a": {"time": 1}}}'):
			run.write("results.json", text)
			self.assertEqual([case.verdict for case in results.time_case(run.results, 300)], [FAIL], text)


class Command(Temporary):
	"""Runs the command as a user does, on a machine that has Python only."""

	def call(self, *words):
		return subprocess.run([sys.executable, "-S", JUDGE, *words], cwd=self.parent, env={}, capture_output=True,
			text=True, timeout=60, check=False)

	def test_status(self):
		for word, status in (("pass", 0), ("fail", 1), ("skip", 1)):
			done = self.call(self.run_of({TWO: word}).results, "mi210")
			self.assertEqual((done.returncode, done.stderr), (status, ""), word)
			last = "4 passed, 0 failed, 0 skipped" if word == "pass" else "3 passed, 1 failed, 0 skipped"
			self.assertEqual(done.stdout.splitlines()[-1], last)
			self.assertEqual(f"failed: mi210: {TWO}: {word}: " in done.stdout, word != "pass")

	def test_within(self):
		run = self.run_of({})
		done = self.call("--within", "300", run.results, "mi210")
		self.assertEqual(done.returncode, 1)
		self.assertIn("failed: mi210: run time: the results do not say", done.stdout)

	def test_wrong_words(self):
		good = self.run_of({}).results
		for words in ((), (good,), (good, "mi21"), (os.path.join(good, "absent"), "mi210"), (good, "mi210", "--no-such"), ("--within", "5 minutes", good, "mi210")):
			done = self.call(*words)
			self.assertEqual((done.returncode, done.stdout), (2, ""), words)
			self.assertTrue(done.stderr)


class Boards(unittest.TestCase):
	def test_files(self):
		self.assertLessEqual(set(BOARDS), set(judge.boards()))
		for board in judge.boards():
			expectations.load(judge.XFAILS, board)

	def test_no_other_file(self):
		"""Each file belongs to a board that judge knows, or to one of Debian's programs."""
		for path in glob.glob(os.path.join(judge.XFAILS, "*")):
			name, kind = os.path.basename(path).removesuffix(".txt").rsplit("-", 1)
			self.assertIn(kind, expectations.FILES, path)
			self.assertTrue(name.startswith(judge.OTHERS) or name in judge.boards(), path)


if __name__ == "__main__":
	unittest.main()

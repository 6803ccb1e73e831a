# SPDX-License-Identifier: MIT
"""
Reads expectation files, and judges by them the tests of Debian (the suite outside), and runs of the project's tests on
users' machines (the command igt-tests/judge). The files have the format of the kernel's drm/ci
(drivers/gpu/drm/ci/xfails), whose files the program deqp-runner reads. A board is a kind of machine.
BOARD-fails.txt has "TEST,STATUS" for each test that does not pass, BOARD-flakes.txt regular expressions of tests that
may end in any way, BOARD-skips.txt regular expressions of tests that do not run at all.

This module is stricter than drm/ci. Each entry needs a comment above it, in the same paragraph, that gives the reason.
A test that skips needs an entry with the status Skip. An entry that names no test is an error.
"""

import dataclasses
import os
import re

from harness.verdict.results import FAIL, PASS, SKIP, Case

# {igt_runner's word for how a test ended: deqp-runner's word}. igt_runner's words for a test that was interrupted,
# aborted or not reached are missing, because an entry cannot expect that.
STATUS = {
	"pass": "Pass",
	"skip": "Skip",
	"fail": "Fail",
	"dmesg-fail": "Fail",
	"warn": "Warn",
	"dmesg-warn": "Warn",
	"crash": "Crash",
	"timeout": "Timeout",
}
EXPECTABLE = sorted(set(STATUS.values()) - {"Pass"})

# drm/ci demands that the comment above an entry of a flakes file says these things
# (Documentation/gpu/automated_testing.rst).
FLAKE_HEADER = ("Board Name", "Bug Report", "Failure Rate", "IGT Version", "Linux Version")

SPDX = "SPDX-License-Identifier:"
FILES = ("fails", "flakes", "skips")


class Malformed(Exception):
	"""Raised for an error in an expectation file. The text names the line and the error."""


@dataclasses.dataclass
class Entry:
	"""One line of an expectation file."""
	text: str
	reason: str	# the text of the comment above the line
	place: str	# FILE:LINE, for messages


@dataclasses.dataclass
class Result:
	"""igt_runner's word for how a test ended, and the reason that the test printed."""
	word: str
	reason: str = ""

	@property
	def status(self):
		return STATUS.get(self.word, self.word)


def entries(name, text):
	"""
	Returns the entries of the file @name, which has this @text. A comment holds for all entries below it in its
	paragraph.
	"""
	found, comments, used = [], [], False
	for number, line in enumerate(text.splitlines(), 1):
		line, place = line.strip(), f"{name}:{number}"
		if not line or SPDX in line:
			comments, used = [], False
		elif line.startswith("#"):
			if used:
				comments, used = [], False
			comments.append(line.lstrip("# "))
		elif not any(comments):
			raise Malformed(f"{place}: no comment above '{line}' says why")
		else:
			used = True
			found.append(Entry(line, " ".join(filter(None, comments)), place))
	return found


def pattern(entry):
	try:
		return re.compile(entry.text)
	except re.error as error:
		raise Malformed(f"{entry.place}: not a regular expression: {error}") from error


class Expectations:
	"""The expectations for the tests of one boot; add() adds the expectations of further files."""

	def __init__(self, fails="", flakes="", skips=""):
		self.fails = {}		# {test: (status, Entry)}
		self.flakes, self.skips = [], []	# lists of (pattern, Entry)
		self.add(fails, flakes, skips)

	def add(self, fails="", flakes="", skips="", prefix=""):
		for entry in entries(prefix + "fails", fails):
			test, comma, status = entry.text.rpartition(",")
			if not comma or status not in EXPECTABLE:
				raise Malformed(f"{entry.place}: not TEST,STATUS with one of {', '.join(EXPECTABLE)}")
			if test in self.fails:
				raise Malformed(f"{entry.place}: {test} is listed twice")
			self.fails[test] = (status, entry)
		self.flakes += [(pattern(entry), entry) for entry in entries(prefix + "flakes", flakes)]
		for _, entry in self.flakes:
			missing = [field for field in FLAKE_HEADER if f"{field}: " not in entry.reason]
			if missing:
				raise Malformed(f"{entry.place}: the comment does not say {', '.join(missing)}")
		self.skips += [(pattern(entry), entry) for entry in entries(prefix + "skips", skips)]

	def skipped(self, test):
		"""Returns the first entry of a skips file that matches @test, so that it does not run, or None."""
		return next((entry for regex, entry in self.skips if regex.search(test)), None)

	def flaky(self, test):
		return next((entry for regex, entry in self.flakes if regex.search(test)), None)

	def to_run(self, tests):
		return [test for test in tests if not self.skipped(test)]

	def stale(self, tests):
		"""
		Returns a failed case for each entry that matches none of the @tests of the suite, and for each entry
		that has no effect because of other entries.
		"""
		cases = []
		for test, (_, entry) in self.fails.items():
			if test not in tests:
				cases.append(Case(test, FAIL, f"{entry.place}: the suite has no such test"))
			elif self.skipped(test):
				cases.append(Case(test, FAIL, f"{entry.place}: {self.skipped(test).place} skips it"))
			elif self.flaky(test):
				cases.append(Case(test, FAIL, f"{entry.place}: {self.flaky(test).place} has it too"))
		first = {id(self.flaky(test)) for test in self.to_run(tests)}
		for _, entry in self.flakes:
			if id(entry) not in first:
				cases.append(Case(entry.text, FAIL, f"{entry.place}: matches no test that runs, or only tests that a line above it has"))
		first = {id(self.skipped(test)) for test in tests}
		for _, entry in self.skips:
			if id(entry) not in first:
				cases.append(Case(entry.text, FAIL, f"{entry.place}: matches no test, or only tests that a line above it skips"))
		return cases

	def verdict(self, test, result):
		"""
		Returns the Case of @test. An expected failure counts as skipped, with the comment of its entry as the
		reason.
		"""
		if self.flaky(test):
			return Case(test, PASS if result.status == "Pass" else SKIP, f"flake: {result.status}")
		expected, entry = self.fails.get(test, ("Pass", None))
		if result.status != expected:
			why = f"expected {expected} by {entry.place}" if entry else result.reason
			return Case(test, FAIL, f"{result.word}: {why}")
		if entry:
			return Case(test, SKIP, f"{expected} as expected: {entry.reason}")
		return Case(test, PASS)

	def judge_results(self, tests, results):
		"""
		Returns the cases of a run. @tests are all tests of the suite; @results, {test: Result}, has those that
		ran.
		"""
		return self.stale(tests) + self.judge_part(tests, results)

	def judge_part(self, tests, results):
		"""
		Returns the cases of a run of the @tests, which are only a part of the suite. So an entry that names none
		of them is no error.
		"""
		cases = []
		for regex, entry in self.skips:
			number = sum(self.skipped(test) is entry for test in tests)
			if number:
				cases.append(Case(f"{entry.text} ({number})", SKIP, f"not run: {entry.reason}"))
		for test in self.to_run(tests):
			if test in results:
				cases.append(self.verdict(test, results[test]))
			else:
				cases.append(Case(test, FAIL, "did not run"))
		for test in sorted(set(results) - set(self.to_run(tests))):
			cases.append(Case(test, FAIL, "ran, but is not one of the tests to run"))
		if not any(case.verdict == PASS for case in cases):
			cases.append(Case("expectations", FAIL, "no test passed"))
		return cases


def load(directory, board, *more):
	"""
	Returns the Expectations of @board, which must have all three files, and of @more boards, which may lack one or
	two.
	"""
	expected, missing = Expectations(), []
	for name in (board, *more):
		texts = {}
		for kind in FILES:
			try:
				with open(os.path.join(directory, f"{name}-{kind}.txt"), encoding="utf-8") as f:
					texts[kind] = f.read()
			except FileNotFoundError:
				missing.append(f"{name}-{kind}.txt")
		if not texts or name == board and missing:
			raise Malformed(f"no file {missing[0]}")
		expected.add(**texts, prefix="" if name == board else name + "-")
	return expected

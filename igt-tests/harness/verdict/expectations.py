# SPDX-License-Identifier: MIT
"""
Expectation files of suites that others wrote, in the format of the kernel's
drm/ci (drivers/gpu/drm/ci/xfails, read by deqp-runner), and the verdict by them.
BOARD-fails.txt has "TEST,STATUS" for each test that does not pass, BOARD-flakes.txt
regular expressions of tests that may end in any way, BOARD-skips.txt regular
expressions of tests that are not run at all.

Beyond drm/ci: every entry has a comment above it, in its paragraph, that says why;
a skip is expected like a failure; an entry that names no test is an error.
"""

import dataclasses
import os
import re

from harness.verdict.results import FAIL, PASS, SKIP, Case

# igt_runner's words for how a test ended, in deqp-runner's. A test that was
# interrupted, aborted or not reached has none: nobody can expect that.
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

# What drm/ci wants to know about a flake (Documentation/gpu/automated_testing.rst).
FLAKE_HEADER = ("Board Name", "Bug Report", "Failure Rate", "IGT Version", "Linux Version")

SPDX = "SPDX-License-Identifier:"
FILES = ("fails", "flakes", "skips")


class Malformed(Exception):
	"""A file that cannot be used; the text says where and why."""


@dataclasses.dataclass
class Entry:
	"""One line of a file."""
	text: str
	reason: str	# the comment above
	place: str	# file:line


@dataclasses.dataclass
class Result:
	"""How one test ended, in igt_runner's word, and the reason that the test gave."""
	word: str
	reason: str = ""

	@property
	def status(self):
		return STATUS.get(self.word, self.word)


def entries(name, text):
	"""The entries of one file; a paragraph's comments explain the entries after them."""
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
	"""The expectations of a board, and those that the files of further boards add."""

	def __init__(self, fails="", flakes="", skips=""):
		self.fails = {}		# test: (status, Entry)
		self.flakes, self.skips = [], []	# (pattern, Entry)
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
		"""The entry that keeps @test from being run."""
		return next((entry for regex, entry in self.skips if regex.search(test)), None)

	def flaky(self, test):
		return next((entry for regex, entry in self.flakes if regex.search(test)), None)

	def to_run(self, tests):
		return [test for test in tests if not self.skipped(test)]

	def stale(self, tests):
		"""Entries that do nothing for the suite's @tests."""
		cases = []
		for test, (_, entry) in self.fails.items():
			if test not in tests:
				cases.append(Case(test, FAIL, f"{entry.place}: the suite has no such test"))
			elif self.skipped(test):
				cases.append(Case(test, FAIL, f"{entry.place}: {self.skipped(test).place} skips it"))
			elif self.flaky(test):
				cases.append(Case(test, FAIL, f"{entry.place}: {self.flaky(test).place} has it too"))
		for regex, entry in self.flakes:
			if not any(regex.search(test) for test in tests):
				cases.append(Case(entry.text, FAIL, f"{entry.place}: matches no test"))
		first = {id(self.skipped(test)) for test in tests}
		for _, entry in self.skips:
			if id(entry) not in first:
				cases.append(Case(entry.text, FAIL, f"{entry.place}: skips no test that no line above it skips"))
		return cases

	def verdict(self, test, result):
		"""@result against what is expected of @test."""
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
		"""Cases of a run of the suite's @tests that left @results, {test: Result}."""
		cases = self.stale(tests)
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
	"""The Expectations of @board, whose three files all have to be there, and of the files that @more boards have."""
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

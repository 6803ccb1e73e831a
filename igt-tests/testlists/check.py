#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
check.py BINARY...

Checks the lists of this folder, and the expectation files of the boards, against the subtests that the test programs
BINARY really have. Each subtest is either in the list full or in the list destructive, fast-feedback is a part of full,
the blocklist matches the destructive subtests only, and no line names a test that does not exist.
"""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from harness.verdict import expectations, judge

PREFIX = "igt@amdgpu/"


def lines(name, directory=HERE):
	"""Returns the lines of the list @name without comments. igt_runner ends a line at '#', too."""
	with open(os.path.join(directory, "amd-userptr." + name), encoding="utf-8") as file:
		return [line.split("#")[0].strip() for line in file if line.split("#")[0].strip()]


def subtests(binary):
	"""Returns the names of the subtests of @binary, as igt_runner names them."""
	listed = subprocess.run([binary, "--list-subtests"], capture_output=True, text=True, timeout=60, check=False)
	if listed.returncode or not listed.stdout.split():
		sys.exit(f"{binary} lists no subtests")
	return [f"{PREFIX}{os.path.basename(binary)}@{name}" for name in listed.stdout.split()]


def tests_of(name, listed, programs, problems):
	"""
	Returns the set of the tests that the list @name has. @listed are the lines of the list: each names a test, or a
	program and so all its subtests. @programs, {name: subtests}, are the programs that exist. Adds a text to
	@problems for each line that names no test or program of these, and for each test that the list has twice.
	"""
	found = []
	for line in listed:
		tests = programs.get(line) or [test for test in programs.get(line.rsplit("@", 1)[0], []) if test == line]
		if not tests:
			problems.append(f"{name}: there is no test {line}")
		found += tests
	problems += [f"{name}: {test} is there twice" for test in sorted(set(found)) if found.count(test) > 1]
	return set(found)


def blocklist_problems(patterns, destructive, everything):
	"""
	Returns a text for each regular expression in @patterns, the lines of the blocklist, that matches no test of
	@destructive, and for each test of @everything that only one of the blocklist and @destructive has.
	"""
	# igt_runner ignores upper and lower case in a blocklist.
	regexes = [re.compile(pattern, re.I) for pattern in patterns]
	problems = [f"blocklist: {regex.pattern} matches no destructive test" for regex in regexes
		if not any(map(regex.search, destructive))]
	blocked = {test for test in everything if any(regex.search(test) for regex in regexes)}
	return problems + [f"blocklist: {test} is in only one of blocklist and destructive" for test in sorted(blocked ^ destructive)]


def problems_of(lists, programs):
	"""Returns the problems of the lists @lists, {name: lines}. @programs, {name: subtests}, are all programs."""
	problems = []
	everything = {test for tests in programs.values() for test in tests}
	fast, full, destructive = (tests_of(name, lists[name], programs, problems)
		for name in ("fast-feedback.testlist", "full.testlist", "destructive.testlist"))
	problems += [f"{test} is in none of full and destructive" for test in sorted(everything - full - destructive)]
	problems += [f"{test} is in full and destructive" for test in sorted(full & destructive)]
	problems += [f"{test} is in fast-feedback, but not in full" for test in sorted(fast - full)]
	return problems + blocklist_problems(lists["blocklist"], destructive, everything)


def main(binaries):
	programs = {PREFIX + os.path.basename(binary): subtests(binary) for binary in binaries}
	lists = {name.removeprefix("amd-userptr."): lines(name.removeprefix("amd-userptr."))
		for name in os.listdir(HERE) if name.startswith("amd-userptr.")}
	problems = problems_of(lists, programs)
	tests = [test.removeprefix(judge.PREFIX) for names in programs.values() for test in names]
	for board in judge.boards():
		stale = expectations.load(judge.XFAILS, board).stale(tests)
		problems += [f"{board}: {case.name}: {case.detail}" for case in stale]
	return "\n".join(problems)


if __name__ == "__main__":
	sys.exit(main(sys.argv[1:]) or 0)

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
check.py [--runner IGT_RUNNER ROOT] BINARY...

Checks the lists of this folder, and the expectation files of the boards, against the subtests that the test programs
BINARY really have. Each subtest is either in the list full or in the list destructive, fast-feedback is a part of full,
the blocklist matches the destructive subtests only, and no line names a test that does not exist. IGT_RUNNER, a path of
igt_runner, has to come to the same tests from each list and the root of tests ROOT; it is only asked, and runs nothing.
"""

import os
import re
import subprocess
import sys
import tempfile

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


def planned(runner, root, *options):
	"""Returns the set of the tests that @runner, a path of igt_runner, would run in the @root with these @options."""
	with tempfile.TemporaryDirectory() as directory:
		results = os.path.join(directory, "results")
		done = subprocess.run([runner, "--dry-run", "--multiple-mode", *options, root, results], stdin=subprocess.DEVNULL,
			stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
		try:
			with open(os.path.join(results, judge.JOBS), encoding="utf-8") as file:
				return {judge.PREFIX + test for test in judge.jobs(file.read(), [])}
		except OSError:
			sys.exit(f"igt_runner wrote no {judge.JOBS}, and ended with {done.returncode}: {done.stdout[-500:]}")


def runner_problems(lists, programs, plan):
	"""
	Returns a text for each test that igt_runner would run by one of the @lists, {name: lines}, and that @programs, {name:
	subtests}, say is not in it, or the other way round. @plan(*OPTIONS) is the set of the tests that igt_runner would
	run with these OPTIONS.
	"""
	everything = {test for tests in programs.values() for test in tests}
	problems = []
	for name in lists:
		path = os.path.join(HERE, "amd-userptr." + name)
		if name == "blocklist":
			wanted, found = everything - tests_of(name, lists["destructive.testlist"], programs, []), plan("-b", path)
		else:
			wanted, found = tests_of(name, lists[name], programs, []), plan("--test-list", path)
		# judge writes all names in lower case.
		wanted = {test.lower() for test in wanted}
		problems += [f"{name}: igt_runner would run {test}" for test in sorted(found - wanted)]
		problems += [f"{name}: igt_runner would not run {test}" for test in sorted(wanted - found)]
	return problems


def main(words):
	runner, root, binaries = (*words[1:3], words[3:]) if words[0] == "--runner" else ("", "", words)
	programs = {PREFIX + os.path.basename(binary): subtests(binary) for binary in binaries}
	lists = {name.removeprefix("amd-userptr."): lines(name.removeprefix("amd-userptr."))
		for name in os.listdir(HERE) if name.startswith("amd-userptr.")}
	problems = problems_of(lists, programs)
	if runner and not problems:
		problems = runner_problems(lists, programs, lambda *options: planned(runner, root, *options))
	tests = [test.removeprefix(judge.PREFIX) for names in programs.values() for test in names]
	for board in judge.boards():
		stale = expectations.load(judge.XFAILS, board).stale(tests)
		problems += [f"{board}: {case.name}: {case.detail}" for case in stale]
	return "\n".join(problems)


if __name__ == "__main__":
	sys.exit(main(sys.argv[1:]) or 0)

# SPDX-License-Identifier: MIT
"""
Judges a run of igt_runner on a machine of the user, by the expectation files of a board: the command igt-tests/judge.
It needs Python and nothing else of the harness's build root. docs/hardware-ci.md says how to use it.
"""

import argparse
import glob
import os
import sys

from harness.verdict import expectations, results
from harness.verdict.results import FAIL, PASS, Case

XFAILS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../xfails")
PREFIX = "igt@"		# igt_runner puts this before the name of a test; the expectation files have names without it
JOBS = "joblist.txt"	# igt_runner writes here which tests it is going to run
KERNEL_LOG = "dmesg"	# the user may save the kernel's log of the whole run under this name, beside results.json
OTHERS = "vgpu-"	# boards with this prefix have the expectations of Debian's programs


class Wrong(Exception):
	"""Raised when the command line is wrong, or the expectation files are. The text says how."""


def boards(directory=XFAILS):
	"""Returns the names of the boards that have expectations for the project's own programs."""
	paths = glob.glob(os.path.join(directory, "*-fails.txt"))
	names = [os.path.basename(path).removesuffix("-fails.txt") for path in paths]
	return sorted(name for name in names if not name.startswith(OTHERS))


def jobs(text, ran):
	"""
	Returns the tests that igt_runner was going to run. @text is its file joblist.txt, which has on each line a
	program and the names of subtests. A program without names stands for all its subtests, of which only igt_runner's
	results, @ran, have the names.
	"""
	tests = []
	for line in text.splitlines():
		program, _, subtests = line.strip().lower().partition(" ")
		if subtests:
			tests += [f"{program}@{subtest.strip()}" for subtest in subtests.split(",")]
		elif program:
			tests += [test for test in ran if test.startswith(program + "@")] or [program]
	return list(dict.fromkeys(tests))


def cases_of(directory, expected, within=0):
	"""
	Returns the cases of igt_runner's results in @directory, judged by the Expectations @expected and by the limit of
	@within seconds for the whole run; 0: there is no limit.
	"""
	entries = results.runner_tests(directory)
	if entries is None:
		return [Case("igt_runner", FAIL, "no usable results.json")]
	ran = {name.removeprefix(PREFIX): expectations.Result(entry["result"], results.reason_of(entry))
		for name, entry in results.ended(entries).items()}
	tests = jobs(results.read(os.path.join(directory, JOBS)), ran)
	if not tests:
		return [Case("igt_runner", FAIL, f"no usable {JOBS}")]
	logs = [results.read(os.path.join(directory, KERNEL_LOG)), *(entry.get("dmesg", "") for entry in entries.values())]
	problems = results.kernel_problems_of(logs)
	return [*expected.judge_part(tests, ran), Case("kernel log", FAIL if problems else PASS, "; ".join(problems)),
		*results.time_case(directory, within)]


def load(names, directory=XFAILS):
	unknown = [name for name in names if not glob.glob(os.path.join(glob.escape(directory), glob.escape(name) + "-*.txt"))]
	if unknown:
		raise Wrong(f"no board '{unknown[0]}'; there are {', '.join(boards(directory))}")
	try:
		return expectations.load(directory, *names)
	except expectations.Malformed as error:
		raise Wrong(str(error)) from error


def parse(words):
	parser = argparse.ArgumentParser(prog="judge", description="Judge the results of igt_runner as ./run test does. "
		"The exit status is 0 if no test failed and some test passed, 1 otherwise, and 2 if the words are wrong.",
		epilog=f"Boards: {', '.join(boards())}.")
	parser.add_argument("--quiet", action="store_true", help="print failures and the sums only")
	parser.add_argument("--within", type=int, default=0, metavar="SECONDS", help="fail if all programs together took longer")
	parser.add_argument("results", metavar="RESULTS_DIR", help="the directory that igt_runner wrote")
	parser.add_argument("board", metavar="BOARD", help="the board, whose files are igt-tests/xfails/BOARD-*.txt")
	parser.add_argument("more", metavar="MORE", nargs="*", help="further boards, which add expectations")
	return parser.parse_args(words)


def main(words):
	args = parse(words)
	try:
		if not os.path.isdir(args.results):
			raise Wrong(f"no directory {args.results}")
		expected = load([args.board, *args.more])
	except Wrong as wrong:
		print(f"judge: {wrong}", file=sys.stderr)
		return 2
	return results.report({args.board: cases_of(args.results, expected, args.within)}, args.quiet)

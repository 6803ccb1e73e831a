# SPDX-License-Identifier: MIT
"""Judges the kernel's log and the results of tests, and prints the report of ./run test."""

import dataclasses
import json
import os
import re
import subprocess

PASS, FAIL, SKIP = "passed", "failed", "skipped"
LACKS = "the kernel's log lacks: "	# start of a problem
AFTER = "after the tests: "	# start of a problem
# If a suite fails before it runs a test, commands/test.py, boots.py or meson_cases() make a case with one of these
# names.
NO_TESTS = {"set-up", "boots", "meson test"}
NO_REASON = "no reason was given"

# Matches lines of the kernel's log that make a boot fail even if all its tests pass.
BAD_LINES = re.compile(
	r"WARNING:|BUG:|Oops|UBSAN:|KASAN:|KCSAN:|KFENCE:|Kernel panic|general protection fault"
	r"|INFO: task .* blocked for more than|rcu: INFO:.*stall|soft lockup|hard LOCKUP"
	r"|refcount_t:|list_(add|del) corruption|DEBUG_LOCKS_WARN_ON|possible (recursive|circular) locking"
	r"|suspicious RCU usage|inconsistent lock state|Invalid wait context|invalid opcode"
	r"|register non-static key|locking correctness validator|lockdep is turned off|sleeping function called|ODEBUG:"
	r"|pagealloc: (single bit error|memory corruption)"
	# The messages of DMA-API that are left out here report no error.
	r"|DMA-API: (?!preallocated \d+ debug entries|debugging enabled by|dma_debug_entry pool grown)"
	# The messages of kmemleak that are left out here report no error either, apart from the number of leaks:
	# checkers.py reads the leaks from kmemleak's list.
	r"|kmemleak: (?!Kernel memory leak detector initialized|Cannot allocate a scan area, scanning the full object"
	r"|[0-9]+ new suspected memory leaks)")
# Matches the kernel's report that a worker of the driver kept its CPU for long
# (kernel/workqueue.c:wq_cpu_intensive_report()). The kernel measures the time with the guest's clock. On a busy host
# every worker takes long, so the report means something only if that clock counts instructions.
HOGGED = re.compile(r"workqueue: (\w+ \[(amdgpu|gpu_sched)\]|(amdgpu_|kfd_|svm_|drm_sched)\w*|\w*restore_userptr\w*) hogged CPU")
# IGT writes the names of tests to the kernel's log, as "[IGT] ...". Such a line is no error, whatever words the name
# has.
NOT_KERNEL = re.compile(r"\[IGT\]")
# Match the start of a line of IGT (time, process, level), and of a line of the kernel's log (level, time, caller).
IGT_STAMP = re.compile(r"\[[0-9.]+\] \(\S+\) \w+: ")
STAMP = re.compile(r"^(<\d+> ?)?\[ *\d+\.\d+\](\[[^]]*\])? ?")
# Matches a line of dmesg -r: facility and level as one number, time, text.
LEVEL = re.compile(r"<(\d+)> ?\[ *\d+\.\d+\](.*)")
WARNING = 4	# igt_runner counts lines of this level and of more severe ones


@dataclasses.dataclass
class Case:
	"""
	The verdict on one test, or on something else that counts like a test, such as a boot. A skip without a reason is a
	failure, because nobody could tell whether the machine or the test is at fault.
	"""
	name: str
	verdict: str
	detail: str = ""
	boot: str = ""	# section of scenarios.cfg, or SUITE-TRIAL; empty if the test needs no guest
	test: str = ""	# the name of the test for ./run test --failed; empty if it is @name

	def __post_init__(self):
		if self.verdict == SKIP and not self.detail:
			self.verdict, self.detail = FAIL, "skipped, but " + NO_REASON


def read(path):
	try:
		with open(path, encoding="utf-8", errors="replace") as f:
			return f.read()
	except FileNotFoundError:
		return ""


def bad_lines(text, icount=False):
	"""
	Returns the lines of a kernel log that make a boot fail. @icount says that the guest's clock counted
	instructions.
	"""
	return [line.strip() for line in text.splitlines()
		if (BAD_LINES.search(line) or (icount and HOGGED.search(line))) and not NOT_KERNEL.search(line)]


def kernel_problems_of(logs, icount=False):
	"""Returns the bad lines of the texts @logs of one kernel, each once."""
	seen = {}
	for text in logs:
		for line in bad_lines(text, icount):
			seen.setdefault(STAMP.sub("", line), None)
	return list(seen)


def late_warnings(text):
	"""
	Returns the warnings, and more severe messages, in the part @text of a kernel log that came after the tests. During a
	test igt_runner judges them.
	"""
	return [AFTER + match[2].strip() for match in map(LEVEL.match, text.splitlines())
		if match and int(match[1]) & 7 <= WARNING and not NOT_KERNEL.search(match[2])]


def kernel_problems(boot, icount=False):
	"""
	Returns the bad lines of a @boot, each once, from dmesg and console: if the guest dies, only the console has the
	last ones. Also returns the warnings that came after the tests.
	"""
	return kernel_problems_of([read(boot.dmesg), read(boot.console)], icount) + late_warnings(read(boot.late))


def missing_lines(boot, patterns):
	"""Returns a problem for each of the regular expressions @patterns that no line of the kernel log of a @boot matches."""
	log = read(boot.dmesg) or read(boot.console)
	return [LACKS + pattern for pattern in patterns if not re.search(pattern, log, re.M)]


def last_line(text):
	lines = [line.strip() for line in text.splitlines() if line.strip()]
	return lines[-1] if lines else ""


def igt_reason(out, err):
	"""Returns the part of a test's output, @out and @err, that says why the test did not pass."""
	for text in (err, out):
		# If an assertion has a message, IGT prints the message after the line with errno.
		match = re.search(r"((?:Test requirement|Failed assertion): .*)(?:\n.*Last errno.*)?(\n(?!.*Last errno|Subtest|Stack).+)?",
			text)
		if match:
			return " ".join(IGT_STAMP.sub("", match[1] + (match[2] or "")).split())
	return last_line(err) or last_line(out)


def reason_of(entry):
	"""Returns why the test with this @entry of results.json did not pass."""
	reason = igt_reason(entry.get("out", ""), entry.get("err", ""))
	if entry["result"] == "dmesg-warn":
		return last_line(entry.get("dmesg-warnings", "")) or reason
	return reason


def igt_verdict(name, entry, may_skip, must_pass, expected_reason=None):
	"""
	Returns the Case of the test @name. @entry is its part of results.json. @may_skip matches the tests that may
	skip in this boot, but those in @must_pass may not. If there is a regular expression @expected_reason, the test
	must fail for a reason that it matches.
	"""
	word, reason = entry["result"], reason_of(entry)
	if expected_reason:
		if word == "fail" and re.search(expected_reason, reason):
			return Case(name, PASS, reason)
		return Case(name, FAIL, f"{word}: {reason or 'no reason'}, expected to fail: {expected_reason}")
	if word == "pass":
		return Case(name, PASS)
	if word == "skip" and name not in must_pass and may_skip.search(name):
		return Case(name, SKIP, reason)
	return Case(name, FAIL, f"{word}: {reason}")


def expected_fails(text):
	"""Returns {igt_runner's name of the test: REASON} of lines "TEST: REASON" as in scenarios.cfg."""
	pairs = [line.split(": ", 1) for line in text.splitlines() if line.strip()]
	return {"igt@amdgpu/" + test.strip(): reason for test, reason in pairs}


def runner_tests(directory):
	"""
	Returns the entry "tests" of igt_runner's results in @directory, {name: entry}, also if the harness ended
	igt_runner early. Returns None if there are no usable results.
	"""
	path = os.path.join(directory, "results.json")
	if not os.path.exists(path) and os.path.isdir(directory):
		# igt_runner writes results.json only at its end. If the harness ended it before, igt_results makes
		# results.json from the other files that igt_runner has written.
		try:
			subprocess.run(["igt_results", directory], capture_output=True, check=False)
		except FileNotFoundError:
			return None
	try:
		return json.loads(read(path))["tests"]
	except (ValueError, KeyError):
		return None


def seconds_of(directory):
	"""
	Returns how long igt_runner's results in @directory say that all programs ran, also over several calls of
	igt_resume. Returns None if the results do not say it.
	"""
	try:
		times = [program["time"] for program in json.loads(read(os.path.join(directory, "results.json")))["runtimes"].values()]
		return sum(time["end"] - time["start"] for time in times) if times else None
	except (ValueError, KeyError, TypeError, AttributeError):
		return None


def time_case(directory, within):
	"""
	Returns the cases of a limit of @within seconds for all programs of igt_runner's results in @directory: none if
	@within is 0, else one, which fails if the programs took longer.
	"""
	if not within:
		return []
	seconds = seconds_of(directory)
	if seconds is None:
		return [Case("run time", FAIL, "the results do not say how long the programs ran")]
	return [Case("run time", PASS if seconds <= within else FAIL, f"{seconds:.0f} seconds, of at most {within}")]


def ended(entries):
	"""
	Returns those of igt_runner's @entries that have a result. If a test starts other test programs, igt_runner makes
	entries of their lines in the kernel's log, which have no result.
	"""
	return {name: entry for name, entry in entries.items() if entry.get("result", "notrun") != "notrun"}


def igt_cases(paths, listed, may_skip, must_pass, must_fail=None, all_may_skip=False):
	"""
	Returns the cases of the files results.json in @paths, which igt_runner wrote. The exit status of igt_runner
	says nothing about tests, so these cases do not depend on it. Each of the @listed tests must have run. If no
	test passed, adds a failed case, unless @all_may_skip.
	"""
	must_fail, tests = must_fail or {}, {}
	try:
		for path in paths:
			tests.update(json.loads(read(path))["tests"])
	except (ValueError, KeyError):
		return [Case("igt_runner", FAIL, "no usable results.json")]
	tests = ended(tests)
	cases = [igt_verdict(name, entry, may_skip, must_pass, must_fail.get(name))
		for name, entry in sorted(tests.items())]
	ran = set(tests) | {name.rsplit("@", 1)[0] for name in tests}
	for name in sorted(set(listed) | set(must_pass) | set(must_fail)):
		if name.count("@") == 2 and name not in ran:
			cases.append(Case(name, FAIL, "did not run"))
	if not all_may_skip and not any(case.verdict == PASS for case in cases):
		cases.append(Case("igt_runner", FAIL, "no test passed"))
	return cases


def meson_cases(tests):
	"""Returns the cases of a Meson suite; @tests is the result of project.test()."""
	verdicts = {"OK": PASS, "EXPECTEDFAIL": PASS, "SKIP": SKIP}
	cases = []
	for name, result, output in tests:
		verdict, reason = verdicts.get(result, FAIL), last_line(output)
		cases.append(Case(name, verdict, "" if verdict == PASS or verdict == SKIP and not reason else f"{result}: {reason}"))
	return cases or [Case("meson test", FAIL, "the suite has no tests")]


def number(cases, verdict):
	return sum(case.verdict == verdict for case in cases)


def count(cases):
	return ", ".join(f"{number(cases, verdict)} {verdict}" for verdict in (PASS, FAIL, SKIP))


def print_grouped(suite, verdict, cases):
	"""Print the cases with this @verdict, on one line those that have the same reason."""
	reasons = {}
	for case in cases:
		if case.verdict == verdict:
			reasons.setdefault(case.detail or NO_REASON, []).append(case.name)
	for reason, names in reasons.items():
		print(f"{verdict}: {suite}: {', '.join(names)}: {reason}")


def sums(suites):
	"""
	Returns a line with the numbers of passed, failed and skipped cases for each suite, and a line with their sum.
	"""
	lines = [f"{suite + ':':9} {count(cases)}" for suite, cases in suites.items()]
	return "\n".join([*lines, count([case for cases in suites.values() for case in cases])]) + "\n"


def report(suites, quiet=False):
	"""Print the failures, the skips unless @quiet, and the sums. Returns the exit status of ./run test."""
	everything = [case for cases in suites.values() for case in cases]
	for verdict in (FAIL,) if quiet else (SKIP, FAIL):
		for suite, cases in suites.items():
			print_grouped(suite, verdict, cases)
	print(sums(suites), end="", flush=True)
	return 1 if number(everything, FAIL) or not number(everything, PASS) else 0

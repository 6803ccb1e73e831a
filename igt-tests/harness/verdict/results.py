# SPDX-License-Identifier: MIT
"""Judges the kernel's log and the results of tests, and prints the report of ./run test."""

import dataclasses
import json
import re

PASS, FAIL, SKIP = "passed", "failed", "skipped"
# A suite that fails before it runs a test has a case with one of these names, from commands/test.py, boots.py or
# meson_cases().
NO_TESTS = {"set-up", "boots", "meson test"}
NO_REASON = "no reason was given"

# Lines of the kernel's log that fail a run even if all its tests pass.
BAD_LINES = re.compile(
	r"WARNING:|BUG:|Oops|UBSAN:|KASAN:|KCSAN:|KFENCE:|Kernel panic|general protection fault"
	r"|INFO: task .* blocked for more than|rcu: INFO:.*stall|soft lockup|hard LOCKUP"
	r"|refcount_t:|list_(add|del) corruption|DEBUG_LOCKS_WARN_ON|possible (recursive|circular) locking"
	r"|suspicious RCU usage|inconsistent lock state|Invalid wait context|invalid opcode"
	r"|register non-static key|locking correctness validator|lockdep is turned off|sleeping function called|ODEBUG:"
	r"|pagealloc: (single bit error|memory corruption)"
	# DMA-API also prints these messages, which report no error.
	r"|DMA-API: (?!preallocated \d+ debug entries|debugging enabled by|dma_debug_entry pool grown)"
	# checkers.py reads the leaks from kmemleak's list, so the log's line about their number is no error.
	r"|kmemleak: (?!Kernel memory leak detector initialized|Cannot allocate a scan area, scanning the full object"
	r"|[0-9]+ new suspected memory leaks)")
# The kernel's report that a worker of the driver kept its CPU for long (kernel/workqueue.c:wq_cpu_intensive_report()). The
# kernel measures the time with the guest's clock, so the report means something only if that clock counts instructions.
HOGGED = re.compile(r"workqueue: (\w+ \[(amdgpu|gpu_sched)\]|(amdgpu_|kfd_|svm_|drm_sched)\w*|\w*restore_userptr\w*) hogged CPU")
# IGT writes the names of tests to the kernel's log, as "[IGT] ...". Such a line is never an error.
NOT_KERNEL = re.compile(r"\[IGT\]")
IGT_STAMP = re.compile(r"\[[0-9.]+\] \(\S+\) \w+: ")
STAMP = re.compile(r"^(<\d+>)?\[ *\d+\.\d+\](\[[^]]*\])? ?")


@dataclasses.dataclass
class Case:
	"""One test and how it ended."""
	name: str
	verdict: str
	detail: str = ""
	boot: str = ""	# section of scenarios.cfg or of a table of trials; empty if the test needs no guest
	test: str = ""	# how ./run test --failed names the test; empty: by the name of the case


def read(path):
	try:
		with open(path, encoding="utf-8", errors="replace") as f:
			return f.read()
	except FileNotFoundError:
		return ""


def bad_lines(text, icount=False):
	"""The lines of a kernel log that make a run fail. @icount: the guest's clock counted instructions."""
	return [line.strip() for line in text.splitlines()
		if (BAD_LINES.search(line) or (icount and HOGGED.search(line))) and not NOT_KERNEL.search(line)]


def kernel_problems(boot, icount=False):
	"""The bad lines of a @boot, from both logs: if the guest dies, only the console has its last lines."""
	seen = {}
	for path in (boot.dmesg, boot.console):
		for line in bad_lines(read(path), icount):
			seen.setdefault(STAMP.sub("", line), None)
	return list(seen)


def last_line(text):
	lines = [line.strip() for line in text.splitlines() if line.strip()]
	return lines[-1] if lines else ""


def igt_reason(out, err):
	"""The lines of a test's output that say why it did not pass."""
	for text in (err, out):
		# If an assertion has a message, IGT prints the message after the line with errno.
		match = re.search(r"((?:Test requirement|Failed assertion): .*)(?:\n.*Last errno.*)?(\n(?!.*Last errno|Subtest|Stack).+)?",
			text)
		if match:
			return " ".join(IGT_STAMP.sub("", match[1] + (match[2] or "")).split())
	return last_line(err) or last_line(out)


def igt_verdict(name, entry, may_skip, must_pass, expected_reason=None):
	"""
	The Case of the test @name. @may_skip matches the tests that may skip in this boot, but those in @must_pass may not. With
	@expected_reason, a regular expression, the test must fail for a reason that it matches.
	"""
	word, reason = entry["result"], igt_reason(entry.get("out", ""), entry.get("err", ""))
	if word == "dmesg-warn":
		reason = last_line(entry.get("dmesg-warnings", "")) or reason
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
	"""{igt_runner's name of the test: REASON} of lines "TEST: REASON" as in scenarios.cfg."""
	pairs = [line.split(": ", 1) for line in text.splitlines() if line.strip()]
	return {"igt@amdgpu/" + test.strip(): reason for test, reason in pairs}


def igt_cases(paths, listed, may_skip, must_pass, must_fail=None, all_may_skip=False):
	"""
	The cases of the files results.json that igt_runner wrote; its exit status says nothing about tests. A run in which
	no test passed has failed, unless @all_may_skip.
	"""
	must_fail, tests = must_fail or {}, {}
	try:
		for path in paths:
			tests.update(json.loads(read(path))["tests"])
	except (ValueError, KeyError):
		return [Case("igt_runner", FAIL, "no usable results.json")]
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
	"""The cases of a meson suite."""
	verdicts = {"OK": PASS, "EXPECTEDFAIL": PASS, "SKIP": SKIP}
	cases = []
	for name, result, output in tests:
		verdict = verdicts.get(result, FAIL)
		detail = "" if verdict == PASS else f"{result}: {last_line(output)}"
		cases.append(Case(name, verdict, detail))
	return cases or [Case("meson test", FAIL, "the suite has no tests")]


def number(cases, verdict):
	return sum(case.verdict == verdict for case in cases)


def count(cases):
	return ", ".join(f"{number(cases, verdict)} {verdict}" for verdict in (PASS, FAIL, SKIP))


def print_grouped(suite, verdict, cases):
	"""Print the cases with this @verdict: those that have the same reason on one line."""
	reasons = {}
	for case in cases:
		if case.verdict == verdict:
			reasons.setdefault(case.detail or NO_REASON, []).append(case.name)
	for reason, names in reasons.items():
		print(f"{verdict}: {suite}: {', '.join(names)}: {reason}")


def sums(suites):
	"""A line with the numbers of each suite, and a line with their sum."""
	lines = [f"{suite + ':':9} {count(cases)}" for suite, cases in suites.items()]
	return "\n".join([*lines, count([case for cases in suites.values() for case in cases])]) + "\n"


def report(suites, quiet=False):
	"""Print the failures, the skips unless @quiet, and the sums; the exit status of ./run test."""
	everything = [case for cases in suites.values() for case in cases]
	for verdict in (FAIL,) if quiet else (SKIP, FAIL):
		for suite, cases in suites.items():
			print_grouped(suite, verdict, cases)
	print(sums(suites), end="", flush=True)
	return 1 if number(everything, FAIL) or not number(everything, PASS) else 0

# SPDX-License-Identifier: MIT
"""Runs the suite outside: the unmodified test programs that Debian ships, which it judges by expectation files."""

import os
import re

from harness import step
from harness.boot import qemu
from harness.suites import scenarios
from harness.verdict import expectations, results
from harness.verdict.results import FAIL, PASS, Case

IGT = "/usr/libexec/igt-gpu-tools/amdgpu"
XFAILS = os.path.join(step.PROJECT, "igt-tests/xfails")
PREFIX = "igt@"		# igt_runner puts this before the name of a test; the expectation files have names without it

ROCMINFO = "rocminfo"
ROCMINFO_TIMEOUT = 60
GPU = "gfx942"
# Seconds that igt_runner allows for one test. amd_userptr_invalidation needs 45 to 75, depending on what else the host
# does.
PER_TEST = 150

# igt_runner turns a pass into a warning if the kernel's log has a line of the level warning. These lines say nothing
# about a test, so they do not count: IGT writes one at the end of a program, and the driver writes one when its fence
# timer expires, because the host is too busy to emulate the guest in time.
NOT_COUNTED = re.compile(r"=== TOTAL \(all subtests in \w+ binary\): |Fence fallback timer expired on ring")


def rocminfo_case(status, text):
	"""
	Returns the case of rocminfo, which must end with status 0 and list the GPU as an agent in its output @text.
	"""
	if status != "0":
		return Case(ROCMINFO, FAIL, f"ended with {status or 'nothing'}: {results.last_line(text)}")
	agents = re.split(r"^\*+ *\nAgent \d+ *\n\*+ *$", text, flags=re.M)[1:]
	for agent in agents:
		fields = dict(re.findall(r"^  (\w[\w ]*?): +(\S.*?) *$", agent, re.M))
		if fields.get("Name") == GPU and fields.get("Device Type") == "GPU":
			return Case(ROCMINFO, PASS)
	return Case(ROCMINFO, FAIL, f"none of the {len(agents)} agents is a {GPU}")


def word(entry):
	"""
	Returns igt_runner's word for how a test ended. If the kernel's log has no warning that counts, returns "pass"
	in place of "dmesg-warn" and "fail" in place of "dmesg-fail".
	"""
	warnings = [line for line in entry.get("dmesg-warnings", "").splitlines() if not NOT_COUNTED.search(line)]
	return entry["result"] if warnings else entry["result"].replace("dmesg-warn", "pass").replace("dmesg-fail", "fail")


def igt_results(directory, tests):
	"""
	Returns {test: Result} of the tests that igt_runner ran, also if the harness ended it early. @tests has the
	names of all tests.
	"""
	found = results.runner_tests(directory) or {}
	# igt_runner writes the names of tests in lower case, and the expectation files have the original names.
	names = {(PREFIX + test).lower(): test for test in tests}
	return {names.get(name, name): expectations.Result(word(entry),
			results.igt_reason(entry.get("out", ""), entry.get("err", "")))
		for name, entry in results.ended(found).items()}


def boot_outside(name, entry, image):
	"""Boot one scenario with Debian's programs. Returns its cases."""
	try:
		expected = expectations.load(XFAILS, *entry["board"].split())
	except expectations.Malformed as error:
		raise step.Failed(str(error)) from error
	programs = sorted(os.listdir(IGT))
	tests = [test.removeprefix(PREFIX) for test in scenarios.listed_tests(programs, IGT)]
	chosen = [PREFIX + test for test in expected.to_run(tests)]

	def judge(where):
		status = (where.shared(ROCMINFO + "-status") or "").strip()
		return [rocminfo_case(status, where.shared(ROCMINFO) or ""),
			*expected.judge_results(tests, igt_results(scenarios.results_of(where), tests))]

	text = scenarios.all_lines(qemu.script_line("rocminfo.sh", ROCMINFO_TIMEOUT),
		scenarios.runner_line(programs, chosen, IGT, "--prune-mode keep-subtests", one_process=True,
			per_test=PER_TEST))
	return scenarios.boot_scenario(name, entry, image, text, judge)

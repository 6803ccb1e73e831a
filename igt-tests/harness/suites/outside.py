# SPDX-License-Identifier: MIT
"""The suite outside: runs the unmodified test programs that Debian ships, and judges them by expectation files."""

import json
import os
import re
import subprocess

from harness import step
from harness.boot import qemu
from harness.suites import scenarios
from harness.verdict import expectations, results
from harness.verdict.results import FAIL, PASS, Case

IGT = "/usr/libexec/igt-gpu-tools/amdgpu"
XFAILS = os.path.join(step.PROJECT, "igt-tests/xfails")
PREFIX = "igt@"		# igt_runner's files put it before the name of a test, and the expectation files do not

ROCMINFO = "rocminfo"
ROCMINFO_TIMEOUT = 60
GPU = "gfx942"

# Lines of the kernel's log with the level of a warning that say nothing about a test: IGT writes a line at the end of a
# program, and the driver's fence timer expires if the host is too busy to emulate the guest in time.
NOT_COUNTED = re.compile(r"=== TOTAL \(all subtests in \w+ binary\): |Fence fallback timer expired on ring")


def rocminfo_case(status, text):
	"""The case of rocminfo: it must end with status 0 and list the GPU as an agent."""
	if status != "0":
		return Case(ROCMINFO, FAIL, f"ended with {status or 'nothing'}: {results.last_line(text)}")
	agents = re.split(r"^\*+ *\nAgent \d+ *\n\*+ *$", text, flags=re.M)[1:]
	for agent in agents:
		fields = dict(re.findall(r"^  (\w[\w ]*?): +(\S.*?) *$", agent, re.M))
		if fields.get("Name") == GPU and fields.get("Device Type") == "GPU":
			return Case(ROCMINFO, PASS)
	return Case(ROCMINFO, FAIL, f"none of the {len(agents)} agents is a {GPU}")


def word(entry):
	"""igt_runner's word for how a test ended, corrected if only lines that do not count made it a warning."""
	warnings = [line for line in entry.get("dmesg-warnings", "").splitlines() if not NOT_COUNTED.search(line)]
	return entry["result"] if warnings else entry["result"].replace("dmesg-warn", "pass").replace("dmesg-fail", "fail")


def igt_results(directory, tests):
	"""{test: Result} of those @tests that igt_runner ran, also if igt_runner was ended early."""
	path = os.path.join(directory, "results.json")
	if not os.path.exists(path) and os.path.isdir(directory):
		# igt_runner writes results.json only at its end. igt_results makes this file from the others that igt_runner wrote.
		subprocess.run(["igt_results", directory], capture_output=True, check=False)
	try:
		found = json.loads(results.read(path))["tests"]
	except (ValueError, KeyError):
		return {}
	# igt_runner writes the names of tests in lower case.
	names = {(PREFIX + test).lower(): test for test in tests}
	return {names.get(name, name): expectations.Result(word(entry),
			results.igt_reason(entry.get("out", ""), entry.get("err", "")))
		for name, entry in found.items() if entry["result"] != "notrun"}


def boot_outside(name, entry, image):
	"""Boot one scenario with Debian's programs; its cases."""
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
		scenarios.runner_line(programs, chosen, IGT, "--prune-mode keep-subtests", one_process=True))
	return scenarios.boot_scenario(name, entry, image, text, judge)

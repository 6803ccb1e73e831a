# SPDX-License-Identifier: MIT
"""Boots that run plain programs on the simulated GPU: the library's test and its example."""

import os
import re

from harness.build import project
from harness.suites import scenarios
from harness.verdict import results

EXIT_SKIP = 77	# lib/tests/test.h


def programs(entry):
	return [line.strip() for line in entry["programs"].splitlines() if line.strip()]


def programs_command(lines):
	"""What the guest runs: one after the other, each with a log and a status of its own."""
	text = [f"cd {project.DIRECTORY}"]
	for number, line in enumerate(lines):
		text.append(f"{line} > /run/guest/{number}.log 2>&1; echo $? > /run/guest/{number}.status")
	return "\n".join(text) + "\n"


def case(where, number, line, may_skip):
	"""The verdict on one program by its exit status."""
	status = results.read(os.path.join(where.share, f"{number}.status")).strip()
	name = os.path.basename(line)
	last = results.last_line(results.read(os.path.join(where.share, f"{number}.log")))
	if status == "0":
		return results.Case(name, results.PASS)
	if status == str(EXIT_SKIP) and may_skip.search(name):
		return results.Case(name, results.SKIP, last)
	return results.Case(name, results.FAIL, f"status {status}: {last}" if status else "did not run")


def boot_programs(name, entry, image):
	"""Boot one scenario and judge its programs."""
	lines, may_skip = programs(entry), re.compile(entry["skips"])

	def judge(where):
		return [case(where, number, line, may_skip) for number, line in enumerate(lines)]

	return scenarios.boot_scenario(name, entry, image, programs_command(lines), judge)

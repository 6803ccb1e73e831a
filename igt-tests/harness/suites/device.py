# SPDX-License-Identifier: MIT
"""
Runs the suites device and clients, whose boots run programs without IGT: the library's test, the packages' example, the
demo, and clients of the library. Judges each program by its exit status and its last line.
"""

import os
import re

from harness.boot import qemu
from harness.suites import package, scenarios
from harness.verdict import results

EXIT_SKIP = 77	# a program that skips ends with this status (lib/tests/test.h)
NEWCOMER = "guest/newcomer.sh"	# this script needs the library's packages, so boot_programs() builds them first
NO_PACKAGES = "the packages of the library are built for the architecture of the build root"


def programs(entry):
	return [line.strip() for line in entry["programs"].splitlines() if line.strip()]


def prints(entry):
	"""Returns pairs: a regular expression of command lines, and one of the last line that they have to print."""
	return [tuple(line.strip().split(": ", 1)) for line in entry["prints"].splitlines() if line.strip()]


def case(where, number, line, may_skip, wanted=()):
	"""
	Returns the case of the program number @number, whose command is @line, by its exit status, and by its last line
	if @wanted (prints()) has a pair for the command.
	"""
	status = results.read(os.path.join(where.share, f"{number}.status")).strip()
	name = os.path.basename(line)
	last = results.last_line(results.read(os.path.join(where.share, f"{number}.log")))
	for pattern, printed in wanted:
		if status in ("0", str(EXIT_SKIP)) and re.search(pattern, name) and not re.search(printed, last):
			return results.Case(name, results.FAIL, f"printed: {last}")
	if status == "0":
		return results.Case(name, results.PASS)
	if status == str(EXIT_SKIP) and may_skip.search(name):
		return results.Case(name, results.SKIP, last)
	return results.Case(name, results.FAIL, f"status {status}: {last}" if status else "did not run")


def boot_programs(name, entry, image):
	"""Boot one scenario. Returns the cases of its programs."""
	lines, may_skip, left_out = programs(entry), re.compile(entry["skips"]), []
	kind = scenarios.machine_of(entry)
	if kind.is_native and any(NEWCOMER in line for line in lines):
		package.for_guest()
	elif not kind.is_native:
		left_out = [line for line in lines if NEWCOMER in line]
		lines = [line for line in lines if line not in left_out]

	def judge(where):
		return [case(where, number, line, may_skip, prints(entry)) for number, line in enumerate(lines)] + \
			[results.Case(os.path.basename(line), results.SKIP, NO_PACKAGES) for line in left_out]

	return scenarios.boot_scenario(name, entry, image,
		scenarios.all_lines(qemu.script_line("programs.sh", kind.meson, *lines)), judge)

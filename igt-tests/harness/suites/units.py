# SPDX-License-Identifier: MIT
"""
Runs the library's unit tests in a guest, for ./run test lib --page-size: the build root cannot run programs of another
architecture, and its kernel has pages of 4 KiB. Tests that are scripts check files and not code, so they skip.
"""

import os
import re
import shlex

from harness.boot import qemu
from harness.build import project
from harness.suites import device, scenarios
from harness.verdict import results

SCRIPT = "this test checks files, which do not depend on the size of pages"
PER_PROGRAM = 120	# seconds for one of the tests, as in lib/tests/meson.build


def boot_units(name, entry, image):
	"""Boot one scenario, and run the unit tests of the suite lib there. Returns their cases."""
	kind = scenarios.machine_of(entry)
	tests = project.tests_of("lib", kind)
	programs = {test: words for test, words in tests.items() if words[0].startswith(kind.meson + os.sep)}

	def judge(where):
		cases = [device.case(where, number, test, re.compile(entry["skips"])) for number, test in enumerate(programs)]
		return cases + [results.Case(test, results.SKIP, SCRIPT) for test in tests if test not in programs]

	lines = [f"timeout {PER_PROGRAM} " + shlex.join(words) for words in programs.values()]
	return scenarios.boot_scenario(name, entry, image,
		scenarios.all_lines(qemu.script_line("programs.sh", kind.meson, *lines)), judge)

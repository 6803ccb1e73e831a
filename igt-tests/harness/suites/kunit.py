# SPDX-License-Identifier: MIT
"""
Runs the KUnit tests of the series: loads the driver, which contains them, with KUnit enabled, and judges the kernel's
log.
"""

import glob
import os

from harness import step
from harness.boot import qemu
from harness.build import source
from harness.suites import scenarios
from harness.verdict import kunit, results

SOURCES = "drivers/gpu/drm/amd/amdgpu/*_kunit.c"


def wanted(tree):
	"""Returns {suite: [tests]} of the driver's sources in the kernel tree @tree."""
	found = {}
	for path in sorted(glob.glob(os.path.join(tree, SOURCES))):
		found.update(kunit.tests_in(step.read(path)))
	return found


def boot_kunit(name, entry, image):
	"""Boot one scenario, and run the KUnit tests there. Returns a case for each test and each suite of KUnit."""
	tests = wanted(source.patched())
	return scenarios.boot_scenario(name, entry, image, scenarios.all_lines(qemu.script_line("kunit.sh")),
		lambda where: kunit.cases(results.read(where.dmesg), tests))

# SPDX-License-Identifier: MIT
"""
Runs the suite deb: boots the kernels of the packages that ./run kernel deb builds, and runs tests there. The suite
builds the packages with the guest's configuration itself. The packages with Debian's configuration take hours, so the
suite tests them only if the user has built them.
"""

import os
import re

from harness.boot import qemu
from harness.build import debs
from harness.suites import scenarios
from harness.verdict import results

SUITE = "deb"
RELEASE = "release"	# file in the share with the release of the kernel that runs
NOT_BUILT = "./run kernel deb has not built these packages of this series, and it takes hours"


def missing(config):
	"""Returns the sections of @config that need packages with Debian's configuration, if these are not built."""
	mine = [name for name in config.sections() if config[name]["suite"] == SUITE]
	return [name for name in mine if debs.config_of(config[name]["kernel"]) == debs.DEBIAN and not debs.built(debs.DEBIAN)]


def leave_out(config):
	"""Remove the boots from @config whose packages are missing."""
	for name in missing(config):
		config.remove_section(name)


def left_out():
	"""Returns a skipped case for each boot that leave_out() removes."""
	return [results.Case(name, results.SKIP, NOT_BUILT) for name in missing(scenarios.all_scenarios())]


def release_case(running, wanted):
	"""
	Returns a case that passes if @running, the output of uname -r or None, is the release @wanted of the package's
	kernel. A boot of another kernel would say nothing about the package.
	"""
	found = (running or "").strip() or "nothing"
	return results.Case(RELEASE, results.PASS if found == wanted else results.FAIL,
		"" if found == wanted else f"{found} runs, and the package has {wanted}")


def boot_package(name, entry, image):
	"""Boot the kernel of a package. Returns the cases of its release and of its tests."""
	parts = scenarios.parts_of(entry)

	def judge(where):
		return [release_case(where.shared(RELEASE), image.release),
			*results.igt_cases([os.path.join(scenarios.results_of(where, part.name), "results.json") for part in parts],
				sum((part.tests for part in parts), []), re.compile(entry["skips"]), [])]

	lines = [scenarios.runner_line(part.programs, part.tests, one_process=part.one_process, name=part.name) for part in parts]
	return scenarios.boot_scenario(name, entry, image,
		scenarios.all_lines(f"uname -r > {qemu.SHARE}/{RELEASE}", *lines), judge)

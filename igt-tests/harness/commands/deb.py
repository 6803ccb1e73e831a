# SPDX-License-Identifier: MIT
"""./run kernel deb: builds Debian packages of the patched kernel, and says what to do with them."""

import os

from harness import step
from harness.build import debs


def size(path):
	return f"{os.path.getsize(path) / 1e6:.1f} MB"


def what_next(config, found):
	"""Returns the line that says what to do with the packages @found, which have the configuration @config."""
	if config != debs.DEBIAN:
		return "this kernel has the drivers of the guest only, so do not install it; ./run test deb boots it"
	return f"install them: sudo dpkg -i {step.host_path(found.image)} {step.host_path(found.headers)}"


def report(config, found, again):
	"""Returns the lines about the packages @found. @again: they are there from an earlier run."""
	took, minutes = "an earlier run built it in" if again else "built in", found.seconds / 60
	return [f"Linux {found.release} with the configuration {config}, {took} {minutes:.1f} minutes",
		*(f"{step.host_path(path)}: {size(path)}" for path in (found.image, found.headers)), what_next(config, found)]


def cmd_deb(config):
	earlier = debs.built(config)
	for line in report(config, earlier or debs.build(config), bool(earlier)):
		step.say(line)

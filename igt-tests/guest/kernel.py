# SPDX-License-Identifier: MIT
"""Kernel images for the test guest."""

import dataclasses
import os
import shutil
import subprocess


@dataclasses.dataclass
class Image:
	"""A kernel that can be booted."""
	image: str	# bzImage
	modules: str	# directory with lib/modules/RELEASE, as modprobe -d takes it
	release: str


def read(path):
	with open(path, encoding="utf-8") as f:
		return f.read()


def depmod(directory, release):
	subprocess.run(["depmod", "-b", directory, release], check=True)


def install_modules(build, directory):
	"""Copy the modules of a build directory, as modules_install would but in no time; the Image."""
	release = read(os.path.join(build, "include/config/kernel.release")).strip()
	target = os.path.join(directory, "lib/modules", release)
	shutil.rmtree(target, ignore_errors=True)
	os.makedirs(target)
	for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
		shutil.copy(os.path.join(build, name), target)
	for line in read(os.path.join(build, "modules.order")).split():
		module = os.path.splitext(line)[0] + ".ko"
		copy = os.path.join(target, "kernel", module)
		os.makedirs(os.path.dirname(copy), exist_ok=True)
		shutil.copy(os.path.join(build, module), copy)
	depmod(directory, release)
	return Image(os.path.join(build, "arch/x86/boot/bzImage"), directory, release)

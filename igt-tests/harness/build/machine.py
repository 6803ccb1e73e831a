# SPDX-License-Identifier: MIT
"""
Describes the guests: an x86-64 machine, whose pages have 4 KiB, and arm64 machines with larger pages, which --page-size
chooses. Code that depends on the guest's processor or on the size of its pages reads a field of a Machine.
"""

import dataclasses
import os

from harness import step
from harness.build import flavours

USUAL = "4k"	# the page size without --page-size
ARM64_ROOT = os.path.join(step.CACHE, "arm64")	# `run` sets it up, and mounts /build, /project and /dir in it
ARM64_APT = "/etc/apt/arm64.conf"	# `run` writes it
CROSS = "aarch64-linux-gnu-"


@dataclasses.dataclass(frozen=True)
class Machine:
	"""A kind of guest."""
	page_size: str			# value of --page-size
	page_kib: int
	arch: str			# the kernel's name of the architecture
	fragments: tuple		# files of kernel/config that come on top of guest.config
	target: str			# target of make: a file in arch/ARCH/boot
	memory_mb: int			# memory of a guest; each of its two NUMA nodes has half of it
	meson: str			# Meson's build directory for the guest's programs
	root: str			# the guest's root, a directory of the build root
	debian: str			# Debian's name of its kernel with this page size; empty: it has none
	longer: int = 1			# by which factor a boot may last longer than scenarios.cfg says
	cross: str = ""			# prefix of the cross compiler and its tools; empty: no cross build

	@property
	def is_native(self):
		"""Can the build root run the guest's programs?"""
		return not self.cross

	@property
	def options(self):
		"""The options in the flavours of its kernels (flavours.py)."""
		return "" if self.is_native else self.page_size

	@property
	def stock(self):
		"""The flavour of its kernel without the series: Debian's, or the base if Debian has none with this page size."""
		return flavours.of(flavours.DEBIAN if self.debian else flavours.BASE, self.options)

	@property
	def apt(self):
		"""The variables with which apt finds packages of the guest's architecture."""
		return {} if self.is_native else {"APT_CONFIG": ARM64_APT}

	@property
	def page(self):
		return self.page_kib << 10

	def compiler(self):
		"""Returns the words of the C compiler for programs of the guest."""
		return [self.cross + "gcc"] + ([] if self.is_native else ["--sysroot=" + self.root])

	def environment(self):
		"""Returns the variables by which the kernel's Makefile knows the architecture."""
		return {} if self.is_native else {"ARCH": self.arch, "CROSS_COMPILE": self.cross}


def arm64(page_kib):
	size = f"{page_kib}k"
	# Tests count pages, so a guest with larger pages has more memory. The host provides only the pages that the
	# guest touches.
	memory_mb = {16: 4096, 64: 8192}[page_kib]
	# In these guests each subtest has a process of its own, and the start of a process takes about a second. So
	# boots last up to four times as long.
	return Machine(size, page_kib, "arm64", ("arm64.config", f"{size}.config"), "Image", memory_mb,
		os.path.join(step.BUILD, "meson-arm64"), ARM64_ROOT, {16: "arm64-16k", 64: ""}[page_kib], 4, CROSS)


MACHINES = {machine.page_size: machine for machine in (
	Machine(USUAL, 4, "x86", (), "bzImage", 1024, os.path.join(step.BUILD, "meson"), "/", "amd64"),
	arm64(16), arm64(64))}


def of(flavour):
	"""
	Returns the Machine that a kernel of this @flavour runs on. The options of a kernel for arm64 are its page size, so
	@flavour may also be a page size; kernels with other options, such as "debug", are for the usual machine.
	"""
	return MACHINES.get(flavours.options_of(flavour or flavours.PATCHED), MACHINES[USUAL])

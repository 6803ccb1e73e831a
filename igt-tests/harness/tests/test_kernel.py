# SPDX-License-Identifier: MIT
"""Tests which of several kernels of Debian the harness takes, and how it builds kernels for other machines."""

import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness import step
from harness.build import flavours, kernel, machine, project

# From the oldest to the newest.
RELEASES = ("7.3.4+deb13-amd64", "7.3.9+deb13-amd64", "7.3.10+deb9-amd64", "7.3.10+deb13-amd64")


class Debian(unittest.TestCase):
	def test_newest_in_the_package_lists(self):
		for releases in (RELEASES, RELEASES[::-1]):
			text = "".join(f"linux-binary-unsigned-{release} - Linux\n" for release in releases)
			with mock.patch.object(kernel.source, "base", return_value={"version": "7.3.4"}), \
					mock.patch.object(subprocess, "run", return_value=mock.Mock(stdout=text)):
				self.assertEqual(kernel.debian_release(), RELEASES[-1])

	def test_newest_in_the_cache(self):
		with tempfile.TemporaryDirectory() as cache, mock.patch.object(step, "CACHE", cache):
			for number, release in enumerate(RELEASES, 1):
				os.makedirs(os.path.join(cache, "stock", release))
				os.makedirs(os.path.join(cache, "stock", "7.3.99+deb13-amd64.new"), exist_ok=True)
				self.assertEqual(kernel.debian().release, RELEASES[number - 1])


class Names(unittest.TestCase):
	def test_both_ways(self):
		for source in flavours.SOURCES:
			for options in ("", "debug", "16k", "64k"):
				flavour = flavours.of(source, options)
				self.assertEqual((flavours.source_of(flavour), flavours.options_of(flavour)), (source, options))
		self.assertEqual([flavours.of("patched"), flavours.of("patched", "64k"), flavours.of("base"), flavours.of("base", "64k")],
			["patched", "64k", "base", "64k-base"])

	def test_each_has_its_own_directory(self):
		names = [flavours.of(source, options) for source in flavours.SOURCES for options in ("", "debug", "64k")]
		self.assertEqual(len({kernel.flavoured("image", name) for name in names}), len(names))
		self.assertEqual(kernel.flavoured("image", "patched"), os.path.join(step.BUILD, "image"))

	def test_each_has_its_maker(self):
		for name, maker in (("patched", "build"), ("64k", "build"), ("64k-base", "base"), ("controls", "controls")):
			with mock.patch.object(kernel, maker, return_value=name):
				self.assertEqual(kernel.get(name), name)
		with mock.patch.object(kernel, "debian", lambda kind: kind.page_size):
			self.assertEqual((kernel.get("debian"), kernel.get("16k-debian")), ("4k", "16k"))


class Machines(unittest.TestCase):
	def test_cross_build(self):
		words = kernel.make("/tree", "/out", "Image", flavour="64k")
		self.assertIn("CC=ccache aarch64-linux-gnu-gcc", words)
		self.assertIn("HOSTCC=ccache gcc", words)
		self.assertEqual(kernel.environment("64k")["ARCH"], "arm64")
		self.assertIn("CC=ccache gcc", kernel.make("/tree", "/out", "bzImage"))
		self.assertNotIn("ARCH", {name for name in kernel.environment() if name not in os.environ})

	def test_options(self):
		self.assertEqual(kernel.extra_options(flavours.PATCHED), "")
		self.assertIn("CONFIG_KASAN=y", kernel.extra_options("debug"))
		for size, other in (("16", "64"), ("64", "16")):
			text = step.read(kernel.FRAGMENT) + kernel.extra_options(size + "k")
			have = f"CONFIG_ARM64_{size}K_PAGES=y\nCONFIG_SERIAL_AMBA_PL011=y\n"
			missing = kernel.missing_options(text, have)
			# A line of arm64.config overrides the one of guest.config.
			self.assertFalse([line for line in missing if line.startswith(("CONFIG_SERIAL_8250", "CONFIG_X86"))])
			self.assertNotIn(f"CONFIG_ARM64_{size}K_PAGES=y", missing)
			self.assertNotIn(f"CONFIG_ARM64_{other}K_PAGES", text)

	def test_flavours(self):
		for flavour, page in (("patched", 4096), ("debug", 4096), ("16k", 16384), ("64k", 65536), ("64k-base", 65536)):
			image = kernel.Image("image", "modules", "7.3.4", flavour=flavour)
			self.assertEqual((image.machine.page, image.machine.is_native), (page, page == 4096))

	def test_stock(self):
		self.assertEqual([machine.of(size).stock for size in (None, "4k", "16k", "64k")],
			["debian", "debian", "16k-debian", "64k-base"])

	def test_cross_file_names_the_root(self):
		text = step.read(step.script(project.CROSS_FILE))
		self.assertIn(f"root = '{machine.ARM64_ROOT}'\n", text)
		self.assertIn(f"'{machine.CROSS}gcc', '--sysroot=' + root", text)


if __name__ == "__main__":
	unittest.main()

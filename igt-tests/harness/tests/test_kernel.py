# SPDX-License-Identifier: MIT
"""Tests the names of kernels, which of several kernels of Debian the harness takes, and how it builds others."""

import os
import shutil
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


class Start(unittest.TestCase):
	"""Tests with which configuration a build begins."""

	def test_complete_configuration_of_debian(self):
		"""The harness takes Debian's configuration from the package of the headers, and only once."""
		text = "CONFIG_OF_DEBIAN=y\n"
		with tempfile.TemporaryDirectory() as cache, mock.patch.object(step, "CACHE", cache):
			image = kernel.Image("image", os.path.join(cache, "stock/7.3.4+deb13-amd64"), "7.3.4+deb13-amd64")
			os.makedirs(image.modules)

			def unpack(_what, words, **_):
				place = os.path.join(words[-1], "usr/src/linux-headers-7.3.4+deb13-amd64")
				os.makedirs(place)
				step.write(os.path.join(place, ".config"), text)

			def download(package):
				self.assertEqual(package, "linux-headers-7.3.4+deb13-amd64")
				step.write(os.path.join(cache, "deb"), "")
				return os.path.join(cache, "deb")

			with mock.patch.object(kernel, "debian", return_value=image), mock.patch.object(step, "run_logged", side_effect=unpack), \
					mock.patch.object(kernel.packages, "download", side_effect=download) as downloads:
				self.assertEqual([kernel.debian_config(), kernel.debian_config()], [text, text])
				self.assertEqual(downloads.call_count, 1)
			self.assertFalse(os.path.exists(os.path.join(cache, "deb")))

	def test_words_of_configure(self):
		"""Debian's configuration gets only the lines of package.config on top, the guest's only those of guest.config."""
		for start, extra in (("CONFIG_OF_DEBIAN=y\n", "CONFIG_X=y\n"), ("", "")):
			with tempfile.TemporaryDirectory() as out:
				def run(_what, words, **_):
					self.assertEqual([os.path.basename(word) for word in words[4:]],
						[".userptr-fragment", ".userptr-start" if start else os.path.basename(kernel.tinyconfig("patched"))])
					fragment = step.read(words[4])
					self.assertEqual(fragment, extra or step.read(kernel.FRAGMENT))
					step.write(os.path.join(out, ".config"), "".join(line + "\n" for line in fragment.splitlines() if not line.endswith("=n")))

				with mock.patch.object(step, "run_logged", side_effect=run) as runs:
					kernel.configure("/tree", out, extra, start=start)
					kernel.configure("/tree", out, extra, start=start)
					self.assertEqual(runs.call_count, 1)
					# If Debian's configuration has changed, configure() calls configure.sh again.
					if start:
						kernel.configure("/tree", out, extra, start=start + "CONFIG_Y=y\n")
						self.assertEqual(runs.call_count, 2)


# Stands in for make: "tinyconfig" writes a line, or fails if the variable FAILS is set.
MAKE = """#!/bin/sh
out=${4#O=}
echo "$5" >>"$out/calls"
[ "$5" != tinyconfig ] || { echo tiny >"$out/.config"; [ -z "$FAILS" ]; }
"""
# Stands in for merge_config.sh.
MERGE = """#!/bin/sh
cat "$5" >>"$3/.config"
"""


class Tinyconfig(unittest.TestCase):
	def setUp(self):
		top = tempfile.mkdtemp()
		self.addCleanup(shutil.rmtree, top)
		self.tree, self.out, self.start = (os.path.join(top, name) for name in ("tree", "out", "start"))
		for path, text in ((os.path.join(top, "bin/make"), MAKE), (os.path.join(self.tree, "scripts/kconfig/merge_config.sh"), MERGE)):
			os.makedirs(os.path.dirname(path))
			step.write(path, text)
			os.chmod(path, 0o755)
		os.makedirs(self.out)
		step.write(os.path.join(self.out, "lines"), "line\n")
		self.path = os.path.join(top, "bin") + ":" + os.environ["PATH"]

	def configure(self, **variables):
		"""Call configure.sh. Returns (exit status, the configuration)."""
		result = subprocess.run(["sh", step.script("configure.sh"), self.tree, self.out, os.path.join(self.out, "lines"), self.start],
			env={**os.environ, "PATH": self.path, "FAILS": "", **variables})
		return result.returncode, step.read(os.path.join(self.out, ".config"))

	def calls(self):
		return step.read(os.path.join(self.out, "calls")).split()

	def test_made_once(self):
		self.assertEqual([self.configure(), self.configure()], [(0, "tiny\nline\n")] * 2)
		self.assertEqual(self.calls(), ["tinyconfig", "olddefconfig", "olddefconfig"])

	def test_not_kept_after_a_failure(self):
		self.assertNotEqual(self.configure(FAILS="1")[0], 0)
		self.assertFalse(os.path.exists(self.start))
		self.assertEqual(self.configure(), (0, "tiny\nline\n"))

	def test_one_for_each_processor(self):
		self.assertEqual(kernel.tinyconfig("patched"), kernel.tinyconfig("debug"))
		self.assertNotEqual(kernel.tinyconfig("patched"), kernel.tinyconfig("64k"))


class Names(unittest.TestCase):
	def test_both_ways(self):
		for source in flavours.SOURCES:
			for options in ("", "debug", "guest", "hz1000", "16k", "64k"):
				flavour = flavours.of(source, options)
				self.assertEqual((flavours.source_of(flavour), flavours.options_of(flavour)), (source, options))
		self.assertEqual([flavours.of("patched"), flavours.of("patched", "64k"), flavours.of("base"), flavours.of("base", "64k")],
			["patched", "64k", "base", "64k-base"])

	def test_each_has_its_own_directory(self):
		names = [flavours.of(source, options) for source in flavours.SOURCES for options in ("", "debug", "64k")]
		self.assertEqual(len({kernel.flavoured("image", name) for name in names}), len(names))
		self.assertEqual(kernel.flavoured("image", "patched"), os.path.join(step.BUILD, "image"))

	def test_each_has_its_maker(self):
		for name, maker in (("patched", "build"), ("64k", "build"), ("64k-base", "build_image"), ("controls", "controls")):
			with mock.patch.object(kernel, maker, return_value=name):
				self.assertEqual(kernel.get(name), name)
		with mock.patch.object(kernel, "debian", lambda kind: kind.page_size):
			self.assertEqual((kernel.get("debian"), kernel.get("16k-debian")), ("4k", "16k"))


class Base(unittest.TestCase):
	def test_copies_are_mounted_over_their_originals(self):
		self.assertEqual(kernel.over({}, ["make"]), ["make"])
		words = kernel.over({"/build/linux": "/build/linux-base"}, ["make", "all"])
		self.assertEqual(words[2:], ["/build/linux-base", "/build/linux", "--", "make", "all"])

	def install(self, out, target, _flavour):
		self.installed = out
		os.makedirs(target)
		return kernel.Image(os.path.join(out, ".config"), target, "7.3.4")

	def build(self, flavour):
		"""
		Make the image of @flavour twice, with compilers that do nothing. Returns the command lines, their environments,
		the fragment of the configuration, and the Image.
		"""
		commands, environments = [], []

		def run(_what, argv, env, **_kwargs):
			commands.append(" ".join(argv))
			environments.append(env)

		def patched(name="linux", patches=None):
			return f"/build/{name}{'' if patches is None else ' with' + str(len(patches))}"

		with tempfile.TemporaryDirectory() as directory, mock.patch.object(step, "BUILD", directory), \
				mock.patch.object(step, "run_logged", run), mock.patch.object(kernel.source, "patched", patched), \
				mock.patch.object(kernel, "series_digest", lambda: "series"), \
				mock.patch.object(kernel, "missing_options", return_value=[]), \
				mock.patch.object(kernel, "install_modules", side_effect=self.install):
			built = kernel.flavoured("kernel", flavour)
			os.makedirs(built)
			step.write(os.path.join(built, ".config"), "")
			image = kernel.build_image(flavour)
			self.assertEqual(self.installed, built)
			self.assertEqual(set(os.listdir(kernel.flavoured("image", flavour))), {".config", "image.json"})
			count = len(commands)
			self.assertEqual(kernel.build_image(flavour), image)	# the second call compiles nothing
			self.assertEqual(len(commands), count)
			fragment = step.read(os.path.join(built, ".userptr-fragment"))
			return [line.replace(directory, "") for line in commands], environments, fragment, image

	def test_base_has_no_series_and_the_same_configuration(self):
		for options in ("", "hz1000", "64k"):
			patched, patched_environment, patched_fragment, _ = self.build(flavours.of(flavours.PATCHED, options))
			base, base_environment, base_fragment, image = self.build(flavours.of(flavours.BASE, options))
			self.assertEqual((patched_fragment, patched_environment), (base_fragment, base_environment))
			self.assertEqual(len(patched), len(base))
			for with_series, without in zip(patched, base):
				# Both kernels need the same calls. For the base they run while the base's directories
				# are mounted over those of the patched kernel.
				self.assertTrue(without.endswith(" -- " + with_series), without)
				self.assertIn("/build/linux-base with0 /build/linux ", without)
				self.assertIn(f"/kernel-{image.flavour} /{flavours.directory('kernel', options or 'patched')} ", without)

	def test_base_is_that_of_the_machine(self):
		commands, environments, fragment, image = self.build("64k-base")
		self.assertIn("CC=ccache aarch64-linux-gnu-gcc HOSTCC=ccache gcc Image modules", commands[-1])
		self.assertEqual({found["ARCH"] for found in environments}, {"arm64"})
		self.assertIn("CONFIG_ARM64_64K_PAGES=y", fragment)
		self.assertEqual((image.flavour, image.machine.page), ("64k-base", 65536))

	def test_stamps(self):
		names = [flavours.of(source, options) for source in (flavours.PATCHED, flavours.BASE) for options in ("", "hz1000", "64k")]
		stamps = {}
		for series in ("a", "b"):
			with mock.patch.object(kernel, "series_digest", lambda series=series: series):
				stamps[series] = [kernel.stamp_of(name) for name in names]
		self.assertEqual(len(set(stamps["a"])), len(names))
		# A change of the series builds the patched kernels again, and no base.
		self.assertEqual([a == b for a, b in zip(stamps["a"], stamps["b"])], [False] * 3 + [True] * 3)

	def test_only_the_debug_kernel_has_checkers(self):
		for flavour, found in (("patched", False), ("hz1000", False), ("debug", True), ("base", False)):
			*_, image = self.build(flavour)
			self.assertEqual((image.flavour, image.has_checkers), (flavour, found))


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

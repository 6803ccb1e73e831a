# SPDX-License-Identifier: MIT
"""Tests the configuration of the Debian packages of ./run kernel deb, their names, and when they are built again."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness import step
from harness.build import debs, flavours, kernel, machine, source
from harness.commands import deb as command

# The lines of Debian's configuration that matter here, with the options on which they depend.
DEBIAN = """
CONFIG_64BIT=y
CONFIG_SMP=y
CONFIG_MODULES=y
CONFIG_ACPI=y
CONFIG_EFI=y
CONFIG_EFI_STUB=y
CONFIG_EFI_SBAT_FILE="debian/sbat.csv"
CONFIG_PCI=y
CONFIG_PCI_P2PDMA=y
CONFIG_MEMORY_HOTPLUG=y
CONFIG_MEMORY_HOTREMOVE=y
CONFIG_SPARSEMEM_VMEMMAP=y
CONFIG_ZONE_DEVICE=y
CONFIG_DEVICE_PRIVATE=y
CONFIG_DRM=m
CONFIG_DRM_AMDGPU=m
CONFIG_DRM_AMDGPU_USERPTR=y
CONFIG_HSA_AMD=y
CONFIG_HSA_AMD_SVM=y
# CONFIG_HSA_AMD_P2P is not set
CONFIG_DEBUG_KERNEL=y
# CONFIG_DEBUG_INFO_NONE is not set
CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT=y
CONFIG_DEBUG_INFO_BTF=y
CONFIG_MODULE_SIG=y
CONFIG_MODULE_SIG_ALL=y
CONFIG_MODULE_SIG_KEY="output/signing_key.pem"
CONFIG_SYSTEM_TRUSTED_KEYS="debian/certs/debian-uefi-certs.pem"
"""
WANTED = ("CONFIG_DRM_AMDGPU=m", "CONFIG_DRM_AMDGPU_USERPTR=y", "CONFIG_HSA_AMD=y", "CONFIG_HSA_AMD_SVM=y", "CONFIG_HSA_AMD_P2P=y",
	"CONFIG_DEBUG_INFO_NONE=y", "CONFIG_MODULE_SIG_ALL=y", 'CONFIG_MODULE_SIG_KEY="certs/signing_key.pem"', 'CONFIG_SYSTEM_TRUSTED_KEYS=""',
	'CONFIG_EFI_SBAT_FILE=""')
UNWANTED = ("CONFIG_DEBUG_INFO=", "CONFIG_DEBUG_INFO_BTF=", "CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT=")


def base_tree():
	"""Returns the path of the unpacked base, or None outside of the build root."""
	found = glob.glob(os.path.join(step.CACHE, f"linux/{source.base()['version']}-*/Makefile"))
	return os.path.dirname(found[0]) if found else None


class Configuration(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		# make compiles its configuration program in this directory, so all tests share the directory.
		cls.out = tempfile.mkdtemp()
		cls.addClassCleanup(shutil.rmtree, cls.out)

	def configured(self, fragment):
		"""Merge DEBIAN and the lines @fragment as a build does. Returns the text of the configuration."""
		start, lines = os.path.join(self.out, "start"), os.path.join(self.out, "fragment")
		step.write(start, DEBIAN)
		step.write(lines, fragment)
		subprocess.run(["sh", step.script("configure.sh"), base_tree(), self.out, lines, start], capture_output=True, check=True)
		return step.read(os.path.join(self.out, ".config"))

	@unittest.skipUnless(base_tree(), "only the build root has the kernel's source")
	def test_merge(self):
		fragment = step.read(debs.FRAGMENT)
		text = self.configured(fragment)
		self.assertEqual(kernel.missing_options(fragment, text), [])
		lines = text.splitlines()
		for line in WANTED:
			self.assertIn(line, lines)
		for beginning in UNWANTED:
			self.assertEqual([line for line in lines if line.startswith(beginning)], [])

	@unittest.skipUnless(base_tree(), "only the build root has the kernel's source")
	def test_merge_without_the_fragment(self):
		"""Without the fragment the kernel keeps its debug information and Debian's keys, and the check says so."""
		text = self.configured("")
		for line in ("CONFIG_DEBUG_INFO=y", 'CONFIG_MODULE_SIG_KEY="output/signing_key.pem"', "CONFIG_DRM_AMDGPU=m"):
			self.assertIn(line, text.splitlines())
		missing = kernel.missing_options(step.read(debs.FRAGMENT), text)
		for line in ("CONFIG_DEBUG_INFO_NONE=y", "CONFIG_HSA_AMD_P2P=y", 'CONFIG_SYSTEM_TRUSTED_KEYS=""'):
			self.assertIn(line, missing)

	def test_fragment(self):
		lines = step.read(debs.FRAGMENT).splitlines()
		for line in (*(line for line in WANTED if "SIG_ALL" not in line), "CONFIG_DEBUG_INFO_BTF=n"):
			self.assertIn(line, lines)


class Names(unittest.TestCase):
	def test_flavours(self):
		self.assertEqual([debs.flavour_of(config) for config in debs.CONFIGS], ["package", "guest-package"])
		for config in debs.CONFIGS:
			flavour = debs.flavour_of(config)
			self.assertEqual((debs.config_of(flavour), flavours.source_of(flavour)), (config, flavours.PACKAGE))
			self.assertTrue(machine.of(flavour).is_native)

	def test_versions(self):
		version = debs.project_version()
		self.assertRegex(version, r"^[0-9]+\.[0-9]+\.[0-9]+$")
		self.assertEqual([debs.local_version(config) for config in debs.CONFIGS], [f"-userptr{version}", f"-userptr{version}-guest"])
		self.assertEqual(debs.package_version(), f"{source.base()['version']}-{version}")

	def test_ccache(self):
		self.assertEqual([debs.environment(config).get("CCACHE_DISABLE") for config in debs.CONFIGS], ["1", None])


class Build(unittest.TestCase):
	def setUp(self):
		self.directory = tempfile.mkdtemp()
		self.addCleanup(shutil.rmtree, self.directory)
		self.words, self.leave_out = [], ()
		for where, name, value in ((step, "BUILD", self.directory), (source, "patched", lambda: "/tree"),
				(kernel, "configure", lambda *_, **__: None), (step, "run_logged", self.make)):
			patch = mock.patch.object(where, name, value)
			patch.start()
			self.addCleanup(patch.stop)

	def make(self, _what, words, env):
		"""Stands for make: writes the name of the release, and packages like those of bindeb-pkg."""
		self.words.append(words)
		out = words[3].removeprefix("O=")
		release = source.base()["version"] + next(word for word in words if word.startswith("LOCALVERSION=")).partition("=")[2]
		os.makedirs(os.path.join(out, "include/config"), exist_ok=True)
		step.write(os.path.join(out, "include/config/kernel.release"), release + "\n")
		for name in (debs.IMAGE + release, debs.HEADERS + release, debs.LIBC):
			if not name.startswith(self.leave_out):
				step.write(os.path.join(os.path.dirname(out), f"{name}_{env['KDEB_PKGVERSION']}_amd64.deb"), "deb")

	def test_built_once(self):
		self.assertIsNone(debs.built(debs.GUEST))
		found = debs.build(debs.GUEST)
		self.assertEqual(debs.build(debs.GUEST), found)
		self.assertEqual(len(self.words), 1)
		self.assertEqual(self.words[0][-1], "bindeb-pkg")
		self.assertRegex(os.path.basename(found.image), r"^linux-image-[0-9.]+-userptr[0-9.]+-guest_[0-9.]+-[0-9.]+_amd64\.deb$")
		self.assertEqual(sorted(os.path.basename(path).split("_")[0] for path in glob.glob(self.directory + "/deb-guest/*.deb")),
			[debs.HEADERS + found.release, debs.IMAGE + found.release])
		self.assertIsNone(debs.built(debs.DEBIAN))

	def test_built_again(self):
		found = debs.build(debs.GUEST)
		with mock.patch.object(kernel, "series_digest", return_value="another series"):
			self.assertIsNone(debs.built(debs.GUEST))
			debs.build(debs.GUEST)
		os.unlink(debs.build(debs.GUEST).headers)
		self.assertIsNone(debs.built(debs.GUEST))
		self.assertEqual(debs.build(debs.GUEST).release, found.release)
		self.assertEqual(len(self.words), 4)

	def test_missing_package(self):
		self.leave_out = (debs.HEADERS,)
		with self.assertRaisesRegex(step.Failed, "made 0 packages linux-headers-"):
			debs.build(debs.GUEST)
		self.assertIsNone(debs.built(debs.GUEST))

	def test_release_of_the_package(self):
		for name, release in (("linux-image-7.3.4-userptr0.1.0", "7.3.4-userptr0.1.0"), ("linux-headers-7.3.4", None)):
			with mock.patch.object(subprocess, "run", return_value=mock.Mock(stdout=name + "\n")):
				if release:
					self.assertEqual(debs.release_of("deb"), release)
				else:
					self.assertRaises(step.Failed, debs.release_of, "deb")

	def test_report(self):
		with mock.patch.object(debs.kernel, "debian_config", return_value=DEBIAN):
			texts = {config: command.report(config, debs.build(config), False) for config in debs.CONFIGS}
		self.assertRegex(texts[debs.DEBIAN][-1], r"^install them: sudo dpkg -i \S+/linux-image-\S+\.deb \S+/linux-headers-\S+\.deb$")
		self.assertIn("do not install it", texts[debs.GUEST][-1])
		for lines in texts.values():
			self.assertRegex(lines[0], r"^Linux \S+ with the configuration \w+, built in [0-9.]+ minutes$")
			self.assertEqual([line.rsplit(": ", 1)[1] for line in lines[1:3]], ["0.0 MB"] * 2)


if __name__ == "__main__":
	unittest.main()

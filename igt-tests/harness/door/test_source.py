# SPDX-License-Identifier: MIT
"""Tests downloads of the harness, that it refuses patches that do not apply exactly, and the owner of its files."""

import hashlib
import os
import subprocess
import tempfile
import unittest

from harness import step
from harness.build import source
from harness.door.host import DEBIAN, Host

GOOD = "the package of the base\n"
SHA256 = hashlib.sha256(GOOD.encode()).hexdigest()
SECOND = "https://snapshot.example.org/linux-source_1_all.deb"
PINNED = f"""
from harness import step
from harness.build import packages
try:
	print(packages.pinned("linux-source", "1", "{SHA256}", "{SECOND}"))
except step.Failed as failure:
	print("failed:", failure)
"""
DOWNLOAD = """
from harness import step
from harness.build import packages
try:
	packages.download("bc")
except step.Failed as failure:
	print("failed:", failure)
"""
WRITE = """
from harness import cli
def fill(_args):
	with open("/cache/big", "w") as file:
		file.write("x" * (4 << 20))
cli.COMMANDS["demo"] = fill
sys.argv = ["cli.py", "demo"]
sys.exit(cli.main())
"""
MIRROR = "net/deb.debian.org/pool/linux-source=1"
AT_SECOND = "net/snapshot.example.org/linux-source_1_all.deb"


class Packages(unittest.TestCase):
	def pinned(self, files):
		"""
		Call packages.pinned() on a host whose internet has these @files, {path: text}. Returns (its output, the
		contents of the packages that it has kept).
		"""
		with Host() as host:
			host.write("apt/sources.list", f"deb {DEBIAN} forky main\n")
			for name, text in files.items():
				host.write(name, text)
			result = host.python(PINNED)
			self.assertEqual((0, ""), (result.status, result.err))
			kept = os.listdir(host.path("cache/download"))
			return result.out, [host.read("cache/download/" + name) for name in kept if name.endswith(".deb")]

	def test_mirror(self):
		"""the kernel's source is the mirror's while the mirror has it"""
		said, kept = self.pinned({MIRROR: GOOD, AT_SECOND: GOOD})
		self.assertNotIn("because", said)
		self.assertEqual([GOOD], kept)

	def test_moved_on(self):
		"""the kernel's source is from the second place when the mirror has a newer one, and a line says so"""
		said, kept = self.pinned({AT_SECOND: GOOD})
		self.assertIn(f"downloading linux-source from {SECOND}, because the mirror {DEBIAN} does not have version 1\n", said)
		self.assertEqual([GOOD], kept)

	def test_other_file(self):
		"""a package of another checksum is taken neither from the mirror nor from the second place"""
		said, kept = self.pinned({MIRROR: "bad\n", AT_SECOND: GOOD})
		self.assertIn(f"because linux-source_all.deb of the mirror {DEBIAN} has another checksum", said)
		self.assertEqual([GOOD], kept)
		said, kept = self.pinned({MIRROR: "bad\n", AT_SECOND: "worse\n"})
		self.assertIn(f"failed: {SECOND} has another checksum than kernel/BASE names", said)
		self.assertEqual([], kept)

	def test_nowhere(self):
		"""a kernel's source that neither place has is named with both places"""
		said, kept = self.pinned({})
		self.assertIn(f"failed: linux-source is not to be had: the mirror {DEBIAN} does not have version 1, and {SECOND}"
			" cannot be reached; is there a network?", said)
		self.assertEqual([], kept)

	def test_base(self):
		"""kernel/BASE has checksums and an address of the second place"""
		base = source.base()
		for key in ("sha256", "package_sha256"):
			self.assertRegex(base[key], "^[0-9a-f]{64}$")
		self.assertTrue(base["second_place"].endswith(f"/{base['package']}_{base['package_version']}_all.deb"))

	def test_offline(self):
		"""a suite's download without network names the mirror, by apt's own words"""
		with Host() as host:
			host.write("apt/sources.list", f"deb [trusted=yes] {DEBIAN} forky main\n")
			host.write("apt/apt.conf.d/retries", 'Acquire::Retries "0";\n')
			result = host.python(DOWNLOAD, network=False, stubs=False)
			self.assertIn(f"failed: downloading bc failed (the Debian mirror {DEBIAN} cannot be reached; is there a network?",
				result.out)
			self.assertEqual("", result.err)

	def test_full(self):
		"""a download that fills the disk says so"""
		with Host() as host:
			host.write("apt/sources.list", f"deb {DEBIAN} forky main\n")
			host.write(MIRROR, "x" * (4 << 20))
			host.resize("1m")
			result = host.python(PINNED)
			self.assertIn("failed: downloading linux-source failed (no space left on device; make room, or", result.out)

	def test_full_write(self):
		"""a file that the harness cannot write because the disk is full is reported in one line"""
		with Host() as host:
			host.resize("1m")
			result = host.python(WRITE)
			self.assertEqual((1, 1), (result.status, result.err.count("\n")), result.err)
			self.assertIn("run: no space left on device; make room, or", result.err)


PATCH = """diff --git a/file b/file
--- a/file
+++ b/file
@@ -2,3 +2,4 @@
 two
 three
+new
 four
"""


class Hunks(unittest.TestCase):
	def apply(self, text):
		with tempfile.TemporaryDirectory() as work:
			for name in ("origin", "patched"):
				os.mkdir(os.path.join(work, name))
			step.write(os.path.join(work, "origin/file"), text)
			step.write(os.path.join(work, "0001-x.patch"), PATCH)
			source.apply_to(os.path.join(work, "patched"), [os.path.join(work, "0001-x.patch")], os.path.join(work, "origin"))
			return step.read(os.path.join(work, "patched/file"))

	def test_exact(self):
		"""a hunk that applies where it says is applied"""
		self.assertEqual("one\ntwo\nthree\nnew\nfour\n", self.apply("one\ntwo\nthree\nfour\n"))

	def test_offset(self):
		"""a hunk that applies elsewhere is an error"""
		with self.assertRaisesRegex(step.Failed, r"0001-x.patch is not for this base: Hunk #1 succeeded at 3 \(offset 1 line\)"):
			self.apply("zero\none\ntwo\nthree\nfour\n")

	def test_fuzz(self):
		"""a hunk whose context differs is an error"""
		with self.assertRaisesRegex(step.Failed, "0001-x.patch does not apply: error: patch failed: file:2"):
			self.apply("one\ntoo\nthree\nfour\n")


class Owner(unittest.TestCase):
	def test_cache(self):
		"""a HOME of another user, as sudo -E leaves it, does not get root's cache"""
		with Host() as host:
			os.makedirs(host.path("user"))
			os.chown(host.path("user"), 1000, 1000)
			result = host.run("clean", AMDGPU_USERPTR_CACHE=None, HOME=host.path("user"))
			self.assertEqual(0, result.status, result.err)
			self.assertEqual([], os.listdir(host.path("user")))
			self.assertEqual(["amdgpu-userptr"], os.listdir(host.path("home/.cache")))

	def test_su(self):
		"""a PATH without /usr/sbin, as su leaves it, is enough"""
		with Host() as host:
			result = host.run("clean", PATH="/usr/bin:/bin")
			self.assertEqual(0, result.status, result.err)

	def test_tree(self):
		"""a tree that kernel checkout makes belongs to the user of sudo"""
		with Host() as host:
			tree = host.path("user/linux")
			result = host.run("kernel", "checkout", tree, SUDO_UID="1000", SUDO_GID="1001")
			self.assertIn(f"tree: {tree} ", result.out)
			self.assertEqual((1000, 1001), (os.stat(tree).st_uid, os.stat(tree).st_gid))

	def test_files(self):
		"""a file that is written to a directory of a user gets the directory's owner"""
		with tempfile.TemporaryDirectory() as work:
			subprocess.run(["chown", "1000:1001", work], check=True)
			step.write(os.path.join(work, "file"), "")
			step.give(work)
			self.assertEqual(1000, os.stat(os.path.join(work, "file")).st_uid)


if __name__ == "__main__":
	unittest.main()

# SPDX-License-Identifier: MIT
"""Tests the checks of the series with made-up programs and patches: also that a check fails when its program crashes."""

import os
import shutil
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness import step
from harness.review import series
from harness.verdict.results import FAIL, PASS

# Stands for kernel-doc: prints a warning about each of its files, and ends with the status in the file "status".
KERNEL_DOC = """#!/bin/sh
shift
for file; do
	echo "Warning: $file:12 no description" >&2
done
exit "$(cat status)"
"""
SIGNAL = "kill -KILL $$\n"	# ends a program without a word


class Checks(unittest.TestCase):
	def setUp(self):
		self.directory = tempfile.mkdtemp()
		self.addCleanup(shutil.rmtree, self.directory)
		for name in ("base", "tree"):
			os.makedirs(os.path.join(self.directory, name, "scripts"))
			self.program(f"{name}/scripts/kernel-doc", KERNEL_DOC)
			self.write(f"{name}/status", "0")
		self.write("base/a.c", "")
		for name in ("a.c", "b.c"):
			self.write("tree/" + name, "")

	def path(self, name):
		return os.path.join(self.directory, name)

	def write(self, name, text):
		step.write(self.path(name), text)

	def program(self, name, text):
		self.write(name, text)
		os.chmod(self.path(name), 0o755)

	def kernel_doc(self, touched):
		"""Returns the case of the check with kernel-doc of a series that has touched the files @touched."""
		with mock.patch.multiple(series.source, series=lambda *names: ["patch"], pristine=lambda: self.path("base"),
				patched=lambda name, patches: self.path("tree"), touched=lambda patch: touched):
			return series.attempt("kernel-doc", series.check_kernel_doc, "userptr")

	def test_kernel_doc(self):
		self.assertEqual(self.kernel_doc({"a.c"}).verdict, PASS)
		case = self.kernel_doc({"a.c", "b.c"})
		self.assertEqual((case.verdict, case.detail), (FAIL, "Warning: b.c no description"))

	def test_kernel_doc_crashes(self):
		for status in ("1", "3"):
			for name in ("base", "tree"):
				self.write(name + "/status", status)
			case = self.kernel_doc({"a.c"})
			self.assertEqual(case.verdict, FAIL)
			self.assertIn("no description", case.detail)
		for name in ("base", "tree"):
			self.program(name + "/scripts/kernel-doc", "#!/bin/sh\n" + SIGNAL)
		self.assertIn("ended with status -9", self.kernel_doc({"a.c"}).detail)

	def test_checkpatch_crashes(self):
		self.write("ignore", "# comment\nTYPE\n")
		for text, detail in (("exit 0;", ""), ('print "x.c:1: wrong"; exit 1;', "x.c:1: wrong"), ('print STDERR "died"; exit 2;', "died"),
				("kill 9, $$;", "perl scripts/checkpatch.pl ended with status -9")):
			self.write("tree/scripts/checkpatch.pl", text)
			with mock.patch.object(series, "CHECKPATCH_IGNORE", self.path("ignore")):
				self.assertEqual(series.check_patch(self.path("tree"), "patch"), detail, text)

	def test_authors(self):
		self.write("cover", "Subject: all\nFrom: Some Authors <some@example.org>\n")
		self.write("same", "From 0000 Mon Sep 17\nFrom: Some Authors\n <some@example.org>\nDate: today\n")
		self.write("other", "From 0000 Mon Sep 17\nFrom: Root <root@host>\nDate: today\n")
		for names, detail in ((["same"], ""), (["same", "other"], "not by Some Authors <some@example.org>: other")):
			with mock.patch.multiple(series.source, cover=lambda name: self.path("cover"), label=os.path.basename,
					series=lambda *series_names, found=names: list(map(self.path, found))):
				self.assertEqual(series.check_authors(), detail)

	def test_export_crashes(self):
		self.program("crash.sh", SIGNAL)
		self.write("base/.gitattributes", "")
		with mock.patch.multiple(series.source, series=lambda *names: [], pristine=lambda: self.path("base")), \
				mock.patch.object(series, "script", lambda *words: ["bash", self.path("crash.sh")]):
			self.assertIn("ended with status -9", series.check_export())


if __name__ == "__main__":
	unittest.main()

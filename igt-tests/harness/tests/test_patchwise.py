# SPDX-License-Identifier: MIT
"""Tests patchwise.py with a compiler, a small tree, and series whose patches build or do not build."""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness.review import patchwise
from harness.verdict.results import FAIL, PASS

# The files of the base, and changes of these files for the patches of a series.
BASE = {
	"a.h": "struct thing {\n\tint number;\n};\nint old(void);\n",
	"a.c": '#include "a.h"\nint old(void) { return 1; }\n',
	"b.c": '#include "a.h"\nint user(struct thing *thing);\nint user(struct thing *thing) { return old() + thing->number; }\n',
	"c.c": '#include "a.h"\nint third(void);\nint third(void) { return 3; }\n',
}
DECLARE = {"a.h": BASE["a.h"] + "int fresh(void);\n"}
DEFINE = {"a.c": BASE["a.c"] + "int fresh(void) { return 2; }\n"}
USE = {"c.c": BASE["c.c"].replace("return 3;", "return fresh();")}
FORGET = {"a.h": BASE["a.h"].replace("int old(void);\n", "")}
SHRINK = {"a.h": BASE["a.h"].replace("\tint number;\n", "\tint other;\n")}


class Toy(patchwise.Build):
	"""
	A Build of a small tree. It calls the compiler itself where Build calls make, because the tree has no Makefile.
	"""

	def __init__(self, directory, sources):
		super().__init__("toy", "", sources)
		self.out = directory

	def objects(self, tree, sources=None):
		sources = self.sources if sources is None else sources
		return {path[:-2] + ".o" for path in sources if os.path.exists(os.path.join(tree, path))}, ""

	def by_make(self, tree, new=None):
		names = new or self.objects(tree)[0]
		self.commands |= {name: f"gcc -Wall -Werror=implicit-function-declaration -Wp,-MMD,.{name}.d -c -o {name} {tree}/{name[:-2]}.c"
			for name in names}
		return "".join(self.compile(tree, name) for name in sorted(names))


class Series(unittest.TestCase):
	def setUp(self):
		self.directory = tempfile.mkdtemp()
		self.addCleanup(shutil.rmtree, self.directory)
		self.out, self.base = (os.path.join(self.directory, name) for name in ("out", "base"))
		os.mkdir(self.out)
		self.fill(self.base, BASE)

	@staticmethod
	def fill(directory, files):
		os.makedirs(directory, exist_ok=True)
		for name, text in files.items():
			with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
				file.write(text)

	def write_patches(self, changes):
		"""Write a patch for each of the @changes, {file: new content}. Returns the paths of the patches."""
		files, paths = dict(BASE), []
		for number, change in enumerate(changes, 1):
			text = "Subject: a patch\n\n---\n"
			for name, new in change.items():
				diff = difflib.unified_diff(files[name].splitlines(True), new.splitlines(True), f"a/{name}", f"b/{name}")
				text += f"diff --git a/{name} b/{name}\n" + "".join(diff)
			files |= change
			paths.append(os.path.join(self.directory, f"{number:04}.patch"))
			self.fill(self.directory, {os.path.basename(paths[-1]): text})
		return paths

	def run_series(self, *changes):
		"""
		Build after each patch of a series with these @changes. Returns ({number of a patch: its problems}, the
		objects that were compiled).
		"""
		patches = self.write_patches(changes)
		sources = sorted(patchwise.source.sources(patches))

		def tree_of(number):
			tree = os.path.join(self.directory, "tree")
			shutil.rmtree(tree, ignore_errors=True)
			shutil.copytree(self.base, tree)
			for patch in patches[:number]:
				subprocess.run(["git", "apply", patch], cwd=tree, check=True)
			return tree

		saved = os.path.join(self.directory, "states.json")
		states, toy = patchwise.States(patches, saved), Toy(self.out, sources)
		states.build([toy], tree_of)
		cases = states.cases(["toy"], sources, self.base)
		self.assertEqual(cases[-1].verdict, PASS, cases[-1].detail)
		if all(case.verdict == PASS for case in cases):
			# All results are known now, so a second run must build nothing. It would fail if it did,
			# because it gets no function that makes a tree.
			again = patchwise.States(patches, saved)
			again.build([], None)
			self.assertEqual(again.cases(["toy"], sources, self.base), cases)
		return {int(re.search(r"(\d+)\.patch", case.name)[1]): case.detail for case in cases
			if case.verdict == FAIL}, sorted(toy.commands)

	def test_good(self):
		wrong, objects = self.run_series(DECLARE | DEFINE, USE)
		self.assertEqual(wrong, {})
		self.assertEqual(objects, ["a.o", "c.o"])

	def test_used_before_it_is_declared(self):
		wrong, _ = self.run_series(USE, DECLARE | DEFINE)
		self.assertEqual(list(wrong), [1])
		self.assertIn("c.c: error: implicit declaration of function", wrong[1])

	def test_used_before_it_is_defined(self):
		wrong, _ = self.run_series(DECLARE, USE, DEFINE)
		self.assertEqual(wrong, {2: "toy: fresh is not there"})

	def test_user_that_is_repaired_later(self):
		wrong, _ = self.run_series(SHRINK, {"b.c": BASE["b.c"].replace("->number", "->other")})
		self.assertEqual(list(wrong), [1])

	def test_user_that_no_patch_touches(self):
		for change in FORGET, SHRINK:
			wrong, objects = self.run_series(change, {"a.h": BASE["a.h"]})
			self.assertIn("b.o", objects)
			self.assertEqual(list(wrong), [1])

	def test_stays_broken_until_repaired(self):
		wrong, _ = self.run_series(USE, {"a.c": BASE["a.c"] + "/* */\n"}, DECLARE | DEFINE)
		self.assertEqual(list(wrong), [1, 2])

	def test_what_no_name_tells(self):
		"""
		The second patch makes a header that only b.c cannot compile, because of its macro "word". No changed
		name tells that, so the error is found only after the last patch.
		"""
		b = "#define word 1\n" + BASE["b.c"]
		header = BASE["a.h"] + "int more(struct thing *word);\n"
		wrong, _ = self.run_series({"b.c": b}, {"a.h": header, "a.c": BASE["a.c"] + "/* */\n"}, {"a.c": BASE["a.c"]})
		self.assertEqual(list(wrong), [3])
		wrong, _ = self.run_series({"b.c": b}, {"a.h": header, "a.c": BASE["a.c"] + "/* */\n"})
		self.assertEqual(list(wrong), [2])

	def test_inside_a_comment(self):
		"""Words that a patch removes from the middle of a comment are no names."""
		self.fill(self.base, {"a.h": "/*\n * One,\n * user(, or\n * two.\n */\n" + BASE["a.h"]})
		patch = self.write_patches([{}])[0]
		self.fill(self.directory, {"0001.patch": "\n---\n\ndiff --git a/a.h b/a.h\n--- a/a.h\n+++ b/a.h\n"
			"@@ -1,5 +1,4 @@\n /*\n  * One,\n- * user(, or\n  * two.\n  */\n"})
		self.assertEqual(patchwise.names_in_headers(patch), (set(), set()))

	def test_names_of_a_changed_header(self):
		"""
		A change of any line of a declaration gives the declaration's names. Names that a patch only adds are
		left out, because no source uses them yet.
		"""
		old = "#define SIZE 1\nint one(int a,\n\tint b);\nint two(void);\nstruct three {\n\tint four;\n\tint five;\n};\n"
		for new, found in (
				(old.replace("\tint b", "\tlong b"), (set(), {"one"})),
				(old.replace("\tint b", "\tint c,\n\tint b"), (set(), {"one"})),
				(old.replace("int two", "int more(void);\nint two"), (set(), set())),
				(old.replace("\tint four", "\tint before;\n\tlong four"), ({"four"}, set())),
				(old.replace("SIZE 1", "SIZE 2"), (set(), {"SIZE"})),
				(old.replace("struct three {\n", "struct three {\n\tint zero;\n"), (set(), set()))):
			diff = difflib.unified_diff(old.splitlines(True), new.splitlines(True), "a/a.h", "b/a.h")
			self.fill(self.directory, {"0001.patch": "\n---\n\ndiff --git a/a.h b/a.h\n" + "".join(diff)})
			self.assertEqual(patchwise.names_in_headers(os.path.join(self.directory, "0001.patch")), found, new)

	def test_header_of_another_subsystem(self):
		"""
		A name that a header of a driver loses does not concern sources in mm/; one that a header in include/
		loses does.
		"""
		for header, found in ("drivers/a.h", set()), ("include/linux/a.h", {"old"}), ("mm/a.h", {"old"}):
			self.fill(self.directory, {"0001.patch": f"\n---\n\ndiff --git a/{header} b/{header}\n"
				f"--- a/{header}\n+++ b/{header}\n@@ -1 +0,0 @@\n-int old(void);\n"})
			patch = os.path.join(self.directory, "0001.patch")
			self.assertEqual(patchwise.names_in_headers(patch, "mm")[1] & {"old"}, found)

	def test_patch_of_a_build_file(self):
		build = Toy(self.out, ["a.c", "b.c"])
		build.by_make(self.base)
		with mock.patch.object(build, "by_make", return_value="") as make, mock.patch.object(build, "configure") as configure:
			for path, called in (("drivers/Kconfig", 1), ("drivers/Kconfig.debug", 1), ("drivers/Makefile", 0), ("a.c", 0)):
				configure.reset_mock()
				build.update(self.base, {path}, (set(), set()), set(), False)
				self.assertEqual(configure.call_count, called, path)
			make.assert_not_called()
			del build.commands["b.o"]
			build.update(self.base, {"drivers/Makefile"}, (set(), set()), set(), False)
			make.assert_called_once_with(self.base, {"b.o"})

	def test_objects_after_a_patch_of_kconfig(self):
		"""The new directory has the objects of the old one."""
		build, new = Toy(self.out, ["a.c", "b.c"]), os.path.join(self.directory, "new")
		build.by_make(self.base)
		with mock.patch.object(build, "configure", lambda tree: setattr(build, "out", new)):
			build.update(self.base, {"drivers/Kconfig"}, (set(), set()), set(), False)
		self.assertEqual(sorted(os.listdir(new)), [".a.o.d", ".b.o.d", "a.o", "b.o"])

	def test_warning(self):
		wrong, _ = self.run_series({"c.c": BASE["c.c"] + "static void unused(void) { }\n"})
		self.assertIn("defined but not used", wrong[1])


if __name__ == "__main__":
	unittest.main()

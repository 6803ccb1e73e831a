# SPDX-License-Identifier: MIT
"""
Tests that the folders of the harness import each other in one direction only, so that there is no cycle, and that
meson.build has all unit tests.
"""

import ast
import glob
import os
import re
import unittest

HARNESS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
# The folders, and the modules that are in no folder. Each may import from itself and from those before it.
ORDER = ("trouble", "step", "build", "verdict", "boot", "suites", "arguments", "bench", "review", "door", "commands", "cli")


def folder_of(module):
	"""Returns the folder of a @module, for instance "build" for "harness.build.kernel"."""
	return module.split(".")[1]


def imported(path):
	"""Yields the full names of the modules of the harness that the file @path imports."""
	with open(path, encoding="utf-8") as file:
		tree = ast.parse(file.read())
	for node in ast.walk(tree):
		if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "harness":
			for alias in node.names:
				# "from harness.build import kernel" imports a module, "from harness.verdict.results
				# import Case" a part of one.
				yield f"{node.module}.{alias.name}" if node.module.count(".") < 2 else node.module


def modules():
	"""Yields (path, full name) of each module of the harness, without the tests."""
	for path in glob.glob(os.path.join(HARNESS, "**/*.py"), recursive=True):
		name = os.path.relpath(path, HARNESS).removesuffix(".py").replace(os.sep, ".")
		if not name.startswith("tests.") and not name.endswith("__init__"):
			yield path, "harness." + name


class Folders(unittest.TestCase):
	def test_order(self):
		known = dict(modules())
		self.assertGreater(len(known), 20)
		for path, name in known.items():
			for other in imported(path):
				self.assertIn(folder_of(other), ORDER[:ORDER.index(folder_of(name)) + 1], f"{name} imports {other}")

	def test_no_cycle(self):
		edges = {name: set(imported(path)) for path, name in modules()}
		while edges:
			leaves = {name for name, others in edges.items() if not others & set(edges)}
			self.assertTrue(leaves, f"cycle among {sorted(edges)}")
			edges = {name: others for name, others in edges.items() if name not in leaves}


class Meson(unittest.TestCase):
	def test_each_test_is_in_the_suite(self):
		with open(os.path.join(HARNESS, "meson.build"), encoding="utf-8") as file:
			text = file.read()
		calls = re.findall(r"^test\(.*?\)$", text, re.M | re.S)
		listed = [re.search(r"tests/\w+\.py", call)[0] for call in calls if "suite: 'harness'" in call]
		there = [os.path.relpath(path, HARNESS) for path in glob.glob(os.path.join(HARNESS, "tests/test_*.py"))]
		self.assertEqual(sorted(listed), sorted(there))


if __name__ == "__main__":
	unittest.main()

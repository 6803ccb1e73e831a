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


def imported(text, name):
	"""
	Yields the full names of the modules of the harness that the module @name imports, whose source is @text.
	"""
	for node in ast.walk(ast.parse(text)):
		if isinstance(node, ast.Import):
			yield from (alias.name for alias in node.names if alias.name.startswith("harness."))
		elif isinstance(node, ast.ImportFrom):
			# A relative import has level 1 if it begins in the folder of the module.
			above = name.split(".")[:-node.level] if node.level else []
			module = ".".join([*above, *filter(None, [node.module])])
			if module.split(".")[0] == "harness":
				# "from harness.build import kernel" imports a module, "from harness.verdict.results
				# import Case" a part of one.
				yield from (f"{module}.{alias.name}" if module.count(".") < 2 else module for alias in node.names)


def modules():
	"""Yields (source, full name) of each module of the harness, without the tests."""
	for path in glob.glob(os.path.join(HARNESS, "**/*.py"), recursive=True):
		name = os.path.relpath(path, HARNESS).removesuffix(".py").replace(os.sep, ".")
		if not name.startswith("tests.") and not name.endswith("__init__"):
			with open(path, encoding="utf-8") as file:
				yield file.read(), "harness." + name


class Folders(unittest.TestCase):
	def test_every_form_of_import(self):
		for text, modules_of_text in (("import os, harness.build.kernel", ["harness.build.kernel"]),
				("import harness.build.kernel as k", ["harness.build.kernel"]), ("import harness, harnessed.x", []),
				("from harness import cli, step", ["harness.cli", "harness.step"]), ("from harnessed.x import y", []),
				("from harness.build import kernel", ["harness.build.kernel"]),
				("from harness.verdict.results import Case", ["harness.verdict.results"]),
				("def f():\n\tfrom . import qemu", ["harness.boot.qemu"]), ("from .qemu import Spec", ["harness.boot.qemu"]),
				("from .. import cli", ["harness.cli"]), ("from ..build import kernel", ["harness.build.kernel"])):
			self.assertEqual(list(imported(text, "harness.boot.boots")), modules_of_text, text)

	def test_order(self):
		known = list(modules())
		self.assertGreater(len(known), 20)
		for text, name in known:
			for other in imported(text, name):
				self.assertIn(folder_of(other), ORDER[:ORDER.index(folder_of(name)) + 1], f"{name} imports {other}")

	def test_no_cycle(self):
		edges = {name: set(imported(text, name)) for text, name in modules()}
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

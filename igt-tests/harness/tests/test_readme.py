# SPDX-License-Identifier: MIT
"""Tests that readme.py finds the sample in README.md, compares it with the suites, and replaces it."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness import arguments
from harness.review import readme
from harness.verdict import results
from harness.verdict.results import FAIL, PASS, SKIP, Case

SAMPLE = "a:  7 passed, 0 failed, 1 skipped\nb: 18 passed, 2 failed, 0 skipped\n25 passed, 2 failed, 1 skipped\n"
TEXT = f"# Title\n\n```\n./run demo\n```\n\n```\n{SAMPLE}```\n\nMore.\n"


class Readme(unittest.TestCase):
	def test_good(self):
		self.assertEqual(readme.problems(TEXT, ["a", "b"]), [])

	def test_suites(self):
		self.assertEqual(readme.problems(TEXT, ["a", "b", "c"]), ["c is missing"])
		self.assertEqual(readme.problems(TEXT, ["a"]), ["no suite b"])
		self.assertEqual(len(readme.problems(TEXT, ["b", "a"])), 1)

	def test_sum(self):
		for was, becomes in (("25", "26"), ("25 passed, 2", "25 passed, 3"), ("a:  7", "a:  8"), ("25 passed", "c: 25 passed")):
			self.assertTrue(readme.problems(TEXT.replace(was, becomes), ["a", "b"]), was)

	def test_one_sample(self):
		for text in ("none", TEXT + TEXT):
			self.assertEqual(len(readme.problems(text, ["a", "b"])), 1)

	def test_library(self):
		headers = "struct amdgpu_userptr_x { int size; };\n#define AMDGPU_USERPTR_Y 1\n"
		good = "```c\nstruct amdgpu_userptr_x x = { .size = AMDGPU_USERPTR_Y };\nargs.gpu_va;\n```\n"
		self.assertEqual(readme.library_problems(good, headers), [])
		self.assertEqual(readme.library_problems(good.replace(".size", ".length"), headers), ["the library has no length"])
		self.assertEqual(readme.library_problems(good.replace("ptr_x x", "ptr_z x"), headers), ["the library has no amdgpu_userptr_z"])
		self.assertEqual(len(readme.library_problems(good.replace("```c", "```"), headers)), 1)

	def test_effects(self):
		table = "| Program | Effect on the machine |\n|---|---|\n| `amd_a`, `amd_b@x` | harm, as `amd_c` |\n| all | none |\n\n"
		self.assertEqual(readme.effect_problems(table, "# a list\nigt@amdgpu/amd_a\nigt@amdgpu/amd_b@x\n"), [])
		self.assertEqual(readme.effect_problems(table, "igt@amdgpu/amd_c@x\n"), ["README.md names no effect of amd_c"])
		self.assertEqual(len(readme.effect_problems("no table", "igt@amdgpu/amd_a\n")), 1)

	def test_glossary(self):
		self.assertEqual(readme.glossary_problems("| **BO** | memory |\n" * readme.MIN_GLOSSARY), [])
		self.assertEqual(readme.glossary_problems("| **BO** | memory |\n"), ["the glossary has 1 rows, less than 20"])

	def test_update(self):
		report = {"a": [Case("x", PASS)], "b": [Case("y", FAIL), Case("z", SKIP, "why")]}
		summary = results.sums(report)
		text = readme.updated(TEXT, summary)
		self.assertEqual(readme.problems(text, ["a", "b"]), [])
		self.assertEqual(text, TEXT.replace(SAMPLE, summary))

	def test_columns(self):
		rows = results.sums({name: [] for name in arguments.suites()}).splitlines()[:-1]
		self.assertEqual(len({row.index("0 passed") for row in rows}), 1)


if __name__ == "__main__":
	unittest.main()

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

	def test_update(self):
		report = {"a": [Case("x", PASS)], "b": [Case("y", FAIL), Case("z", SKIP)]}
		summary = results.sums(report)
		text = readme.updated(TEXT, summary)
		self.assertEqual(readme.problems(text, ["a", "b"]), [])
		self.assertEqual(text, TEXT.replace(SAMPLE, summary))

	def test_columns(self):
		rows = results.sums({name: [] for name in arguments.suites()}).splitlines()[:-1]
		self.assertEqual(len({row.index("0 passed") for row in rows}), 1)


if __name__ == "__main__":
	unittest.main()

# SPDX-License-Identifier: MIT
"""The verdict on our own programs, on made-up results."""

import json
import os
import re
import sys
import tempfile
import unittest

GUEST = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, GUEST)

import results
from results import FAIL, PASS

TEST = "igt@amdgpu/amd_a@hole"
OTHER = "igt@amdgpu/amd_a@other"
MUST_FAIL = results.expected_fails("\n\tamd_a@hole: bytes: .* instead of\n")


def verdicts(word, err="", names=(TEST,)):
	"""Verdict by test; all of @names end with @word, another one passes."""
	tests = {name: {"result": word, "err": err} for name in names}
	with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
		json.dump({"tests": {OTHER: {"result": "pass"}, **tests}}, file)
		file.flush()
		cases = results.igt_cases(file.name, [], re.compile("^$"), [], MUST_FAIL)
	return {case.name: case.verdict for case in cases}


class ExpectedFails(unittest.TestCase):
	def test_names(self):
		self.assertEqual(MUST_FAIL, {TEST: "bytes: .* instead of"})

	def test_fails_as_expected(self):
		found = verdicts("fail", "Failed assertion: got == want\nbytes: 0x1 instead of 0x2\n")
		self.assertEqual(found, {OTHER: PASS, TEST: PASS})

	def test_other_ends(self):
		for word, err in (("pass", ""), ("skip", ""), ("crash", ""), ("fail", "Failed assertion: ret == 0\n")):
			self.assertEqual(verdicts(word, err)[TEST], FAIL, word)

	def test_did_not_run(self):
		self.assertEqual(verdicts("pass", names=()), {OTHER: PASS, TEST: FAIL})


if __name__ == "__main__":
	unittest.main()

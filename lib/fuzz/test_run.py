# SPDX-License-Identifier: MIT
"""A unit that has failed is the same unit again when it comes from the corpus."""

import unittest

import run


class RunTest(unittest.TestCase):
	def test_a_unit_as_text(self):
		units = [bytes((7 * at + size) % 256 for at in range(size)) for size in range(1, 80)]
		self.assertEqual(run.units("\n\n".join(f"# a unit\n{run.as_text(unit)}" for unit in units)), units)

	def test_bytes_of_a_token(self):
		self.assertEqual(run.units('0a 0102 00000001 "ab"'), [b"\x0a\x02\x01\x01\0\0\0ab"])


if __name__ == "__main__":
	unittest.main()

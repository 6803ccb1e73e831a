# SPDX-License-Identifier: MIT
"""Tests which boots run with which seeds, and how the table gets its numbers from the last lines that vgpu prints."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness.suites import seeds

MODES = ["hws-sdma", "hws-cpu", "nohws-sdma", "nohws-cpu"]


class Parse(unittest.TestCase):
	def test_one_list_range(self):
		self.assertEqual(seeds.parse("7"), [7])
		self.assertEqual(seeds.parse("1,9,5"), [1, 9, 5])
		self.assertEqual(seeds.parse("1..20"), list(range(1, 21)))
		self.assertEqual(seeds.parse("1..3,2,9"), [1, 2, 3, 9])
		self.assertEqual(seeds.parse(str(2**64 - 1)), [2**64 - 1])

	def test_malformed(self):
		for text in ("", "x", "1..", "..3", "3..1", "-1", "1,,2", "1...3", str(2**64), "0..9999999999"):
			with self.assertRaises(ValueError, msg=text):
				seeds.parse(text)


class Choose(unittest.TestCase):
	def test_one_seed_sees_all_modes(self):
		self.assertEqual(seeds.choose(MODES, [7], False), [(7, mode) for mode in MODES])

	def test_asked_for_modes_see_all_seeds(self):
		self.assertEqual(seeds.choose(MODES[:1], [1, 2], True), [(1, MODES[0]), (2, MODES[0])])

	def test_every_seed_sees_both_schedulers_and_writers(self):
		chosen = seeds.choose(MODES, list(range(1, 21)), False)
		self.assertEqual(len(chosen), 40)
		for seed in range(1, 21):
			modes = [mode for number, mode in chosen if number == seed]
			self.assertEqual({mode.split("-")[0] for mode in modes}, {"hws", "nohws"})
			self.assertEqual({mode.split("-")[1] for mode in modes}, {"sdma", "cpu"})
		for mode in MODES:
			self.assertEqual(sum(chosen_mode == mode for _, chosen_mode in chosen), 10)


class Verdict(unittest.TestCase):
	def test_last_words(self):
		text = "vgpu: violation\nvgpu: oracle: 3 violations in 17 accesses to guest memory\n"
		self.assertEqual(seeds.oracle_verdict(text), (3, 17))

	def test_silent(self):
		self.assertIsNone(seeds.oracle_verdict("vgpu: oracle: silent\n"))


unittest.main()

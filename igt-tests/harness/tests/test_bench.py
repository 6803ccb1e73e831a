# SPDX-License-Identifier: MIT
"""Tests that bench.py makes medians, verdicts and a picture of the output of the benchmark program."""

import json
import os
import sys
import unittest
from xml.etree import ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness.bench import bench, chart, goals


def cell(column, operation, ranges, *milliseconds, size=bench.PAGE, **more):
	values = {"ns": [int(ms * 1e6) for ms in milliseconds]} if milliseconds else {}
	return json.dumps({"column": column, "operation": operation, "ranges": ranges, "size": size, **values, **more})


def report(*lines, icount=False):
	titles = [json.dumps({"column": name, "title": f"title of {name}"}) for name in ("scatter", "kfd")]
	return bench.Report("\n".join(["noise", *titles, *lines]), icount)


def verdict(judged, what):
	return next(goal for goal in judged if goal.what.startswith(what))


class Figures(unittest.TestCase):
	def test_median(self):
		self.assertEqual(report(cell("kfd", "map", 4096, 9, 1, 2)).ns("kfd", "map", 4096), 2e6)

	def test_no_figure_without_samples(self):
		one = report(cell("kfd", "map", 4096, not_run="too slow"))
		self.assertIsNone(one.ns("kfd", "map", 4096))
		self.assertEqual(one.reason("kfd", "unmap", 4096), "too slow")

	def test_memory_counts_what_grew(self):
		grown = {"Slab": 1 << 20, "Percpu": 0, "VmallocUsed": 1 << 20, "MemAvailable": -(1 << 22)}
		found = report(cell("scatter", "memory", 4096, bytes=grown)).memory("scatter")
		self.assertEqual(found, (4096, 512, 512 - bench.PAGE_ARRAYS, 1024))


class Goals(unittest.TestCase):
	def test_ratio_is_judged_by_its_limit(self):
		for kfd, met in ((400, True), (399, False)):
			judged = goals.judge_goals(report(cell("kfd", "map", 4096, kfd), cell("scatter", "map", 4096, 10)))
			self.assertEqual(verdict(judged, "map 4096: KFD").met, met)

	def test_library_is_judged_pair_by_pair(self):
		# The machine gets slower during the turns. So the quotient of the two medians is 2.02, although in most
		# turns the quotient is 1.01.
		lines = [cell("scatter", "raw map", 4096, 1, 1, 2), cell("scatter", "library map", 4096, 1.01, 2.02, 2.02),
			cell("scatter", "raw unmap", 4096, 1), cell("scatter", "library unmap", 4096, 1.03)]
		judged = goals.judge_goals(report(*lines))
		self.assertAlmostEqual(verdict(judged, "map 4096: library").value, 1.01)
		self.assertTrue(verdict(judged, "map 4096: library").met)
		self.assertFalse(verdict(judged, "unmap 4096: library").met)

	def test_interval_of_a_median(self):
		self.assertEqual(goals.median_interval([1.5]), (1.5, 1.5))
		# With 100 samples the standard deviation is 5, so the interval is from the 41st to the 60th sample.
		self.assertEqual(goals.median_interval(list(range(100))), (40, 59))

	def test_noise_is_not_met(self):
		lines = [cell("kfd", "map", 4096, 300, 410, 500), cell("scatter", "map", 4096, 10, 10, 10)]
		one = verdict(goals.judge_goals(report(*lines)), "map 4096: KFD")
		self.assertFalse(one.met)
		self.assertIn("41: too noisy (30 to 50)", goals.line(one))
		# The instruction count has no noise, so the medians decide.
		self.assertTrue(verdict(goals.judge_goals(report(*lines, icount=True)), "map 4096: KFD").met)

	def test_long_range(self):
		for long, met in ((12, True), (13, False)):
			lines = [cell("contiguous", "restore in turn", 1, 10), cell("contiguous", "restore in turn", 1, long,
				size=goals.LONG)]
			self.assertEqual(verdict(goals.judge_goals(report(*lines)), "restore one page").met, met)

	def test_cost_per_range(self):
		lines = [cell("scatter", "map", 4096, 4.096), cell("scatter", "map", 100000, 149)]
		one = verdict(goals.judge_goals(report(*lines)), "map, per range")
		self.assertAlmostEqual(one.value, 1.49)
		self.assertTrue(one.met)

	def test_what_was_not_measured_is_missed(self):
		lines = [cell("kfd", "map", 4096, 400), cell("scatter", "map", 4096, not_run="no such kernel")]
		judged = goals.judge_goals(report(*lines))
		self.assertFalse(any(goal.met for goal in judged))
		self.assertIn("not measured: no such kernel", goals.line(verdict(judged, "map 4096: KFD")))
		self.assertIn("not measured: not in this run", goals.line(verdict(judged, "map, per range")))


class Output(unittest.TestCase):
	def full(self):
		return report(*(cell(column, operation, ranges, ranges / 7) for column in ("scatter", "kfd")
			for operation in bench.OPERATIONS for ranges in (1, 256)), cell("kfd", "map", 4096, not_run="slow"))

	def test_table_has_figures_and_reasons(self):
		text = bench.report_text(self.full(), ["head"])
		self.assertIn("36.6", text)
		self.assertIn("not run: kfd: slow (map of 4096 x 4 KiB)", text)

	def test_stalls(self):
		text = bench.report_text(report(cell("kfd", "stall", 1, *range(1, 101)),
			cell("kfd", "copy at 0/s", 1, 2, size=65536), cell("kfd", "copy at 100/s", 1, 4, size=65536)), ["head"])
		self.assertRegex(text, r"kfd +100 +50.5 +100")
		self.assertRegex(text, r"in a second +0/s +100/s\nkfd +500 +250")

	def test_picture_is_xml_with_a_mark_for_each_figure(self):
		tree = ElementTree.fromstring(chart.picture(self.full(), bench.OPERATIONS, bench.PAGE, "head"))
		names = [element.tag.rsplit("}", 1)[-1] for element in tree.iter()]
		# Each of four panels has two curves of two marks each. The legend has two marks, and there is one
		# rectangle for the background.
		self.assertEqual(names.count("polyline"), 8)
		self.assertEqual(names.count("circle") + names.count("rect"), 16 + 2 + 1)

	def test_picture_of_nothing(self):
		ElementTree.fromstring(chart.picture(report(), bench.OPERATIONS, bench.PAGE, "<&>"))


if __name__ == "__main__":
	unittest.main()

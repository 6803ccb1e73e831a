# SPDX-License-Identifier: MIT
"""Tests that ./run bench makes medians, verdicts, tables and a picture of the output of the benchmark program."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock
from xml.etree import ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness import arguments, step
from harness.bench import bench, chart, goals, tables
from harness.bench.report import CHANGED_PAGES, OPERATIONS, PAGE, PAGE_ARRAYS, Report, Run, median_interval

CHANGED = CHANGED_PAGES * PAGE


def cell(column, operation, ranges, *milliseconds, size=PAGE, **more):
	values = {"ns": [int(ms * 1e6) for ms in milliseconds]} if milliseconds else {}
	return json.dumps({"column": column, "operation": operation, "ranges": ranges, "size": size, **values, **more})


def report(*lines):
	titles = [json.dumps({"column": name, "title": f"title of {name}"}) for name in ("scatter", "kfd")]
	return Report("".join(line + "\n" for line in ["noise", *titles, *lines]))


def run(series=(), kfd=(), base=(), debian=(), icount=True, hz=250):
	reports = {"series": series, "kfd": kfd, "base": base, "debian": debian}
	return Run({name: report(*lines) for name, lines in reports.items() if lines}, icount, hz)


def verdict(one, what):
	return next(goal for goal in goals.judge_goals(one) if goal.what.startswith(what))


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
		self.assertEqual(found, (4096, 512, 512 - PAGE_ARRAYS, 1024))

	def test_guest_that_was_ended_in_the_middle(self):
		line = cell("kfd", "map", 1, 5, 6)
		for end in ("", line[:20], line[:-1]):
			self.assertEqual(Report(line + "\n" + end).ns("kfd", "map", 1), 5.5e6)
		with self.assertRaises(ValueError):
			report(line[:20], line)

	def test_interval_of_a_median(self):
		self.assertEqual(median_interval([1.5]), (1.5, 1.5))
		# With 100 samples the standard deviation is 5, so the interval is from the 41st to the 60th sample.
		self.assertEqual(median_interval(list(range(100))), (40, 59))

	def test_percentiles_are_no_larger_than_the_largest_sample(self):
		self.assertEqual(tables.percentile([1, 2, 30], 50), 2)
		self.assertLessEqual(tables.percentile([1, 2, 30], 99), 30)
		self.assertEqual(tables.percentile([7], 99), 7)


class CostGoals(unittest.TestCase):
	def test_ratio_is_judged_by_its_limit(self):
		for kfd, found in ((600, "met"), (599, "missed")):
			one = run([cell("kfd", "map", 4096, kfd), cell("scatter", "map", 4096, 10)])
			self.assertEqual(verdict(one, "map 4096: KFD").verdict, found)

	def test_wall_clock_does_not_judge_costs(self):
		# On a busy machine the wall clock once gave 0.30 for this goal, and a count of instructions gave 3.09.
		lines = [cell("scatter", "map", 4096, 3, 3, 3), cell("contiguous", "map", 4096, 10, 10, 10)]
		by_time, by_instructions = (verdict(run(lines, icount=icount), "map 4096: scatter") for icount in (False, True))
		self.assertTrue(by_instructions.met)
		self.assertFalse(by_time.met)
		self.assertIn("0.3: not judged", goals.line(by_time))

	def test_noise_is_not_met(self):
		lines = [cell("kfd", "map", 4096, 500, 610, 700), cell("scatter", "map", 4096, 10, 10, 10)]
		one = verdict(run(lines), "map 4096: KFD")
		self.assertFalse(one.met)
		self.assertIn("61: too noisy (50 to 70)", goals.line(one))

	def test_noise_beside_the_limit_does_not_matter(self):
		for low, high, found in ((610, 700, "met"), (500, 590, "missed")):
			lines = [cell("kfd", "map", 4096, low, high), cell("scatter", "map", 4096, 10)]
			self.assertEqual(verdict(run(lines), "map 4096: KFD").verdict, found)

	def test_library_is_judged_pair_by_pair(self):
		# The machine gets slower during the turns. So the quotient of the two medians is 2.02, although in most
		# turns the quotient is 1.01.
		lines = [cell("scatter", "raw map", 4096, 1, 1, 2), cell("scatter", "library map", 4096, 1.01, 2.02, 2.02),
			cell("scatter", "raw unmap", 4096, 1), cell("scatter", "library unmap", 4096, 1.03)]
		self.assertAlmostEqual(verdict(run(lines), "map 4096: library").value, 1.01)
		self.assertEqual(verdict(run(lines), "map 4096: library").verdict, "too noisy")
		self.assertEqual(verdict(run(lines), "unmap 4096: library").verdict, "missed")

	def test_cost_per_range(self):
		lines = [cell("scatter", "map", 4096, 4.096), cell("scatter", "map", 100000, 149)]
		one = verdict(run(lines), "map, per range")
		self.assertAlmostEqual(one.value, 1.49)
		self.assertTrue(one.met)

	def test_memory(self):
		for slab, met in ((144, True), (145, False)):
			grown = {"Slab": 4096 * slab, "Percpu": 0, "VmallocUsed": 0, "MemAvailable": 0}
			one = run([cell("scatter", "memory", 4096, bytes=grown)])
			self.assertEqual(verdict(one, "kernel memory").met, met)

	def test_what_was_not_measured_is_not_met(self):
		one = run([cell("kfd", "map", 4096, 400), cell("scatter", "map", 4096, not_run="no such kernel")])
		self.assertFalse(any(goal.met for goal in goals.judge_goals(one)))
		self.assertIn("not measured: no such kernel", goals.line(verdict(one, "map 4096: KFD")))
		self.assertIn("not measured: not in this run", goals.line(verdict(one, "map, per range")))
		self.assertIn("not measured: not in this run", goals.line(verdict(one, "stall by one change")))

	def test_kernels_are_compared_by_instructions(self):
		for series, found in ((102, "met"), (103, "missed")):
			one = run(kfd=[cell("kfd", "unmap", 256, series)], base=[cell("kfd", "unmap", 256, 100)])
			self.assertEqual(verdict(one, "KFD only: unmap").verdict, found)
		self.assertFalse(verdict(run(kfd=[cell("kfd", "unmap", 256, 1)], base=[cell("kfd", "unmap", 256, 100)], icount=False),
			"KFD only: unmap").met)


	def test_map_of_one_long_userptr(self):
		for series, found in ((102, "met"), (103, "missed")):
			one = run(kfd=[cell("kfd", "long map", 1, series, size=goals.LONG)], base=[cell("kfd", "long map", 1, 100, size=goals.LONG)])
			goal = verdict(one, "KFD only: map of 4 GiB")
			self.assertEqual((goal.verdict, goal.binding), (found, False))


class CleanPages(unittest.TestCase):
	def test_table(self):
		lines = [cell("contiguous", f"map of {state} pages", 1, ms, size=tables.CLEAN) for state, ms in (("clean", 15), ("dirty", 10))]
		self.assertRegex(tables.report_text(run(series=lines), ["head"]), r"series, GEM +15 .* 10 .* 1\.500\n")
		self.assertNotIn("clean / dirty", tables.report_text(run(series=lines[:1]), ["head"]))


class WaitGoals(unittest.TestCase):
	def test_sizes_are_those_of_the_pages(self):
		page = 64 << 10
		changed = [cell("kfd", f"stall {what}", 1, 10, size=CHANGED_PAGES * page) for what in ("page", "nothing")]
		lines = [*changed, cell("kfd", "restore in turn", 1, 10, size=page), cell("kfd", "restore in turn", 1, 11, size=goals.LONG)]
		one = Run({"series": Report("\n".join([*lines, ""]).replace("kfd", "contiguous"), page),
			"base": Report("\n".join([*changed, ""]), page)}, icount=False, page=page)
		self.assertEqual(verdict(one, "restore one page of 4 GiB / of 64 KiB").verdict, "met")
		self.assertEqual(verdict(one, "stall by one change: GEM").verdict, "missed")
		self.assertIn("of 64 KiB", tables.report_text(one, ["head"]))

	def test_long_range(self):
		for long, found in ((12, "met"), (13, "missed")):
			one = run([cell("contiguous", "restore in turn", 1, 10, 20), cell("contiguous", "restore in turn", 1, long, 2 * long,
				size=goals.LONG)], icount=False)
			self.assertEqual(verdict(one, "restore one page of 4 GiB").verdict, found)

	def test_restore_by_turns_is_noisy(self):
		one = run([cell("contiguous", "restore in turn", 1, 10, 10, 10),
			cell("contiguous", "restore in turn", 1, 10, 10, 13, size=goals.LONG)], icount=False)
		self.assertEqual(verdict(one, "restore one page of 4 GiB").verdict, "too noisy")

	def stalls(self, column, page, nothing):
		return [cell(column, "stall page", 1, *page, size=CHANGED), cell(column, "stall nothing", 1, nothing, size=CHANGED)]

	def test_stall_is_compared_with_the_base(self):
		base = self.stalls("kfd", (10, 10, 10), 0.1)
		for ms, found in (((5, 5, 5), "met"), ((6, 6, 6), "missed"), ((4, 4, 6), "too noisy")):
			one = run(self.stalls("contiguous", ms, 0.1), self.stalls("kfd", (1,), 0.1), base, icount=False)
			self.assertEqual(verdict(one, "stall by one change: GEM").verdict, found)
			self.assertTrue(verdict(one, "stall by one change: KFD").met)

	def copies(self, column, ms, alone=0.5, change=10):
		return [cell(column, operation, 1, found, size=CHANGED) for operation, found in (("copy at 100/s", ms), ("copy at 0/s", alone),
			("change at 100/s", change))]

	def test_copies_are_compared_with_the_base(self):
		for ms, alone, found in ((1, 0.5, "met"), (1.1, 0.5, "missed"), (0.9, 0.6, "too noisy"), (0.5, 0.6, "met")):
			one = run(self.copies("contiguous", ms, alone), base=self.copies("kfd", 2), icount=False)
			self.assertEqual(verdict(one, "copies at 100 changes a second: GEM").verdict, found)

	def test_copies_of_another_clock(self):
		one = run(icount=True, series=self.copies("contiguous", 9), base=self.copies("kfd", 1))
		self.assertIn("only the wall clock can", verdict(one, "copies at 100 changes a second: GEM").verdict)
		one.copies = run(icount=False, series=self.copies("contiguous", 1), base=self.copies("kfd", 2))
		self.assertEqual(verdict(one, "copies at 100 changes a second: GEM").verdict, "met")
		self.assertRegex(tables.report_text(one, ["head"]), r"base, KFD +500 \(500 to 500\) +2000 ")

	def test_copies_need_as_many_changes_as_on_the_base(self):
		for ours, base, found in ((11, 10, "met"), (12, 10, "not measured: 83 changes a second only, 100 on the base"), (12, 12, "met"),
				(9, 8, "met"), (10, 20, "met")):
			one = run(self.copies("contiguous", 1, change=ours), base=self.copies("kfd", 2, change=base), icount=False)
			self.assertEqual(verdict(one, "copies at 100 changes a second: GEM").verdict, found)
		self.assertRegex(tables.report_text(one, ["head"]), r"changes really made in a second +100/s\nseries, GEM +100\nbase, KFD +50")

	def test_machine_of_another_speed_is_noise(self):
		# The machine was busy while the base was measured: everything took three times as long there.
		for nothing, found in ((0.1, "met"), (0.3, "too noisy")):
			one = run(self.stalls("contiguous", (4, 4, 4), 0.1), base=self.stalls("kfd", (12, 12, 12), nothing), icount=False)
			self.assertEqual(verdict(one, "stall by one change: GEM").verdict, found)
			one = run(self.stalls("contiguous", (4, 4, 4), nothing), base=self.stalls("kfd", (12, 12, 12), 0.1), icount=False)
			self.assertEqual(verdict(one, "stall by one change: GEM").verdict, found)

	def test_comparison_needs_what_both_do(self):
		one = run(self.stalls("contiguous", (4,), 0.1), base=self.stalls("kfd", (12,), 0.1)[:1], icount=False)
		self.assertIn("not measured", verdict(one, "stall by one change: GEM").verdict)

	def test_tick(self):
		for hz, ms, found in ((250, 3.9, "met"), (250, 4.1, "missed"), (1000, 3.9, "missed")):
			one = run([cell("contiguous", "profile delay", 1, ms)], hz=hz)
			self.assertEqual(verdict(one, "contiguous: eviction to worker").verdict, found, (hz, ms))


class Output(unittest.TestCase):
	def full(self):
		return run([cell(column, operation, ranges, ranges / 7) for column in ("scatter", "kfd")
			for operation in OPERATIONS for ranges in (1, 256)] + [cell("kfd", "map", 4096, not_run="slow")])

	def test_table_has_figures_and_reasons(self):
		text = tables.report_text(self.full(), ["head"])
		self.assertIn("36.6", text)
		self.assertIn("not run: kfd: slow (map of 4096 x 4 KiB)", text)

	def changes(self):
		return run(base=[cell("kfd", "stall page", 1, *range(1, 101), size=CHANGED),
			cell("kfd", "stall page gpu", 1, 7, size=CHANGED), cell("kfd", "stall storm: a change each", 1, 1, size=CHANGED),
			cell("kfd", "stall storm: an eviction each", 1, 10, size=CHANGED),
			cell("kfd", "copy at 0/s", 1, 2, size=CHANGED), cell("kfd", "copy at 100/s", 1, 4, 5, 3, size=CHANGED),
			cell("kfd", "restore in turn", 1, 10), cell("kfd", "restore in turn", 1, 4000, size=goals.LONG),
			cell("kfd", "profile stall", 1, 12), cell("kfd", "profile delay", 1, 6), cell("kfd", "profile from worker", 1, 7),
			cell("kfd", "profile worker", 1, 3)], kfd=[cell("kfd", "map", 256, 2), cell("kfd", "restore", 1, 1)])

	def test_changes(self):
		text = tables.report_text(self.changes(), ["head"])
		self.assertRegex(text, r"page: base, KFD +100 +50.5 +99 +7 +7 +- +-")
		self.assertRegex(text, r"base, KFD +1000 +100")
		self.assertRegex(text, r"base, KFD +500 \(500 to 500\) +250 \(200 to 333\)")
		self.assertRegex(text, r"base, KFD userptr +4000 +4000 +4000 +10 +10 +10")
		self.assertRegex(text, r"worker +7 +3\n.*eviction to worker +6")

	def test_kernels_side_by_side(self):
		one = run(kfd=[cell("kfd", "map", 256, 3), cell("kfd", "long map", 1, 30, size=goals.LONG)],
			base=[cell("kfd", "map", 256, 2), cell("kfd", "long map", 1, 40, size=goals.LONG)])
		self.assertRegex(tables.report_text(one, ["head"]), r"map +256 +3 +3 +3 +2 +2 +2 +1.500")
		self.assertRegex(tables.report_text(one, ["head"]), r"map of 4 GiB +1 +30 +30 +30 +40 +40 +40 +0.750")

	def test_debian_is_no_base(self):
		one = run(kfd=[cell("kfd", "map", 256, 1)], debian=[cell("kfd", "map", 256, 2)])
		self.assertRegex(tables.report_text(one, ["head"]), r"series / debian\nmap +256 .* 0.500")
		self.assertIn("not measured", verdict(one, "KFD only: map").verdict)

	def test_picture_is_xml_with_a_mark_for_each_figure(self):
		tree = ElementTree.fromstring(chart.picture(self.full(), "head"))
		names = [element.tag.rsplit("}", 1)[-1] for element in tree.iter()]
		# Each of four panels has two curves of two marks each. The legends have two and four marks, and there is
		# one rectangle for the background.
		self.assertEqual(names.count("polyline"), 8)
		self.assertEqual(names.count("circle") + names.count("rect"), 16 + 2 + 4 + 1)

	def test_picture_of_changes(self):
		names = [element.tag.rsplit("}", 1)[-1] for element in ElementTree.fromstring(chart.picture(self.changes(), "head")).iter()]
		# One stall, one curve of copies with one rate above 0, and the legend of the processes.
		self.assertEqual(names.count("polyline"), 1)
		self.assertEqual(names.count("circle") + names.count("rect"), 1 + 1 + 4 + 1)

	def test_picture_of_nothing(self):
		ElementTree.fromstring(chart.picture(Run({}), "<&>"))


class Script(unittest.TestCase):
	def test_both_kernels_run_the_same_comparison(self):
		args = argparse.Namespace(quick=True, part=["stall", "copies"], page_size=None)
		series, base = (bench.script(args, kfd_only).splitlines() for kfd_only in (False, True))
		self.assertEqual(series[:2], base[:2])
		self.assertIn("--kfd --quick --part stall --part copies >", base[1])
		self.assertIn("amd_userptr_bench --quick --part stall --part copies ||", series[2])
		self.assertEqual((len(series), len(base)), (4, 3))

	def test_each_failure_fails_the_boot(self):
		# The stand-in for the program fails with the status in $KFD or $ALL, and notes that it ran.
		with tempfile.TemporaryDirectory() as directory, mock.patch.object(bench, "PROGRAM", os.path.join(directory, "program")), \
				mock.patch.object(bench.qemu, "SHARE", directory):
			step.write(bench.PROGRAM, "#!/bin/sh\necho $1 >&2\n[ $1 = --kfd ] && exit $KFD || exit $ALL\n")
			os.chmod(bench.PROGRAM, 0o755)
			text = bench.script(argparse.Namespace(quick=True, part=[], page_size=None), False)
			for kfd, rest in ((0, 0), (77, 0), (0, 1), (1, 77)):
				found = subprocess.run(["sh", "-c", text], env={**os.environ, "KFD": str(kfd), "ALL": str(rest)}, stderr=subprocess.PIPE,
					text=True, check=False)
				self.assertEqual((found.returncode, found.stderr.split()), (rest or kfd, ["--kfd", "--quick"]))

	def test_kernels_of_the_options(self):
		for ticks, size, patched, base in ((250, None, "patched", "base"), (1000, None, "hz1000", "hz1000-base"),
				(250, "64k", "64k", "64k-base")):
			args = argparse.Namespace(ticks=ticks, page_size=size, quick=False, part=[])
			self.assertEqual([bench.flavour_of(args, source) for source in ("patched", "base")], [patched, base])
			self.assertEqual("meson-arm64" in bench.script(args, True), size == "64k")
		# Boots of different kernels keep their files apart.
		names = ("patched", "base", "hz1000", "hz1000-base", "64k", "64k-base")
		self.assertEqual(len(set(map(bench.directory, names))), len(names))

	def test_check_measures_copies_by_the_wall_clock(self):
		calls = []

		def measure(args, wall=False):
			calls.append((wall, args.icount, args.part))
			return run(series=[cell("contiguous", "map", 1, 1)], icount=args.icount), "7.3.4", not wall or args.good

		for good in (True, False):
			args = argparse.Namespace(check=True, icount=False, part=[], good=good)
			with mock.patch.object(bench, "measure", measure):
				found, _, well = bench.measure_all(args)
			self.assertEqual((found.icount, found.copies.icount, well), (True, False, good))
		self.assertEqual(calls[0], (False, True, ["grid", "library", "cpu", "stall", "restore", "clean", "profile"]))
		self.assertEqual(calls[1], (True, False, ["copies"]))
		self.assertNotEqual(bench.directory("base", True), bench.directory("base"))
		with mock.patch.object(bench, "measure", measure):
			found, *_ = bench.measure_all(argparse.Namespace(check=False, icount=True, part=["copies"]))
		self.assertEqual((found.copies, len(calls)), (found, 5))
		self.assertEqual(calls[-1], (False, True, ["copies"]))

	def test_parts_are_those_of_the_program(self):
		text = step.read(os.path.join(step.HARNESS, "../amdgpu/amd_userptr_bench.c"))
		table = re.search(r"parts\[\] = \{(.*?)\};", text, re.S)[1]
		self.assertEqual(re.findall(r'\{ "(\w+)"', table), arguments.names_of("PART"))

	def test_flavours_exist(self):
		for hz in arguments.names_of("HZ"):
			if int(hz) != bench.DEFAULT_HZ:
				path = os.path.join(step.HARNESS, f"../../kernel/config/hz{hz}.config")
				self.assertIn(f"CONFIG_HZ_{hz}=y", step.read(path))


if __name__ == "__main__":
	unittest.main()

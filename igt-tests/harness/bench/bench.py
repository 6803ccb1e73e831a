# SPDX-License-Identifier: MIT
"""./run bench compares, in one boot, the interfaces that map scattered user memory (docs/performance.md)."""

import datetime
import json
import operator
import os
import statistics

from harness import step
from harness.bench import chart, goals
from harness.boot import qemu
from harness.build import flavours, kernel, machine, project
from harness.suites import scenarios
from harness.verdict import results

PROGRAM = "igt-tests/amdgpu/amd_userptr_bench"	# in Meson's build directory
DIRECTORY = os.path.join(scenarios.RUNS, "bench")
PAGE = goals.PAGE	# of the usual guest

DEFAULT_MODE = "hws-sdma"
# Memory of the guest in MiB. KFD lets processes use 63/64 of the memory that the kernel counts, less 1.5 GiB
# (amdgpu_amdkfd_gpuvm.c:amdgpu_amdkfd_gpuvm_init_mem_limits()). That has to be enough for one range of 4 GiB.
MEMORY_MB = 6144
TIMEOUT = {"quick": 300, "full": 3600}
# With --icount one thread emulates both CPUs, so a boot takes longer by this factor.
ICOUNT_FACTOR = 4

OPERATIONS = ("map", "unmap", "replace", "restore")


class Report:
	"""
	The output of the benchmark program: a cell of results for each (column, operation, number of ranges, size of a
	range). Where a function has no size, it is the size of the guest's pages, @page.
	"""

	def __init__(self, text, icount=False, page=PAGE):
		self.titles, self.cells, self.icount, self.page = {}, {}, icount, page
		for line in text.splitlines():
			if not line.startswith("{"):
				continue
			cell = json.loads(line)
			if "title" in cell:
				self.titles[cell["column"]] = cell["title"]
				continue
			key = (cell["column"], cell["operation"], cell["ranges"], cell["size"])
			if cell.get("ns"):
				cell["median_ns"] = statistics.median(cell["ns"])
			self.cells[key] = cell

	def ns(self, column, operation, ranges, size=None):
		"""Returns the median time of a cell in ns, or None if it was not measured."""
		return self.cells.get((column, operation, ranges, size or self.page), {}).get("median_ns")

	def interval(self, column, operation, ranges, size=None):
		"""Returns the interval in which the true median of a cell lies in 19 of 20 cases, or None."""
		found = self.cells.get((column, operation, ranges, size or self.page), {}).get("ns")
		return goals.median_interval(sorted(found)) if found else None

	def quotients(self, column, above, below, ranges, size=None):
		"""
		The program measures the operations @above and @below by turns. Returns the quotients of the two times
		of each turn, sorted.
		"""
		pairs = [self.cells.get((column, operation, ranges, size or self.page), {}).get("ns") for operation in (above, below)]
		return sorted(map(operator.truediv, *pairs)) if all(pairs) else []

	def by_turns(self, *key):
		"""
		Returns the median of the quotients(), or None. The quotient of the two medians would be less exact,
		because the speed of the machine changes, and the two medians may be from different times.
		"""
		found = self.quotients(*key)
		return statistics.median(found) if found else None

	def reason(self, column, operation, ranges, size=None):
		"""
		Returns the program's reason why ns() has no value, or "". If the program could not map, that is the
		reason.
		"""
		for name in (operation, "map"):
			cell = self.cells.get((column, name, ranges, size or self.page), {})
			if "not_run" in cell:
				return cell["not_run"]
		return ""

	def sizes(self):
		return sorted({size for _, operation, _, size in self.cells if operation in OPERATIONS})

	def counts(self, size):
		return sorted({ranges for _, operation, ranges, of in self.cells
			if operation in OPERATIONS and of == size})

	def memory(self, column):
		"""
		Returns (number of ranges, bytes of kernel memory per range, how many of these are not in the page
		arrays, loss of MemAvailable per range), for the largest number of ranges that was measured; or None.
		"""
		found = None
		for (name, operation, ranges, size), cell in sorted(self.cells.items()):
			if name == column and operation == "memory" and size == self.page:
				grown = cell["bytes"]
				total = (grown["Slab"] + grown["Percpu"] + grown["VmallocUsed"]) / ranges
				found = (ranges, total, total - PAGE_ARRAYS, -grown["MemAvailable"] / ranges)
		return found


# The bytes that TTM needs for each page of a BO: a page pointer and a DMA address
# (drivers/gpu/drm/ttm/ttm_tt.c:ttm_dma_tt_alloc_page_directory()). Any userptr needs them.
PAGE_ARRAYS = 16


def size_name(size):
	return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"


def milliseconds(ns):
	if ns is None:
		return "-"
	return f"{ns / 1e6:.3g}" if ns < 1e9 else f"{ns / 1e6:.0f}"


def grid(rows):
	"""Returns the @rows as lines of a table. The first column is left-aligned, the others are right-aligned."""
	widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
	return ["  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])])
		for row in rows]


def cost_tables(report):
	"""Returns the lines of the tables of times, one table for each size of a range and each operation."""
	lines, columns = [], list(report.titles)
	for size in report.sizes():
		for operation in OPERATIONS:
			rows = [["ranges", *columns]]
			for ranges in report.counts(size):
				rows.append([str(ranges)]
					+ [milliseconds(report.ns(column, operation, ranges, size)) for column in columns])
			lines += ["", f"{operation}, ms, ranges of {size_name(size)}", *grid(rows)]
	return lines


# The steps of map and unmap: make the userptr, call the VA ioctl, wait for the page tables, close the BO.
STEPS = ("userptr", "va", "wait", "close")


def step_table(report):
	"""Returns a table of how long each step of map and unmap takes, for the columns that measure their steps."""
	rows = [["of map and unmap, ms", "ranges", *STEPS]]
	for operation in ("map", "unmap"):
		for column in report.titles:
			for ranges in report.counts(report.page):
				found = [report.ns(column, f"{operation}: {step_name}", ranges) for step_name in STEPS]
				if any(found):
					rows.append([f"{operation}: {column}", str(ranges)] + [milliseconds(ns) for ns in found])
	return ["", *grid(rows)] if len(rows) > 1 else []


def memory_table(report):
	rows = [[f"kernel memory, bytes per range of {size_name(report.page)}", "ranges", "all", "beyond page arrays", "MemAvailable"]]
	for column in report.titles:
		found = report.memory(column)
		if found:
			rows.append([column, str(found[0])] + [f"{value:.0f}" for value in found[1:]])
	return ["", *grid(rows)] if len(rows) > 1 else []


def library_table(report):
	rows = [["library over raw ioctls", "ranges", "pairs", "raw, ms", "library, ms", "ratio by turns", "19 of 20"]]
	for (column, operation, ranges, size), cell in sorted(report.cells.items()):
		if operation in ("raw map", "raw unmap") and "median_ns" in cell:
			library = operation.replace("raw", "library")
			found = report.quotients(column, library, operation, ranges, size)
			ratio = [f"{statistics.median(found):.3f}", "{:.3f} to {:.3f}".format(*goals.median_interval(found))] if found else "--"
			rows.append([f"{column} {operation.removeprefix('raw ')}", str(ranges), str(len(found)),
				milliseconds(cell["median_ns"]), milliseconds(report.ns(column, library, ranges, size)), *ratio])
	return ["", *grid(rows)] if len(rows) > 1 else []


def cpu_table(report):
	"""Returns a table of how long the CPU takes to change memory, with and without a userptr on the memory."""
	rows = [["change by the CPU", "ranges", "not watched, ms", "watched, ms", "difference per range, us"]]
	for (column, operation, ranges, size), cell in sorted(report.cells.items(), key=lambda item: item[0][1]):
		alone = report.ns("none", operation, ranges, size)
		if operation.startswith("cpu ") and column != "none" and "median_ns" in cell and alone:
			rows.append([f"{operation.removeprefix('cpu ')}: {column}", str(ranges), milliseconds(alone),
				milliseconds(cell["median_ns"]), f"{(cell['median_ns'] - alone) / ranges / 1e3:.2f}"])
	return ["", *grid(rows)] if len(rows) > 1 else []


def stall_table(report):
	"""Returns tables of how long a change stops a queue, and how many copies a queue makes at each rate of changes."""
	rows = [["a change stops the queue, ms", "samples", "median", "99 of 100"]]
	for (column, operation, _, _), cell in report.cells.items():
		if operation == "stall" and cell.get("ns"):
			rows.append([column, str(len(cell["ns"])), milliseconds(cell["median_ns"]),
				milliseconds(statistics.quantiles(cell["ns"], n=100)[98])])
	rates = [operation for _, operation, _, _ in report.cells if operation.startswith("copy at ")]
	rates = list(dict.fromkeys(rates))
	copies = [["copies of 16 KiB in a second", *[rate.removeprefix("copy at ") for rate in rates]]]
	for column in report.titles:
		found = [next((cell["median_ns"] for (name, operation, _, _), cell in report.cells.items()
			if (name, operation) == (column, rate) and cell.get("ns")), None) for rate in rates]
		if any(found):
			copies.append([column] + [f"{1e9 / ns:.0f}" if ns else "-" for ns in found])
	return [line for table in (rows, copies) if len(table) > 1 for line in ("", *grid(table))]


def not_run(report):
	"""
	Returns lines with the reasons why cells were not measured: each reason once, with one of its cells and their
	number.
	"""
	reasons = {}
	for (column, operation, ranges, size), cell in report.cells.items():
		if "not_run" in cell:
			name = f"{operation} of {ranges} x {size_name(size)}"
			reasons.setdefault((column, cell["not_run"]), []).append(name)
	lines = [f"not run: {column}: {reason} ({names[0]}{f' and {len(names) - 1} more' if names[1:] else ''})"
		for (column, reason), names in reasons.items()]
	return ["", *lines] if lines else []


def report_text(report, head):
	titles = [f"{column:12}{title}" for column, title in report.titles.items()]
	return "\n".join([*head, "", *titles, *cost_tables(report), *step_table(report),
		*memory_table(report),
		*library_table(report), *cpu_table(report), *stall_table(report), *not_run(report), "", *goals.lines(goals.judge_goals(report))]) + "\n"


def save(report, head, facts):
	"""Write the results of a run as JSON, as text and as a picture. Returns the paths of the three files."""
	paths = [os.path.join(DIRECTORY, "bench" + suffix) for suffix in (".json", ".txt", ".svg")]
	found = [goal.as_dict() for goal in goals.judge_goals(report)]
	content = {**facts, "columns": report.titles, "goals": found, "cells": list(report.cells.values())}
	step.write(paths[0], json.dumps(content, indent=1) + "\n")
	step.write(paths[1], report_text(report, head))
	step.write(paths[2], chart.picture(report, OPERATIONS, report.page, head[0]))
	return paths


def measure(args):
	"""
	Boot a guest and run the benchmark program in it. Returns (the Report, the kernel's Image, did all go well?).
	"""
	params, kind = scenarios.params_of(args.mode), machine.of(args.page_size)
	image = kernel.build_image(flavours.of(flavours.PATCHED, kind.options))
	project.build(kind)
	speed = "quick" if args.quick else "full"
	# --no-pauses: otherwise the simulated GPU sometimes pauses for a millisecond, to try other schedules. That is
	# longer than some operations take.
	spec = qemu.Spec(directory=DIRECTORY, vgpu_options="--no-pauses", kernel=image, vgpu=project.VGPU,
		command=f"{os.path.join(kind.meson, PROGRAM)} {'--quick' if args.quick else ''}\n", params=params, memory_mb=args.memory,
		timeout=TIMEOUT[speed] * (ICOUNT_FACTOR if args.icount else 1), icount=args.icount, trace=False)
	step.say(f"booting Linux {image.release}: {speed} benchmark, {args.mode}"
		f"{', instruction count' if args.icount else ''}")
	outcome = qemu.boot_guest(spec)
	where = qemu.Boot(spec.directory)
	problems = outcome.problems + results.kernel_problems(where, args.icount)
	if outcome.status not in (0, None):
		problems.append(f"the program ended with {outcome.status}: {qemu.tail(where.output)}")
	for problem in problems:
		print(f"bench: {problem}")
	return Report(results.read(where.output), args.icount, kind.page), image, not problems


def cmd_bench(args):
	args.mode, args.memory = args.mode or DEFAULT_MODE, args.memory or max(MEMORY_MB, machine.of(args.page_size).memory_mb)
	report, image, good = measure(args)
	if not report.cells:
		raise step.Failed(f"nothing was measured; logs in {step.host_path(DIRECTORY)}")
	facts = {"date": datetime.date.today().isoformat(), "kernel": image.release, "mode": args.mode,
		"quick": args.quick, "icount": args.icount, "memory_mb": args.memory, "page": report.page}
	clock = "time counts instructions" if args.icount else "wall-clock time"
	head = [f"Linux {image.release}, {args.mode}, pages of {size_name(report.page)}, simulated GPU, emulated CPUs, {clock}; medians"]
	paths = save(report, head, facts)
	print(step.read(paths[1]))
	for path in paths:
		step.say(step.host_path(path))
	missed = [goal for goal in goals.judge_goals(report) if goal.binding and not goal.met]
	return 1 if not good or (args.check and missed) else 0

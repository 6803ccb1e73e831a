# SPDX-License-Identifier: MIT
"""Writes the results of the benchmark as text."""

import operator
import statistics

from harness.bench import goals
from harness.bench.report import OPERATIONS, median_interval

# Each table about changes of memory compares these runs of the benchmark. An entry has the name of the report, the
# column of bench_columns[], and the title in the table.
WHO = (("series", "contiguous", "series, GEM"), ("kfd", "kfd", "series, KFD"), ("base", "kfd", "base, KFD"),
	("debian", "kfd", "Debian, KFD"))
# The changes of the part "stall", and the suffixes of its clocks.
CHANGES, CLOCKS = ("nothing", "page", "fork", "storm"), (("", "CPU"), (" gpu", "GPU"), (" driver", "driver"))


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


CLEAN = 16 << 20	# size of the range of "map of clean pages"
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
	"""Returns a table of the library's times beside those of plain ioctls, which the program measures by turns."""
	rows = [["library over raw ioctls", "ranges", "pairs", "raw, ms", "library, ms", "ratio by turns", "19 of 20"]]
	for (column, operation, ranges, size), cell in sorted(report.cells.items()):
		if operation in ("raw map", "raw unmap") and "median_ns" in cell:
			library = operation.replace("raw", "library")
			found = sorted(map(operator.truediv, report.samples(column, library, ranges, size), cell["ns"]))
			ratio = [f"{statistics.median(found):.3f}", "{:.3f} to {:.3f}".format(*median_interval(found))] if found else ["-", "-"]
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


def percentile(samples, percent):
	"""Returns the sample below which @percent of the @samples lie."""
	return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1] if len(samples) > 1 else samples[0]


def stall_table(run):
	"""Returns a table of how long a change stops a queue, by the CPU's, the GPU's and the driver's clock."""
	rows = [["a change stops the queue, ms", "samples",
		*(f"{clock} {what}" for _, clock in CLOCKS for what in ("p50", "p99"))]]
	for change in CHANGES:
		for name, column, title in WHO:
			cells = [run.samples((name, column, f"stall {change}{suffix}", 1, run.changed)) for suffix, _ in CLOCKS]
			if any(cells):
				rows.append([f"{change}: {title}", str(len(cells[0]))] + [milliseconds(percentile(cell, percent)) if cell else "-"
					for cell in cells for percent in (50, 99)])
	return ["", *grid(rows)] if len(rows) > 1 else []


def storm_table(run):
	"""Returns a table of how many changes and evictions the storms really had."""
	rows = [["a storm, in a second", "changes", "evictions"]]
	for name, column, title in WHO:
		found = [run.ns((name, column, f"stall storm: {what} each", 1, run.changed)) for what in ("a change", "an eviction")]
		if all(found):
			rows.append([title, *(f"{1e9 / ns:.0f}" for ns in found)])
	return ["", *grid(rows)] if len(rows) > 1 else []


def rates(run):
	"""Returns the rates of changes, of the operations "copy at RATE/s", in the order of the output."""
	found = [operation for report in run.reports.values() for _, operation, _, _ in report.cells]
	return list(dict.fromkeys(int(operation.split()[2].removesuffix("/s")) for operation in found
		if operation.startswith("copy at ")))


def copies(run, name, column, rate):
	"""Returns how many copies a second a queue makes while memory changes at the @rate, or None."""
	ns = run.ns((name, column, f"copy at {rate}/s", 1, run.changed))
	return 1e9 / ns if ns else None


def copy_table(run):
	"""Returns a table of how many copies a queue makes at each rate of changes, and how far the windows differ."""
	rows = [["copies of 16 KiB in a second, changes", *(f"{rate}/s" for rate in rates(run))]]
	for name, column, title in WHO:
		row = [title]
		for rate in rates(run):
			found = sorted(1e9 / ns for ns in run.samples((name, column, f"copy at {rate}/s", 1, run.changed)))
			row.append(f"{statistics.median(found):.0f} ({found[0]:.0f} to {found[-1]:.0f})" if found else "-")
		if any(text != "-" for text in row[1:]):
			rows.append(row)
	return ["", *grid(rows)] if len(rows) > 1 else []


def rate_table(run):
	"""Returns a table of how many changes were really made at each rate, because a change may come late."""
	wanted = [rate for rate in rates(run) if rate]
	rows = [["changes really made in a second", *(f"{rate}/s" for rate in wanted)]]
	for name, column, title in WHO:
		found = [run.ns((name, column, f"change at {rate}/s", 1, run.changed)) for rate in wanted]
		if any(found):
			rows.append([title, *(f"{1e9 / ns:.3g}" if ns else "-" for ns in found)])
	return ["", *grid(rows)] if len(rows) > 1 else []


def long_table(run):
	"""
	Returns a table of the restores of one page: of a userptr of 4 GiB, and of a userptr of one page. The program
	measures both by turns.
	"""
	rows = [["restore of one page, ms", "of 4 GiB", "from", "to", f"of {size_name(run.page)}", "from", "to"]]
	for name, column, title, count, size in (("series", "contiguous", "series, one range", 1, goals.LONG),
			("series", "scatter", "series, 64 KiB ranges", goals.LONG // goals.PIECE, goals.PIECE),
			*((name, column, f"{title} userptr", 1, goals.LONG) for name, column, title in WHO[1:])):
		found = [run.samples((name, column, "restore in turn", *cell)) for cell in ((count, size), (1, run.page))]
		if all(found):
			rows.append([title] + [milliseconds(ns) for samples in found
				for ns in (statistics.median(samples), min(samples), max(samples))])
	return ["", *grid(rows)] if len(rows) > 1 else []


def long_map_table(run):
	"""Returns a table of maps and unmaps of one range of 4 GiB."""
	rows = [["map and unmap of 4 GiB, ms", "map", "from", "to", "unmap", "from", "to"]]
	for name, column, title in WHO:
		cells = [(name, column, f"long {operation}", 1, goals.LONG) for operation in ("map", "unmap")]
		if all(run.samples(cell) for cell in cells):
			rows.append([title] + [milliseconds(ns) for cell in cells for ns in (run.ns(cell), *run.interval(cell))])
	return ["", *grid(rows)] if len(rows) > 1 else []


def kernel_table(run):
	"""Returns a table of a process with userptrs of KFD only, on the patched kernel and on the other one."""
	other = "debian" if run.has("debian") else "base"
	rows = [["KFD only", "ranges", "series, ms", "from", "to", f"{other}, ms", "from", "to", f"series / {other}"]]
	if not (run.has("kfd") and run.has(other)):
		return []
	measured = [(operation, operation, ranges, run.page) for operation in OPERATIONS
		for ranges in run.reports["kfd"].counts(run.page)]
	measured += [(f"{operation} of 4 GiB", f"long {operation}", 1, goals.LONG) for operation in ("map", "unmap")]
	for title, *key in measured:
		cells = [(name, "kfd", *key) for name in ("kfd", other)]
		if all(run.samples(cell) for cell in cells):
			series, base = (run.ns(cell) for cell in cells)
			rows.append([title, str(key[1])] + [milliseconds(ns) for cell in cells
				for ns in (run.ns(cell), *run.interval(cell))] + [f"{series / base:.3f}"])
	return ["", *grid(rows)] if len(rows) > 1 else []


def clean_table(run):
	"""Returns a table of maps of pages that are clean, and of pages that are dirty."""
	rows = [["map of 16 MiB, ms", "clean", "from", "to", "dirty", "from", "to", "clean / dirty"]]
	for name, column, title in WHO:
		cells = [(name, column, f"map of {state} pages", 1, CLEAN) for state in ("clean", "dirty")]
		if all(run.samples(cell) for cell in cells):
			clean, dirty = (run.ns(cell) for cell in cells)
			rows.append([title] + [milliseconds(ns) for cell in cells for ns in (run.ns(cell), *run.interval(cell))]
				+ [f"{clean / dirty:.3f}"])
	return ["", *grid(rows)] if len(rows) > 1 else []


def profile_table(run):
	"""Returns a table of the steps of a stall: when each begins, and how long it takes."""
	who = [(name, column, title) for name, column, title in WHO if run.ns((name, column, "profile stall", 1)) is not None]
	steps = dict.fromkeys(operation.removeprefix("profile from ") for name, _, _ in who
		for _, operation, _, _ in run.reports[name].cells if operation.startswith("profile from "))
	if not who:
		return []
	rows = [["a stall by one change, ms", *(f"{title}: {what}" for _, _, title in who for what in ("from", "takes"))]]
	for step in steps:
		rows.append([step] + [milliseconds(run.ns((name, column, f"profile {what}{step}", 1)))
			for name, column, _ in who for what in ("from ", "")])
	for operation, name_of in (("profile delay", "eviction to worker"), ("profile stall", "all, with the probes")):
		rows.append([name_of] + [text for name, column, _ in who
			for text in ("", milliseconds(run.ns((name, column, operation, 1))))])
	return ["", *grid(rows)]


def not_run(run):
	"""
	Returns lines with the reasons why cells were not measured: each reason once, with one of its cells and their
	number.
	"""
	reasons = {}
	for report in run.reports.values():
		for (column, operation, ranges, size), cell in report.cells.items():
			if "not_run" in cell:
				name = f"{operation} of {ranges} x {size_name(size)}"
				reasons.setdefault((column, cell["not_run"]), []).append(name)
	lines = [f"not run: {column}: {reason} ({names[0]}{f' and {len(names) - 1} more' if names[1:] else ''})"
		for (column, reason), names in reasons.items()]
	return ["", *lines] if lines else []


def report_text(run, head):
	"""Returns all tables of a run, and the verdicts of the goals, below the lines @head."""
	lines = [*head]
	if run.has("series"):
		report = run.reports["series"]
		lines += ["", *(f"{column:12}{title}" for column, title in report.titles.items()), *cost_tables(report),
			*step_table(report), *memory_table(report), *library_table(report), *cpu_table(report)]
	lines += [*kernel_table(run), *stall_table(run), *storm_table(run), *copy_table(run.copies), *rate_table(run.copies),
		*long_table(run), *long_map_table(run), *clean_table(run), *profile_table(run), *not_run(run), "",
		*goals.lines(goals.judge_goals(run))]
	return "\n".join(lines) + "\n"

# SPDX-License-Identifier: MIT
"""Reads the output of the benchmark program: samples, their medians, and intervals of both."""

import json
import operator
import statistics

PAGE = 4 << 10	# bytes of a page in the usual guest
# The pages of the range that changes in the parts stall and copies (amd_userptr_bench_stall.c)
CHANGED_PAGES = 16
# The bytes that TTM needs for each page of a BO: a page pointer and a DMA address
# (drivers/gpu/drm/ttm/ttm_tt.c:ttm_dma_tt_alloc_page_directory()). Any userptr needs them.
PAGE_ARRAYS = 16

OPERATIONS = ("map", "unmap", "replace", "restore")


def median_interval(ordered):
	"""
	Returns the two of the @ordered samples between which the true median lies in 19 of 20 cases. That holds for any
	distribution of the samples, because the number of samples below the true median is binomial, with the standard
	deviation sqrt(samples) / 2.
	"""
	first = max(0, int((len(ordered) - 1.96 * len(ordered) ** 0.5) / 2))
	return ordered[first], ordered[-1 - first]


def cells_of(text):
	"""Yields the objects in the lines of the output @text."""
	# If the harness ends the guest at its deadline, the last line may be incomplete.
	for line in text.split("\n")[:-1]:
		if line.startswith("{"):
			yield json.loads(line)


class Report:
	"""
	The output of the benchmark program: a cell of results for each (column, operation, number of ranges, size of a
	range). A function that is called without a size takes the size of the guest's pages, @page.
	"""

	def __init__(self, text, page=PAGE):
		self.titles, self.cells, self.page = {}, {}, page
		for cell in cells_of(text):
			if "title" in cell:
				self.titles[cell["column"]] = cell["title"]
				continue
			key = (cell["column"], cell["operation"], cell["ranges"], cell["size"])
			if cell.get("ns"):
				cell["median_ns"] = statistics.median(cell["ns"])
			self.cells[key] = cell

	def cell(self, column, operation, ranges, size=None):
		return self.cells.get((column, operation, ranges, size or self.page), {})

	def ns(self, *key):
		"""Returns the median time of a cell in ns, or None if it was not measured."""
		return self.cell(*key).get("median_ns")

	def samples(self, *key):
		"""Returns the samples of a cell in ns, in the order in which they were measured."""
		return self.cell(*key).get("ns") or []

	def reason(self, column, operation, ranges, size=None):
		"""
		Returns the program's reason why ns() has no value, or "". If the program could not map, that is the
		reason.
		"""
		for name in (operation, "map"):
			cell = self.cell(column, name, ranges, size)
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


class Run:
	"""
	The reports of one run of ./run bench. "series" is the report of the process that measures everything on the
	patched kernel, and "kfd" that of the process that has userptrs of KFD only, on the same kernel. "base" and
	"debian" are the reports of such a process on the base and on Debian's kernel. In the methods a @cell is (name
	of a report, column, operation, number of ranges), and the size of a range if it is not a page. @copies is the
	Run that has the part copies, if another Run has it.
	"""

	def __init__(self, reports, icount=False, hz=250, page=PAGE, copies=None):
		self.reports, self.icount, self.hz, self.page, self.copies = reports, icount, hz, page, copies or self

	@property
	def changed(self):
		"""The size of the range of which a page changes in the parts stall and copies."""
		return CHANGED_PAGES * self.page

	def has(self, name):
		return name in self.reports

	def ns(self, cell):
		return self.reports[cell[0]].ns(*cell[1:]) if self.has(cell[0]) else None

	def samples(self, cell):
		return self.reports[cell[0]].samples(*cell[1:]) if self.has(cell[0]) else []

	def reason(self, cell):
		"""Returns why a cell has no value."""
		return self.has(cell[0]) and self.reports[cell[0]].reason(*cell[1:]) or "not in this run"

	def interval(self, cell):
		"""Returns the interval in which the true median of a cell lies in 19 of 20 cases, or None."""
		found = self.samples(cell)
		return median_interval(sorted(found)) if found else None

	def quotients(self, above, below):
		"""
		The program measures the cells @above and @below by turns. Returns the quotients of the two times of each
		turn, sorted. Their median is more exact than the quotient of the two medians, because the speed of the
		machine changes, and the two medians may be from different times.
		"""
		return sorted(map(operator.truediv, self.samples(above), self.samples(below)))

# SPDX-License-Identifier: MIT
"""
Draws the results of the benchmark as SVG: a panel for each operation, one for the stalls, and one for the copies while
memory changes, all with logarithmic axes.
"""

import math
from xml.sax.saxutils import escape

from harness.bench import tables
from harness.bench.report import OPERATIONS

# All lengths are in pixels.
PANEL = (420, 300)	# width and height of a plot
MARGIN = (64, 56)	# room for labels left of a plot and above it
GAP = (40, 60)		# room right of a plot and below it
LEGEND_LINE = 18	# height of a line of the legend
PANELS_PER_ROW = 2
FONT = 'font-family="sans-serif" font-size="12" fill="#333"'

# Each curve has a colour and a shape for its points. Colour-blind people can tell these colours apart, too.
COLOURS = ("#0072b2", "#56b4e9", "#d55e00", "#e69f00", "#cc79a7", "#009e73", "#000000", "#777777")
MARKS = ("circle", "square", "circle", "square", "circle", "square", "circle", "square")


class Axis:
	"""A logarithmic axis from the pixel @start to the pixel @end, which begins and ends at powers of 10."""

	def __init__(self, values, start, end):
		self.low = math.floor(math.log10(min(values)))
		self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
		self.start, self.end = start, end

	def at(self, value):
		part = (math.log10(value) - self.low) / (self.high - self.low)
		return self.start + part * (self.end - self.start)

	def decades(self):
		return [10.0 ** exponent for exponent in range(self.low, self.high + 1)]


def number(value):
	return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def text(x, y, content, anchor="middle", extra=""):
	return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {FONT} {extra}>{escape(content)}</text>'


def line(x1, y1, x2, y2, stroke="#ddd"):
	return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"/>'


def mark(index, x, y):
	colour = COLOURS[index % len(COLOURS)]
	if MARKS[index % len(MARKS)] == "circle":
		return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
	return f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" fill="{colour}"/>'


def curve(index, points):
	path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
	colour = COLOURS[index % len(COLOURS)]
	return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
		*(mark(index, x, y) for x, y in points)]


def series(report, operation, size):
	"""
	Returns the curves of a panel, [(index of the column, [(ranges, ms)])], without points that were not measured.
	"""
	found = []
	for index, column in enumerate(report.titles):
		points = [(ranges, report.ns(column, operation, ranges, size)) for ranges in report.counts(size)]
		points = [(ranges, ns / 1e6) for ranges, ns in points if ns]
		if points:
			found.append((index, points))
	return found


def copy_series(run):
	"""Returns the curves of the copies, [(index of the process, [(changes in a second, copies in a second)])]."""
	found = []
	for index, (name, column, _) in enumerate(tables.WHO):
		# A logarithmic axis has no place for a rate of 0.
		points = [(rate, tables.copies(run, name, column, rate)) for rate in tables.rates(run) if rate]
		points = [(rate, number_of) for rate, number_of in points if number_of]
		if points:
			found.append((index, points))
	return found


def frame(title, left, top):
	return [text(left, top - 14, title, "start", 'font-weight="bold"')]


def nothing(left, top):
	return [text(left + PANEL[0] / 2, top + PANEL[1] / 2, "nothing measured")]


def scale(axis, left, top):
	"""Returns the horizontal lines of a panel with their labels."""
	parts = []
	for value in axis.decades():
		parts += [line(left, axis.at(value), left + PANEL[0], axis.at(value)),
			text(left - 6, axis.at(value) + 4, number(value), "end")]
	return parts


def panel(data, title, below, left, top):
	"""
	Returns the SVG elements of a plot of the curves @data, whose upper left corner is at (@left, @top). @below is
	the name of the horizontal axis.
	"""
	right, bottom = left + PANEL[0], top + PANEL[1]
	parts = frame(title, left, top)
	if not data:
		return parts + nothing(left, top)
	xs = Axis([x for _, points in data for x, _ in points], left, right)
	ys = Axis([y for _, points in data for _, y in points], bottom, top)
	for value in xs.decades():
		parts += [line(xs.at(value), top, xs.at(value), bottom), text(xs.at(value), bottom + 16, number(value))]
	parts += scale(ys, left, top)
	parts.append(text((left + right) / 2, bottom + 34, below))
	for index, points in data:
		parts += curve(index, [(xs.at(x), ys.at(y)) for x, y in points])
	return parts


def stall_panel(run, left, top):
	"""
	Returns the plot of the stalls by the CPU's clock: for each change and each process a mark at the median, and a
	line up to the 99th percentile.
	"""
	found = {}
	for place, change in enumerate(tables.CHANGES):
		for index, (name, column, _) in enumerate(tables.WHO):
			samples = run.samples((name, column, f"stall {change}", 1, run.changed))
			if samples:
				found[place, index] = [tables.percentile(samples, percent) / 1e6 for percent in (50, 99)]
	parts = frame("a change stops the queue, ms: median, and line up to 99 of 100", left, top)
	if not found:
		return parts + nothing(left, top)
	axis = Axis([ms for values in found.values() for ms in values], top + PANEL[1], top)
	parts += scale(axis, left, top)
	step = PANEL[0] / len(tables.CHANGES)
	for place, change in enumerate(tables.CHANGES):
		parts.append(text(left + (place + 0.5) * step, top + PANEL[1] + 16, change))
	for (place, index), (half, most) in found.items():
		x = left + (place + (index + 1) / (len(tables.WHO) + 1)) * step
		parts += [line(x, axis.at(half), x, axis.at(most), COLOURS[index]), mark(index, x, axis.at(half))]
	return parts


def legend(titles, left, top):
	parts = []
	for index, title in enumerate(titles):
		y = top + index * LEGEND_LINE
		parts += [mark(index, left, y - 4), text(left + 12, y, title, "start")]
	return parts


def picture(run, head):
	"""Returns the whole picture as SVG text, with @head as its title."""
	report = run.reports.get("series")
	ways, who = list(report.titles.values()) if report else [], [title for _, _, title in tables.WHO]
	draw = [lambda left, top, name=operation: panel(series(report, name, run.page) if report else [], f"{name}, ms", "ranges", left, top)
		for operation in OPERATIONS]
	draw += [lambda left, top: stall_panel(run, left, top),
		lambda left, top: panel(copy_series(run.copies), "copies of 16 KiB in a second", "changes in a second", left, top)]
	cell = (MARGIN[0] + PANEL[0] + GAP[0], MARGIN[1] + PANEL[1] + GAP[1])
	rows = math.ceil(len(draw) / PANELS_PER_ROW)
	width = PANELS_PER_ROW * cell[0]
	height = rows * cell[1] + max(len(ways), len(who)) * LEGEND_LINE + GAP[1]
	parts = [text(MARGIN[0], 22, f"{head}; ranges of {run.page >> 10} KiB", "start")]
	for index, one in enumerate(draw):
		row, column = divmod(index, PANELS_PER_ROW)
		parts += one(column * cell[0] + MARGIN[0], row * cell[1] + MARGIN[1])
	# The left legend is for the operations, the right one for the two panels at the bottom.
	parts += legend(ways, MARGIN[0], rows * cell[1] + GAP[1] / 2)
	parts += legend(who, cell[0] + MARGIN[0], rows * cell[1] + GAP[1] / 2)
	return "\n".join([
		"<!-- SPDX-License-Identifier: MIT -->",
		f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
		'<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>"]) + "\n"

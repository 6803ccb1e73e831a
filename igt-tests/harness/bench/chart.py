# SPDX-License-Identifier: MIT
"""Draws the results of the benchmark as SVG: one panel for each operation, with logarithmic axes."""

import math
from xml.sax.saxutils import escape

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


def panel(report, operation, size, left, top):
	"""Returns the SVG elements of the plot of one @operation, whose upper left corner is at (@left, @top)."""
	data = series(report, operation, size)
	right, bottom = left + PANEL[0], top + PANEL[1]
	parts = [text(left, top - 14, f"{operation}, ms", "start", 'font-weight="bold"')]
	if not data:
		return parts + [text((left + right) / 2, (top + bottom) / 2, "nothing measured")]
	xs = Axis([ranges for _, points in data for ranges, _ in points], left, right)
	ys = Axis([ms for _, points in data for _, ms in points], bottom, top)
	for value in xs.decades():
		parts += [line(xs.at(value), top, xs.at(value), bottom), text(xs.at(value), bottom + 16, number(value))]
	for value in ys.decades():
		parts += [line(left, ys.at(value), right, ys.at(value)),
			text(left - 6, ys.at(value) + 4, number(value), "end")]
	parts.append(text((left + right) / 2, bottom + 34, "ranges"))
	for index, points in data:
		parts += curve(index, [(xs.at(ranges), ys.at(ms)) for ranges, ms in points])
	return parts


def legend(report, left, top):
	parts = []
	for index, title in enumerate(report.titles.values()):
		y = top + index * LEGEND_LINE
		parts += [mark(index, left, y - 4), text(left + 12, y, title, "start")]
	return parts


def picture(report, operations, size, head):
	"""Returns the whole picture as SVG text, with @head as its title."""
	cell = (MARGIN[0] + PANEL[0] + GAP[0], MARGIN[1] + PANEL[1] + GAP[1])
	rows = math.ceil(len(operations) / PANELS_PER_ROW)
	width = PANELS_PER_ROW * cell[0]
	height = rows * cell[1] + len(report.titles) * LEGEND_LINE + GAP[1]
	parts = [text(MARGIN[0], 22, f"{head}; ranges of {size >> 10} KiB", "start")]
	for index, operation in enumerate(operations):
		row, column = divmod(index, PANELS_PER_ROW)
		parts += panel(report, operation, size, column * cell[0] + MARGIN[0], row * cell[1] + MARGIN[1])
	parts += legend(report, MARGIN[0], rows * cell[1] + GAP[1] / 2)
	return "\n".join([
		"<!-- SPDX-License-Identifier: MIT -->",
		f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
		'<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>"]) + "\n"

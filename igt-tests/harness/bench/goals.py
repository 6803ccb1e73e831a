# SPDX-License-Identifier: MIT
"""Compares the results of a benchmark with goals. Most goals are ratios of two times of the same run."""

import dataclasses
import operator

MANY, MOST = 4096, 100000	# numbers of ranges, of one page each, in the goals
PAGE, LONG = 4 << 10, 4 << 30	# the usual size of a page; size of the long range of "restore in turn"


def median_interval(ordered):
	"""
	Returns the two of the @ordered samples between which the true median lies in 19 of 20 cases. That holds for any
	distribution of the samples, because the number of samples below the true median is binomial, with the standard
	deviation sqrt(samples) / 2.
	"""
	first = max(0, int((len(ordered) - 1.96 * len(ordered) ** 0.5) / 2))
	return ordered[first], ordered[-1 - first]


@dataclasses.dataclass
class Goal:
	"""A goal, the value that was measured for it, and whether the value meets it."""
	what: str
	least: bool	# true: the value must be @limit or more; false: @limit or less
	limit: float
	aim: float	# a better value than @limit, which the project hopes to reach one day; None if there is none
	binding: bool	# true: ./run bench --check fails if the goal is missed
	value: float	# the measured value; None if it was not measured
	reason: str = ""	# why the value was not measured
	# The lowest and the highest value that the samples leave possible. None if @value alone decides: with --icount,
	# and in the goals about the library and about memory.
	spread: tuple = None

	def meets(self, value):
		return (operator.ge if self.least else operator.le)(value, self.limit)

	@property
	def noisy(self):
		"""Do the samples leave open whether the goal is met?"""
		return self.spread is not None and len({self.meets(value) for value in self.spread}) > 1

	@property
	def met(self):
		return self.value is not None and not self.noisy and self.meets(self.value)

	def as_dict(self):
		return {**dataclasses.asdict(self), "met": self.met, "noisy": self.noisy}


def ratio(report, above, below):
	"""
	Returns (quotient of the medians of the cells @above and @below, the reason if there is no quotient). A cell is
	(column, operation, ranges).
	"""
	values = [report.ns(*key) for key in (above, below)]
	if None not in values:
		return values[0] / values[1], ""
	for key, value in zip((above, below), values):
		if value is None:
			return None, report.reason(*key) or "not in this run"
	return None, ""


def goal(report, what, above, below, limit, least=False, aim=None, scale=1, binding=True):
	value, reason = ratio(report, above, below)
	if value is None:
		return Goal(what, least, limit, aim, binding, None, reason)
	spread = None
	if not report.icount:
		(above_low, above_high), (below_low, below_high) = report.interval(*above), report.interval(*below)
		spread = (above_low / below_high * scale, above_high / below_low * scale)
	return Goal(what, least, limit, aim, binding, value * scale, spread=spread)


def library_goal(report, operation, limit):
	"""Returns the goal for the ratio of the time with the library to the time that its ioctls take alone."""
	above, below = f"library {operation}", f"raw {operation}"
	reason = report.reason("scatter", above, MANY) or report.reason("scatter", below, MANY) or "not in this run"
	return Goal(f"{operation} {MANY}: library / raw ioctls, by turns", False, limit, None, True,
		report.by_turns("scatter", above, below, MANY), reason)


def memory_goal(report):
	found = report.memory("scatter")
	what = "kernel memory per range beyond the page arrays, bytes"
	if found:
		return Goal(what, False, 256, None, True, found[2])
	return Goal(what, False, 256, None, True, None, report.reason("scatter", "memory", MANY) or "not in this run")


def judge_goals(report):
	"""Returns all goals with their values in @report."""
	map_many, unmap_many = ("scatter", "map", MANY), ("scatter", "unmap", MANY)
	per_range = MANY / MOST
	return [
		goal(report, f"map {MANY}: KFD per range / scatter", ("kfd", "map", MANY), map_many, 40, True, 100),
		goal(report, f"map {MANY}: scatter / contiguous", map_many, ("contiguous", "map", MANY), 5, False, 2),
		goal(report, f"unmap {MANY}: KFD per range / scatter", ("kfd", "unmap", MANY), unmap_many, 150, True),
		goal(report, f"unmap {MANY}: scatter / contiguous", unmap_many, ("contiguous", "unmap", MANY), 2,
			binding=False),
		goal(report, f"restore 1 of {MANY} / 1 of 1", ("scatter", "restore", MANY), ("scatter", "restore", 1), 1.2),
		goal(report, f"map, per range: {MOST} / {MANY}", ("scatter", "map", MOST), map_many, 1.5, scale=per_range),
		goal(report, f"unmap, per range: {MOST} / {MANY}", ("scatter", "unmap", MOST), unmap_many, 1.5,
			scale=per_range),
		goal(report, f"restore one page of 4 GiB / of {report.page >> 10} KiB", ("contiguous", "restore in turn", 1, LONG),
			("contiguous", "restore in turn", 1, report.page), 1.2),
		goal(report, "stall by one change: GEM / KFD", ("contiguous", "stall", 1), ("kfd", "stall", 1), 1.1,
			binding=False),
		library_goal(report, "map", 1.02),
		library_goal(report, "unmap", 1.02),
		memory_goal(report),
	]


def line(one):
	"""Returns the text of a goal: its demand, the value, and the verdict."""
	limit = f"{'at least' if one.least else 'at most'} {one.limit:g}"
	aim = f", aim {one.aim:g}" if one.aim else ""
	if one.value is None:
		verdict = f"not measured: {one.reason}"
	else:
		verdict = f"{one.value:.4g}: {'met' if one.met else 'too noisy' if one.noisy else 'missed'}"
		if one.spread:
			verdict = "{} ({:.4g} to {:.4g})".format(verdict, *one.spread)
	return f"{'goal' if one.binding else 'aim'}: {one.what}: {limit}{aim}: {verdict}"


def lines(judged):
	return [line(one) for one in judged]

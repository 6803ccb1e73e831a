# SPDX-License-Identifier: MIT
"""Compares the results of a benchmark with goals. Most goals are ratios of two times of the same run."""

import dataclasses
import operator
import statistics

from harness.bench import report

MANY, MOST = 4096, 100000	# numbers of ranges, of one page each, in the goals
LATER = 1.1			# factor by which the time between two changes may exceed that on the base, or 10 ms
FEW = 256			# the number of ranges in the comparison of the two kernels by KFD's userptrs
PIECE, LONG = 64 << 10, 4 << 30	# sizes of the ranges of "restore in turn", besides one page


@dataclasses.dataclass
class Goal:
	"""A goal, the value that was measured for it, and whether the value meets it."""
	what: str
	least: bool	# true: the value must be @limit or more; false: @limit or less
	limit: float
	value: float	# the measured value; None if it was not measured
	reason: str = ""	# why the value was not measured
	spread: tuple = None	# the interval (lowest, highest) of the true value according to the samples; None: no interval is known
	binding: bool = True	# ./run bench --check fails if the goal is not met
	# Why the clock of the run cannot judge the goal, or "". The wall clock of a busy machine contains the work of others,
	# and most in operations that take long. A clock that counts instructions does not measure the copies, because the
	# simulated GPU copies in the host's time.
	unfit: str = ""

	def meets(self, value):
		return (operator.ge if self.least else operator.le)(value, self.limit)

	@property
	def noisy(self):
		"""Do the samples leave open whether the goal is met?"""
		return self.spread is not None and len({self.meets(value) for value in self.spread}) > 1

	@property
	def verdict(self):
		if self.value is None:
			return f"not measured: {self.reason}"
		if self.unfit:
			return f"not judged, because only {self.unfit}"
		return "too noisy" if self.noisy else "met" if self.meets(self.value) else "missed"

	@property
	def met(self):
		return self.verdict == "met"

	def as_dict(self):
		return {**dataclasses.asdict(self), "verdict": self.verdict}


BY_INSTRUCTIONS, BY_WALL_CLOCK = "instructions can (--icount)", "the wall clock can (without --icount, or with --check)"


def unfit_for_cost(run, cost):
	return BY_INSTRUCTIONS if cost and not run.icount else ""


def missing(run, *cells):
	"""Returns why the first of the @cells that has no value has none, or None if all have one."""
	return next((run.reason(cell) for cell in cells if run.ns(cell) is None), None)


def ratio(run, what, above, below, limit, least=False, scale=1, cost=True, same=(), **fields):
	"""
	Returns the goal for the quotient of the medians of two cells (see report.Run), times @scale. @cost tells that
	the goal is about work, and not about a wait. @same are two cells in which both boots do the same: if these differ,
	the machine had another speed in one of the boots, and the value may be wrong by the same factor.
	"""
	reason = missing(run, above, below, *same)
	if reason:
		return Goal(what, least, limit, None, reason, **fields)
	(above_low, above_high), (below_low, below_high) = run.interval(above), run.interval(below)
	drift = run.ns(same[0]) / run.ns(same[1]) if same else 1
	scale_low, scale_high = scale * min(drift, 1 / drift), scale * max(drift, 1 / drift)
	return Goal(what, least, limit, run.ns(above) / run.ns(below) * scale,
		spread=(above_low / below_high * scale_low, above_high / below_low * scale_high), unfit=unfit_for_cost(run, cost), **fields)


def by_turns(run, what, above, below, limit, cost=True, **fields):
	"""Returns the goal for the quotient of two cells that the program measures by turns."""
	reason = missing(run, above, below)
	if reason:
		return Goal(what, False, limit, None, reason, **fields)
	found = run.quotients(above, below)
	return Goal(what, False, limit, statistics.median(found), spread=report.median_interval(found),
		unfit=unfit_for_cost(run, cost), **fields)


def memory_goal(run):
	what = "kernel memory per range beyond the page arrays, bytes"
	found = run.reports["series"].memory("scatter") if run.has("series") else None
	if found:
		return Goal(what, False, 128, found[2])
	return Goal(what, False, 128, None, run.reason(("series", "scatter", "memory", MANY)))


def copy_goal(run, what, ours, base):
	"""
	Returns the goal that compares the copies of two processes while their memory changes 100 times a second. @ours
	and @base are (name of the report, column) of each. If the memory of @ours changed less often than that of
	@base, @ours had more time for copies, so the goal is not judged.
	"""
	def both(operation):
		return [(*who, operation, 1, run.changed) for who in (base, ours)]

	reason = missing(run, *both("change at 100/s"))
	if not reason:
		base_ns, ours_ns = map(run.ns, both("change at 100/s"))
		if ours_ns > max(base_ns, 1e7) * LATER:
			reason = f"{1e9 / ours_ns:.0f} changes a second only, {1e9 / base_ns:.0f} on the base"
	if reason:
		return Goal(what, True, 2, None, reason)
	goal = ratio(run, what, *both("copy at 100/s"), 2, True, cost=False, same=both("copy at 0/s"))
	return dataclasses.replace(goal, unfit=BY_WALL_CLOCK if run.icount else "")


def tick_goal(run, name, column):
	"""
	Returns the goal for the time from the eviction of the queues to the restore worker's begin. A timer would let
	the worker wait for one tick at least, so a shorter time means that no timer delayed the worker.
	"""
	cell, what = (name, column, "profile delay", 1), f"{column}: eviction to worker, in ticks of {1000 / run.hz:g} ms"
	if run.ns(cell) is None:
		return Goal(what, False, 1, None, run.reason(cell))
	tick = 1e9 / run.hz
	return Goal(what, False, 1, run.ns(cell) / tick, spread=tuple(ns / tick for ns in run.interval(cell)))


def cost_goals(run):
	"""Returns the goals for map, unmap and memory of many ranges."""
	def series(column, operation, ranges):
		return ("series", column, operation, ranges)

	found = []
	for operation, kfd, floor in (("map", 60, 2), ("unmap", 300, 2)):
		many = series("scatter", operation, MANY)
		found += [ratio(run, f"{operation} {MANY}: KFD per range / scatter", series("kfd", operation, MANY), many, kfd, True),
			ratio(run, f"{operation} {MANY}: scatter / contiguous", many, series("contiguous", operation, MANY), floor),
			ratio(run, f"{operation}, per range: {MOST} / {MANY}", series("scatter", operation, MOST), many, 1.5,
				scale=MANY / MOST),
			by_turns(run, f"{operation} {MANY}: library / raw ioctls, by turns", series("scatter", f"library {operation}", MANY),
				series("scatter", f"raw {operation}", MANY), 1.02)]
	return [*found, memory_goal(run)]


def kernel_goals(run):
	"""Returns the goals for a process with userptrs of KFD only, on the patched kernel and on the base."""
	found = [ratio(run, f"KFD only: {operation} of {FEW}: series / base", ("kfd", "kfd", operation, FEW),
			("base", "kfd", operation, FEW), 1.02) for operation in ("map", "unmap", "restore")]
	return found + [ratio(run, f"KFD only: {operation} of 4 GiB: series / base (an aim)", ("kfd", "kfd", f"long {operation}", 1, LONG),
			("base", "kfd", f"long {operation}", 1, LONG), 1.02, binding=False) for operation in ("map", "unmap")]


def wait_goals(run):
	"""Returns the goals for the times that a process waits when its memory changes."""
	in_turn = "restore in turn"
	ways = (("GEM", "series", "contiguous"), ("KFD", "kfd", "kfd"))
	found = [ratio(run, f"restore 1 of {MANY} / 1 of 1", ("series", "scatter", "restore", MANY),
			("series", "scatter", "restore", 1), 1.2, cost=False),
		by_turns(run, f"restore one page of 4 GiB / of {run.page >> 10} KiB, by turns", ("series", "contiguous", in_turn, 1, LONG),
			("series", "contiguous", in_turn, 1), 1.2, cost=False),
		by_turns(run, "the same in ranges of 64 KiB (an aim)", ("series", "scatter", in_turn, LONG // PIECE, PIECE),
			("series", "scatter", in_turn, 1), 1.2, cost=False, binding=False),
		by_turns(run, "the same as a userptr of KFD (an aim)", ("kfd", "kfd", in_turn, 1, LONG),
			("kfd", "kfd", in_turn, 1), 1.2, cost=False, binding=False)]
	for way, name, column in ways:
		page, nothing = ([(*who, f"stall {change}", 1, run.changed) for who in ((name, column), ("base", "kfd"))]
			for change in ("page", "nothing"))
		found += [ratio(run, f"stall by one change: {way} / base's KFD", *page, 0.5, cost=False, same=nothing),
			tick_goal(run, name, column),
			copy_goal(run.copies, f"copies at 100 changes a second: {way} / base's KFD", (name, column), ("base", "kfd"))]
	return found


def judge_goals(run):
	"""Returns all goals with their values in @run."""
	return cost_goals(run) + kernel_goals(run) + wait_goals(run)


def line(one):
	"""Returns the text of a goal: its demand, the value, and the verdict."""
	limit = f"{'at least' if one.least else 'at most'} {one.limit:g}"
	value = "" if one.value is None else f" {one.value:.4g}:"
	spread = "" if one.spread is None else " ({:.4g} to {:.4g})".format(*one.spread)
	return f"{'goal' if one.binding else 'aim'}: {one.what}: {limit}:{value} {one.verdict}{spread}"


def lines(judged):
	return [line(one) for one in judged]

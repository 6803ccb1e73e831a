# SPDX-License-Identifier: MIT
"""Chooses the boots that run with each seed of the simulated GPU's schedule, and prints the table of their results."""

import dataclasses
import re

from harness import step
from harness.verdict.results import FAIL, PASS, number

MAX_SEED = 2**64 - 1	# the largest seed that vgpu takes
MAX_SEEDS = 1000	# parse() refuses a range LOW..HIGH of more seeds, because it must be a typing error
VERDICT = re.compile(r"^vgpu: oracle: (\d+) violations in (\d+) accesses", re.M)


@dataclasses.dataclass
class Row:
	"""The results of one boot with one seed."""
	seed: int
	mode: str
	cases: list
	verdict: tuple		# (violations, accesses) that the page oracle has counted; None if it printed no count
	seconds: float		# how long the boot took


def parse(text):
	"""Returns the seeds in a @text like "7", "1,5,9" or "1..20", in this order and each once. Raises ValueError."""
	seeds = {}
	for part in text.split(","):
		first, dots, last = part.partition("..")
		low, high = int(first), int(last if dots else first)
		if not 0 <= low <= high <= MAX_SEED or high - low >= MAX_SEEDS:
			raise ValueError(part)
		seeds.update(dict.fromkeys(range(low, high + 1)))
	return list(seeds)


def scheduler(mode):
	"""
	Returns the scheduler of a @mode. The name of a mode is SCHEDULER-WRITER, and the writer writes the page tables.
	"""
	return mode.split("-")[0]


def choose(modes, seeds, all_modes):
	"""
	Returns the boots to run, as [(seed, mode)]. With one seed, or if the user has chosen the modes (@all_modes),
	each seed runs in each of the @modes. With several seeds this would take long, so each seed runs once with each
	scheduler. The writer of the page tables changes from seed to seed.
	"""
	if all_modes or len(seeds) == 1:
		return [(seed, mode) for seed in seeds for mode in modes]
	groups = {}
	for mode in modes:
		groups.setdefault(scheduler(mode), []).append(mode)
	# The second scheduler takes its modes from one place further on, so each seed runs with both writers of page
	# tables.
	return [(seed, group[(turn + ahead) % len(group)])
		for turn, seed in enumerate(seeds) for ahead, group in enumerate(groups.values())]


def oracle_verdict(log):
	"""
	Returns (violations, accesses) of all GPUs from the @log that their vgpu processes printed, or None if it has no
	count.
	"""
	found = VERDICT.findall(log)	# each GPU has printed a pair of numbers
	return tuple(sum(map(int, column)) for column in zip(*found)) if found else None


def print_seeds(rows):
	step.show(f"\n{'seed':>20} {'mode':<12} {'passed':>6} {'failed':>6} {'violations':>10} {'accesses':>9} {'seconds':>7}")
	for row in rows:
		violations, accesses = row.verdict or ("-", "-")
		step.show(f"{row.seed:>20} {row.mode:<12} {number(row.cases, PASS):>6} {number(row.cases, FAIL):>6} "
			f"{violations:>10} {accesses:>9} {row.seconds:>7.0f}")
	verdicts = [row.verdict for row in rows if row.verdict]
	step.show(f"{'sum':>20} {f'{len(rows)} boots':<12} {sum(number(row.cases, PASS) for row in rows):>6} "
		f"{sum(number(row.cases, FAIL) for row in rows):>6} {sum(v for v, _ in verdicts):>10} "
		f"{sum(a for _, a in verdicts):>9} {sum(row.seconds for row in rows):>7.0f}\n")

# SPDX-License-Identifier: MIT
"""Seeds of the simulated GPU's schedule: which boots run with each seed, and the table of their results."""

import dataclasses
import re

from harness import step
from harness.verdict.results import FAIL, PASS, number

MAX_SEED = 2**64 - 1	# what vgpu takes
MAX_SEEDS = 1000
VERDICT = re.compile(r"^vgpu: oracle: (\d+) violations in (\d+) accesses", re.M)


@dataclasses.dataclass
class Row:
	"""One boot with one seed."""
	seed: int
	mode: str
	cases: list
	verdict: tuple		# violations and accesses; None: nobody reported to the oracle
	seconds: float


def parse(text):
	"""The seeds of "7", "1,5,9" or "1..20", in this order and each once; ValueError."""
	seeds = {}
	for part in text.split(","):
		first, dots, last = part.partition("..")
		low, high = int(first), int(last if dots else first)
		if not 0 <= low <= high <= MAX_SEED or high - low >= MAX_SEEDS:
			raise ValueError(part)
		seeds.update(dict.fromkeys(range(low, high + 1)))
	return list(seeds)


def scheduler(mode):
	"""Modes are named SCHEDULER-WRITER, see scenarios.cfg."""
	return mode.split("-")[0]


def choose(modes, seeds, all_modes):
	"""
	Which of the @modes each seed sees: [(seed, mode)]. One seed sees all of them. Of several each
	sees every scheduler, once, with the writers of page tables taking turns from seed to seed.
	"""
	if all_modes or len(seeds) == 1:
		return [(seed, mode) for seed in seeds for mode in modes]
	groups = {}
	for mode in modes:
		groups.setdefault(scheduler(mode), []).append(mode)
	# The second scheduler is one turn ahead, so that both writers meet each seed.
	return [(seed, group[(turn + ahead) % len(group)])
		for turn, seed in enumerate(seeds) for ahead, group in enumerate(groups.values())]


def oracle_verdict(log):
	"""Violations and accesses from what vgpu printed, or None."""
	found = VERDICT.findall(log)	# of each GPU
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

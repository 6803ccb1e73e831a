# SPDX-License-Identifier: MIT
"""Checks and updates the sample in README.md of the sums that ./run test prints at its end."""

import os
import re

from harness import step
from harness.verdict import record

README = os.path.join(step.PROJECT, "README.md")
SUM = re.compile(r"(?:(\w+): +)?(\d+) passed, (\d+) failed, (\d+) skipped")
# Matches the block of README.md that consists of lines like SUM. It is the sample.
SAMPLE = re.compile(rf"(?<=^```\n)(?:{SUM.pattern}\n){{2,}}(?=```$)", re.M)


class NoSample(step.Failed):
	"""Raised if README.md has no sample, or more than one."""


def sample(text):
	"""Returns the match of the sample in the @text of README.md."""
	found = list(SAMPLE.finditer(text))
	if len(found) != 1:
		raise NoSample(f"README.md has {len(found)} samples of the sums of ./run test")
	return found[0]


def rows(text):
	"""
	Returns [(suite, [passed, failed, skipped])] of the lines of a sample. The line of the sum has None as its
	suite.
	"""
	return [(match[1], [int(match[i]) for i in (2, 3, 4)]) for match in map(SUM.fullmatch, text.splitlines()) if match]


def problems(text, suites):
	"""Returns the problems of the sample in the @text of README.md, if ./run test has these @suites."""
	try:
		found = rows(sample(text)[0])
	except NoSample as failure:
		return [str(failure)]
	named = [name for name, _ in found[:-1]]
	wrong = [f"no suite {name}" for name in named if name not in suites]
	wrong += [f"{name} is missing" for name in suites if name not in named]
	if not wrong and named != list(suites):
		wrong.append("the suites are not in the order in which they run")
	total = [sum(column) for column in zip(*(counts for _, counts in found[:-1]))]
	if found[-1][0] is not None or found[-1][1] != total:
		wrong.append(f"the last line is not the sum, {total[0]} passed, {total[1]} failed, {total[2]} skipped")
	return wrong


def updated(text, summary):
	"""Returns the @text of README.md with the sums @summary of a run as its sample."""
	place = sample(text)
	return text[:place.start()] + summary + text[place.end():]


def update():
	"""Put the sums of the last run of all suites into README.md. Returns their last line."""
	summary = step.read_or(record.SUMMARY)
	if not summary:
		raise step.Failed("no run of all suites has ended in this checkout: ./run test")
	step.write(README, updated(step.read(README), summary))
	return summary.splitlines()[-1]

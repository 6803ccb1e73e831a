# SPDX-License-Identifier: MIT
"""
Checks README.md and the glossary, and updates the sample in README.md of the sums that ./run test prints at its end.
"""

import os
import re

from harness import step
from harness.verdict import record

README = os.path.join(step.PROJECT, "README.md")
SUM = re.compile(r"(?:(\w+): +)?(\d+) passed, (\d+) failed, (\d+) skipped")
# Matches the block of README.md that consists of lines like SUM. It is the sample.
SAMPLE = re.compile(rf"(?<=^```\n)(?:{SUM.pattern}\n){{2,}}(?=```$)", re.M)
# Matches the block of README.md that shows how to use the library.
LIBRARY = re.compile(r"(?<=^```c\n).*?(?=^```$)", re.M | re.S)
# Matches the names in LIBRARY that only the library can have: its own, and members of its structs.
NAMES = re.compile(r"\b(?:amdgpu_userptr|AMDGPU_USERPTR)_\w+|(?<=[\s{]\.)\w+(?= =)")
MIN_GLOSSARY = 20	# the fewest words of a glossary that can explain the words of all pages


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


def library_problems(text, headers):
	"""
	Returns the problems of the sample of the library in the @text of README.md: names that are not in the text
	@headers of the public headers.
	"""
	found = LIBRARY.search(text)
	if not found:
		return ["README.md has no sample of the library"]
	known = set(re.findall(r"\w+", headers))
	return [f"the library has no {name}" for name in sorted(set(NAMES.findall(found[0])) - known)]


def effect_problems(text, testlist):
	"""
	Returns the problems of the table in the @text of README.md that names the effects of programs on the machine: a
	program that @testlist, the text of the list destructive, has and the table lacks.
	"""
	table = text.partition("| Program | Effect on the machine |\n")[2].partition("\n\n")[0]
	named = {name for row in table.splitlines() for name in re.findall(r"\bamd_\w+", row.split("|")[1])}
	programs = set(re.findall(r"^igt@amdgpu/(\w+)", testlist, re.M))
	return [f"README.md names no effect of {program}" for program in sorted(programs - named)]


def glossary_problems(text):
	"""Returns the problem of the @text of the glossary, if it lacks most of its rows."""
	count = len(re.findall(r"^\| \*\*", text, re.M))
	return [] if count >= MIN_GLOSSARY else [f"the glossary has {count} rows, less than {MIN_GLOSSARY}"]


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

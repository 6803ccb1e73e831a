# SPDX-License-Identifier: MIT
"""
Checks the text of each series, because it will be posted: the cover letter, the numbers and the tags of its patches.
"""

import email
import email.policy
import glob
import os
import re

from harness import step
from harness.build import source
from harness.verdict.results import FAIL, PASS, Case

# A fix of a bug that is not public has the address stable@kernel.org, without "vger", because "vger" is a public
# mailing list (option 1 of Documentation/process/stable-kernel-rules.rst).
STABLE = re.compile(r"^Cc: <?stable@(vger\.)?kernel\.org>?( # .+)?$", re.M)
FIXES = re.compile(r'^Fixes: [0-9a-f]{12} \(".+"\)$')
SIGNED = re.compile(r"^\s*Signed-off-by:", re.M | re.I)
# Matches the ways in which a text names patches by their numbers: "patch 3", "patch 1/7", "patches 2-4",
# "patches 1, 4 to 6 and 9".
NAMED = re.compile(r"\bpatch(?:es)?\s+(\d+(?:(?:\s*(?:,|-|–|/)\s*|\s+(?:and|or|to)\s+)\d+)*)", re.I)
# Matches the places that git format-patch --cover-letter leaves for the author to fill in.
BLANK = re.compile(r"\*\*\* .* HERE \*\*\*")
# Matches the name of a patch in the project's documents: its series, and its subject without the subsystem.
CALLED = re.compile(rf"`({'|'.join(source.SERIES)}): ([^`]+)`")
MIN_WORDS = 50		# a shorter cover letter says hardly more than its subject


def message(text):
	"""Returns the text of a patch or a cover letter above its line "---"."""
	return re.split(r"^---$", text, maxsplit=1, flags=re.M)[0]


def named_numbers(text):
	"""Returns the numbers of patches that a text names."""
	return sorted({int(number) for match in NAMED.finditer(text) for number in re.findall(r"\d+", match[1])})


def check_subject(text, number, count):
	"""
	Returns the problems of the subject @text, which must have the number @number of @count patches. 0 is the cover
	letter.
	"""
	match = re.match(r"\[PATCH (\d+)/(\d+)\] \S", text)
	if not match:
		return [f'the subject is not "[PATCH {number}/{count}] ...": {text}']
	found = int(match[1]), int(match[2])
	return [] if found == (number, count) else [f"the subject says {found[0]}/{found[1]}, it is {number}/{count}"]


def check_cover(text, count):
	"""Returns the problems of the cover letter @text of a series of @count patches."""
	mail = email.message_from_string(message(text), policy=email.policy.default)
	body = mail.get_payload()
	wrong = check_subject(mail["Subject"] or "", 0, count)
	if len(body.split()) < MIN_WORDS:
		wrong.append(f"it has {len(body.split())} words")
	wrong += [f"it has {blank} in it" for blank in BLANK.findall(text)]
	wrong += [f"it names patch {number}, there are {count}" for number in named_numbers(body)
		if not 1 <= number <= count]
	return wrong


def check_tags(text, stable):
	"""
	Returns the problems of the tags of a patch. @stable says that the patch belongs to the series for stable trees.
	"""
	wrong = [f"not a 12-digit hash and a quoted subject: {line}" for line in re.findall(r"^Fixes:.*$", message(text), re.M | re.I)
		if not FIXES.match(line)]
	if stable and not STABLE.search(message(text)):
		wrong.append("no Cc: stable")
	return wrong


def subject(patch):
	return email.message_from_string(step.read(patch), policy=email.policy.default)["Subject"] or ""


def title(text):
	"""Returns a subject without the brackets "[PATCH ...]" and without the prefix "drm/...: "."""
	return re.sub(r"^\[.*?\] (drm/\w+: )?", "", text)


def unknown_names(text, known):
	"""
	Returns the patches that the document @text names although they are not among the @known pairs (series,
	subject).
	"""
	called = {(name, " ".join(words.split())) for name, words in CALLED.findall(text)}
	return sorted(f"{name}: {words}" for name, words in called - known)


def check_documents():
	"""Returns the names of patches in the project's documents that no patch of the series has."""
	known = {(name, title(subject(patch))) for name in source.SERIES for patch in source.series(name)}
	paths = [path for pattern in ("*.md", "docs/*.md", "kernel/*.md") for path in glob.glob(os.path.join(step.PROJECT, pattern))]
	return [f"{os.path.basename(path)} names {patch}" for path in sorted(paths) for patch in unknown_names(step.read(path), known)]


def check_series(name):
	"""Returns the problems of the patches of the series @name."""
	patches = source.series(name)
	wrong = []
	for number, patch in enumerate(patches, 1):
		problems = check_subject(subject(patch), number, len(patches))
		problems += check_tags(step.read(patch), name == "stable")
		wrong += [f"{source.label(patch)}: {problem}" for problem in problems]
	return wrong


def base_line(name):
	"""Returns the last line of the cover letter of the series @name, which kernel/export.sh writes."""
	below = source.up_to(name)[:-1]
	return f"base: v{source.base()['version']}" + (f", then the series {' '.join(below)}" if below else "")


def check_cover_of(name):
	text = step.read_or(source.cover(name))
	if not text:
		return ["there is none"]
	wrong = check_cover(text, len(source.series(name)))
	if text.splitlines()[-1] != base_line(name):
		wrong.append(f"its last line is not '{base_line(name)}'")
	return wrong


def check_unsigned():
	"""
	Returns the patches that have a Signed-off-by. No patch may have one, because only the person who sends the
	patches can sign them.
	"""
	paths = source.series() + source.controls() + [path for path in map(source.cover, source.SERIES) if os.path.exists(path)]
	return [source.label(path) for path in paths if SIGNED.search(message(step.read(path)))]


def checks():
	"""Yields (name, function, arguments...) of the checks of cover letters and messages; series.py checks code."""
	yield "nobody has signed yet", check_unsigned
	yield "documents name patches that exist", check_documents
	for name in source.SERIES:
		yield f"cover letter: {name}", check_cover_of, name
		yield f"numbers and tags: {name}", check_series, name


def names():
	return [name for name, *_ in checks()]


def mail_cases():
	"""Returns the cases of the suite "kernel" about cover letters and messages."""
	found = {name: check(*arguments) for name, check, *arguments in checks()}
	return [Case(what, FAIL if wrong else PASS, "; ".join(wrong)) for what, wrong in found.items()]

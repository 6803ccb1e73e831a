# SPDX-License-Identifier: MIT
"""
Reads the command line of ./run as usage.txt describes it. Before the set-up of the build root arguments.sh has already
refused wrong words. This module turns the words into values. It refuses the same words as arguments.sh, apart from
paths of the host, because the unit tests and cli.py, when it is called without ./run, have no other check.
"""

import argparse
import dataclasses
import functools
import glob
import itertools
import os
import re

from harness import step
from harness.boot import qemu
from harness.build import machine
from harness.step import Wrong
from harness.suites import scenarios, seeds, trials

USAGE = os.path.join(step.HARNESS, "usage.txt")
LISTED = ("ACTION", "CONFIG", "HZ", "PART")	# kinds whose values the section "where" lists
IF_NAMED = "; only if named"	# the end of the description of a suite that does not run unless the user names it
FUZZERS = ("igt-tests/vgpu/fuzz", "lib/fuzz")	# each folder has a file corpus/TARGET.txt for each of its fuzzers

OPTION = re.compile(r"  (--[a-z-]+)(?: ([A-Z]+))?  +(.*)")
RANGE = re.compile(r"([0-9.]*[0-9])\.\.([0-9]+)")
NEEDS = re.compile(r"  (\S+) needs suites of: (.*)\.")
TEST = re.compile(r"(amd_[a-z0-9_]+)(?:@([a-z0-9-]+))?")


@dataclasses.dataclass
class Section:
	"""A section of usage.txt: a command, or one of the sections "where" and "suites"."""
	name: str
	arguments: list		# the words behind the name on the section's first line, for instance "[WHAT...]"
	lines: list		# the indented lines below the first one

	def matches(self, pattern):
		return [match for match in map(re.compile(pattern).fullmatch, self.lines) if match]


@functools.cache
def sections():
	"""Returns {name: Section} of usage.txt."""
	found, section = {}, None
	for line in step.read(USAGE).splitlines():
		if not line.startswith((" ", "#")) and line:
			name, *arguments = line.split()
			section = found[name] = Section(name, arguments, [])
		elif section and line and not line.startswith("#"):
			section.lines.append(line)
	return found


def described(name):
	"""Returns {WORD: text} of the lines "  WORD  text" in the section @name."""
	return dict(re.fullmatch(r"  (\w+) +(.*)", line).groups() for line in sections()[name].lines)


def suites():
	"""Returns {suite: description} of all suites, in the order in which they run."""
	return described("suites")


def usual_suites():
	"""Returns the suites that run if the user names none, in their order."""
	return [name for name, about in suites().items() if not about.endswith(IF_NAMED)]


def suites_for(name):
	"""
	Returns the suites with which ./run test permits the option @name, or None if it permits it with all suites.
	"""
	lists = {match[1]: match[2].split(", ") for match in sections()["test"].matches(NEEDS)}
	return lists.get(name)


def targets():
	"""Returns {name of a libFuzzer target: its folder}."""
	found = {os.path.basename(path).removesuffix(".txt"): folder for folder in FUZZERS
		for path in glob.glob(os.path.join(step.PROJECT, folder, "corpus/*.txt"))}
	return dict(sorted(found.items()))


def names_of(kind):
	"""Returns all permitted values of @kind if they are names, otherwise None."""
	makers = {"MODE": scenarios.modes, "CONTROL": lambda: trials.all_trials("negative").sections(), "TARGET": lambda: list(targets()),
		"SIZE": lambda: list(machine.MACHINES), "ACCEL": lambda: list(qemu.ACCELS), "SUITE": lambda: list(suites()),
		"PROGRAM": scenarios.programs}
	if kind in LISTED:
		return described("where")[kind].split(", ")
	return makers[kind]() if kind in makers else None


def check_name(kind, text):
	known = names_of(kind)
	if text not in known:
		raise argparse.ArgumentTypeError(f"unknown {kind.lower()} '{text}'; there are {', '.join(known)}")
	return text


def number(low, high, text):
	"""
	Returns the number in @text. It must be between the texts @low and @high, and whole unless @low has a decimal
	point.
	"""
	decimal = "." in low
	if not re.fullmatch(r"[0-9]+(\.[0-9]+)?" if decimal else "[0-9]+", text):
		raise argparse.ArgumentTypeError(f"takes a number from {low} to {high}, not '{text}'")
	value = float(text) if decimal else int(text)
	if not float(low) <= value <= int(high):
		raise argparse.ArgumentTypeError(f"takes a number from {low} to {high}, not '{text}'")
	return value


def what(text):
	"""Returns @text if it is a suite, or a test program with or without a subtest. Otherwise refuses it."""
	if not text.startswith("amd_"):
		return check_name("SUITE", text)
	match = TEST.fullmatch(text)
	if not match:
		raise argparse.ArgumentTypeError(f"'{text}' is neither a PROGRAM nor PROGRAM@SUBTEST")
	check_name("PROGRAM", match[1])
	return text


def converter(kind):
	"""Returns a function that turns a word into a value of @kind, or refuses the word."""
	text = described("where").get(kind, "")
	match = RANGE.match(text)
	if match:
		return functools.partial(number, match[1], match[2])
	if names_of(kind) is not None:
		return functools.partial(check_name, kind)
	# DIR and FILE are paths of the host, which mean nothing in the build root. Only arguments.sh can check that
	# they exist. For --accel kvm only arguments.sh checks that /dev/kvm can be opened.
	return {"WHAT": what, "SEEDS": seeds.parse}.get(kind, str)


class Parser(argparse.ArgumentParser):
	"""A parser that raises Wrong instead of ending the program."""

	def error(self, message):
		raise Wrong(re.sub(r"^argument ", "", message))


def add_option(parser, name, kind, text):
	if not kind:
		parser.add_argument(name, action="store_true")
	elif "may be repeated" in text:
		parser.add_argument(name, action="append", default=[], type=converter(kind))
	else:
		parser.add_argument(name, type=converter(kind))


def section_of_options(section):
	"""
	Returns the Section that lists the options of the command that @section describes, and their rules. The command
	shell has the options of exec, so its Section here is that of exec.
	"""
	return next((sections()[match[1]] for match in section.matches(r"  Options: those of (\w+)\.")), section)


def parser_of(section):
	"""Returns the parser of the command that @section describes."""
	parser = Parser(prog=f"./run {section.name}", allow_abbrev=False)
	for match in section_of_options(section).matches(OPTION):
		# Only the first line of an option's help matters here.
		add_option(parser, match[1], match[2], match[3])
	if "--" not in section.arguments:
		for word in section.arguments:
			kind = word.strip("[].")
			nargs = "*" if word.startswith("[") and word.endswith("...]") else "?" if word.startswith("[") else None
			parser.add_argument(kind.lower(), type=converter(kind), nargs=nargs)
	return parser


def check_rules(section, args, given):
	"""Refuse the @given options if @section forbids them together, or together with the suites in @args."""
	for match in section.matches(r"  Not together: (.*)\."):
		both = [name for name in match[1].split(", ") if name in given]
		if len(both) > 1:
			raise Wrong(f"{both[0]} and {both[1]} do not go together")
	words = getattr(args, "what", [])
	for match in section.matches(NEEDS):
		if match[1] in given or match[1] == "PROGRAM" and any(word.startswith("amd_") for word in words):
			for word in words:
				if not word.startswith("amd_") and word not in match[2].split(", "):
					raise Wrong(f"{match[1].replace('PROGRAM', 'a program')} is for the suites {match[2]}, not for {word}")
	if "--failed" in given and words:
		raise Wrong("--failed takes no suite and no program")
	# Without --control commands/test.py runs these suites without seeds, because all trials with several seeds take hours.
	if "--seed" in given and "--control" not in given and any(word in trials.TABLES for word in words):
		raise Wrong("--seed needs --control with the suite negative, and is not for the suite faults")
	if "--config" in given and args.action != "deb":
		raise Wrong("--config is for ./run kernel deb")


def split(words):
	"""Returns (the words before the first "--", the words behind it, which are the command that exec runs)."""
	at = words.index("--") if "--" in words else len(words)
	return words[:at], words[at + 1:]


def parse(words):
	"""
	Returns the values of the @words behind ./run. An option that is not given has the value None, False or [].
	"""
	behind = []
	if words[:1] == ["exec"]:
		words, behind = split(words)
		if not behind:
			raise Wrong("exec needs a command: ./run exec [OPTION...] -- COMMAND...")
	commands = list(itertools.takewhile(lambda name: name != "where", sections()))
	if not words or words[0] not in commands:
		raise Wrong(f"{words[0]!r} is no command" if words else "a command is missing")
	# "Intermixed", because options may stand between the other words: ./run test igt --debug amd_userptr_hsa
	args = parser_of(sections()[words[0]]).parse_intermixed_args(words[1:])
	args.name = words[0]
	args.words = behind
	check_rules(section_of_options(sections()[args.name]), args, {word.split("=")[0] for word in words if word.startswith("--")})
	return args

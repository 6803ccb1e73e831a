# SPDX-License-Identifier: MIT
"""Makes the text of ./run test --list: suites, modes, and all tests with their descriptions."""

import os
import re
import subprocess

from harness import arguments
from harness.build import project
from harness.review import style
from harness.suites import package, scenarios, trials

SUBTEST = re.compile(r"^SUB (\S+) .*$")


def descriptions(text):
	"""Returns {subtest: first line of its description} from the output @text of an IGT program with --describe."""
	found, name = {}, None
	for line in text.splitlines():
		match = SUBTEST.match(line)
		if match:
			name = match[1]
			found[name] = ""
		elif name and line.startswith(" ") and not found[name]:
			found[name] = line.strip()
		elif not line.strip():
			name = None if name and found[name] else name
	return found


def described(program):
	"""Returns the lines of ./run test --list for one test program: its subtests with their descriptions."""
	shown = subprocess.run([os.path.join(scenarios.TEST_DIRECTORY, program), "--describe"], capture_output=True, text=True,
		check=False).stdout
	return [f"{program}@{name}  {text}".rstrip() for name, text in descriptions(shown).items()]


def boots_of(program):
	"""Returns the names of the boots that run tests of a program."""
	config = scenarios.all_scenarios()
	return [f"{config[name]['suite']} {scenarios.label(config[name])}" for name in config.sections()
		if config[name]["suite"] in arguments.suites_for("PROGRAM") and any(program in config[name].get(key, "").split() for key in scenarios.PROGRAM_KEYS)]


def block(title, lines):
	return [title, *[f"  {line}" for line in lines], ""]


def text():
	"""Returns the whole output of ./run test --list."""
	lines = block("suites:", [f"{name:10} {about}" for name, about in arguments.suites().items()])
	lines += block("modes:", scenarios.modes())
	lines += block("style:", list(style.CHECKS))
	for suite in ("harness", "lib", "vgpu"):
		lines += block(suite + ":", project.test_names(suite) + (package.names() if suite == "lib" else []))
	for program in scenarios.programs():
		lines += block(f"{program} ({', '.join(boots_of(program))}):", described(program))
	for suite in trials.TABLES:
		table = trials.all_trials(suite)
		lines += block(suite + ":", [f"{name}  {'without: ' if suite == 'negative' else ''}{table[name]['about']}" for name in table.sections()])
	return "\n".join(lines).rstrip()

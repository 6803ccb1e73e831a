# SPDX-License-Identifier: MIT
"""
Makes the text of ./run test --list: suites, modes, the cases or boots of each suite, and all test programs with the
descriptions of their subtests.
"""

import functools
import os
import re
import subprocess

from harness import arguments
from harness.build import project
from harness.door import suite as door
from harness.review import patchwise, posting, series, style
from harness.suites import device, package, scenarios, trials

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


def boots(suite):
	"""Returns the lines of ./run test --list for the boots of a suite, with the commands that they run if it names any."""
	config, lines = scenarios.all_scenarios(), []
	for name in config.sections():
		if config[name]["suite"] == suite:
			lines += [f"{name}  {scenarios.label(config[name])}", *("  " + line for line in COMMANDS[suite](config[name]))]
	return lines


def trial_lines(suite):
	table = trials.all_trials(suite)
	return [f"{name}  {'without: ' if suite == 'negative' else ''}{table[name]['about']}" for name in table.sections()]


# {suite that boots: function that returns the commands of a boot}. The programs of igt, stock and deb have blocks of
# their own in the list. scenarios.cfg does not name the tests that soak, outside and kunit run.
COMMANDS = {"device": device.programs, "clients": device.programs, "igt": lambda entry: [], "stock": lambda entry: [],
	"soak": lambda entry: [], "outside": lambda entry: [], "kunit": lambda entry: [], "deb": lambda entry: []}

# {suite: function that returns its lines in ./run test --list}. None of them runs a test.
LINES = {
	"style": lambda: list(style.CHECKS),
	"door": door.names,
	"harness": lambda: project.test_names("harness"),
	"lib": lambda: project.test_names("lib") + package.names(),
	"vgpu": lambda: project.test_names("vgpu"),
	"kernel": lambda: posting.names() + series.names() + patchwise.names(),
	**{suite: functools.partial(boots, suite) for suite in COMMANDS},
	**{suite: functools.partial(trial_lines, suite) for suite in trials.TABLES},
}


def block(title, lines):
	return [title, *[f"  {line}" for line in lines], ""]


def text():
	"""Returns the whole output of ./run test --list."""
	lines = block("suites:", [f"{name:10} {about}" for name, about in arguments.suites().items()])
	lines += block("modes:", scenarios.modes())
	for suite in arguments.suites():
		lines += block(suite + ":", LINES[suite]())
	for program in scenarios.programs():
		lines += block(f"{program} ({', '.join(boots_of(program))}):", described(program))
	return "\n".join(lines).rstrip()

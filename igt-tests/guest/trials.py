# SPDX-License-Identifier: MIT
"""
The suites "negative" and "faults": boots in which something is wrong on purpose, of the driver or of the
GPU, judged by whether that shows where controls.cfg and faults.cfg say.
"""

import collections
import configparser
import os
import re
import subprocess

import build
import qemu
import results
import scenarios
import source
import step
from results import FAIL, PASS, Case

HERE = os.path.dirname(os.path.abspath(__file__))
TABLES = {"negative": "controls.cfg", "faults": "faults.cfg"}
BASE = "igt-"		# the scenario of a mode, without anything wrong

# How vgpu ends when it met what it does not know: then a red test may have other reasons.
NOT_IN_ORDER = tuple(f"vgpu ended with {code}:" for code in (2, 3))
VIOLATION = re.compile(r" violation rule=(R\d+) ")
INJECTED = re.compile(r" inject fault=([a-z-]+) ")
CALLED = re.compile(r'amdgpu_control\("([a-z-]+)"\)')
NAMED = re.compile(r"--fault[ =]([a-z-]+)")


# What a section need not say; controls.cfg explains them.
KEYS = ("control", "sabotage", "vgpu", "params", "fails", "passes", "rules", "log", "most")


def table(suite):
	config = configparser.ConfigParser(dict.fromkeys(KEYS, ""))
	config.read(os.path.join(HERE, TABLES[suite]))
	return config


def apply(entry, trial):
	"""Make what @trial names part of the boot @entry."""
	if trial["control"]:
		entry["kernel"] = "controls"
		entry["params"] += " control=" + trial["control"]
	entry["params"] += " " + trial["params"]
	entry["vgpu"] += " " + trial["vgpu"]
	entry["sabotage"] = trial["sabotage"]


def with_control(name):
	"""The scenarios, each with the control @name."""
	config = scenarios.table()
	trials = table("negative")
	if name not in trials:
		raise step.Failed(f"unknown control '{name}'; there are {', '.join(trials.sections())}")
	for section in config.sections():
		if config[section]["suite"] == "igt":
			apply(config[section], trials[name])
	return config


class Evidence:
	"""What one boot shows, or has shown until now."""

	def __init__(self, boot):
		self.boot = boot
		# A dying guest writes to the console only.
		self.log = results.read(boot.dmesg) + results.read(boot.console)
		trace = results.read(boot.gpu(0).trace)
		self.rules = collections.Counter(VIOLATION.findall(trace))
		self.faults = set(INJECTED.findall(trace))

	def cases(self, tests):
		"""How the @tests ended, by name."""
		found = results.igt_cases(os.path.join(self.boot.share, "results", "results.json"), tests,
			re.compile("^$"), [])
		cases = {case.name: case for case in found}
		return {test: cases.get(test, Case(test, FAIL, "did not end")) for test in tests}

	def broken(self, trial):
		"""Was one of the rules that @trial names broken?"""
		return any(self.rules[rule] for rule in trial["rules"].split())

	def lacks(self, trial):
		"""What @trial wants of the kernel's log and is not there."""
		return [pattern for pattern in trial["log"].splitlines() if pattern and not re.search(pattern, self.log)]

	def struck(self, trial):
		"""Did everything that @trial does wrong go wrong at least once?"""
		wanted = [f"amdgpu: control {trial['control']}: step left out"] if trial["control"] else []
		wanted += [f"vgpu_sabotage: {name} left out" for name in trial["sabotage"].split(",") if name]
		return all(text in self.log for text in wanted) and set(NAMED.findall(trial["vgpu"])) <= self.faults


def runs_to_end(trial):
	"""Does it take the end of the tests to judge @trial?"""
	return trial["fails"] or trial["passes"] or trial["most"]


def passed(trial, case):
	"""A warning in the kernel's log is no failure when it is what @trial wants to see."""
	return case.verdict == PASS or trial["log"] and case.detail.startswith("dmesg-warn: Subtest")


def problems_of(trial, cases, evidence, boot_problems):
	"""Why @evidence is not what @trial wants; empty when it is."""
	problems = [] if evidence.struck(trial) else ["nothing went wrong: the step was never reached"]
	for test, case in cases.items():
		if trial["fails"] and not (case.verdict == FAIL and re.search(trial["fails"], case.detail)):
			problems.append(f"{test} {case.verdict} ({case.detail or 'no reason'}), wanted: {trial['fails']}")
		elif trial["passes"] and not passed(trial, case):
			problems.append(f"{test} {case.verdict}: {case.detail}")
	if trial["rules"] and not evidence.broken(trial):
		problems.append(f"no violation of {' or '.join(trial['rules'].split())}, {dict(evidence.rules) or 'none at all'}")
	if trial["passes"] and evidence.rules:
		problems.append(f"violations: {dict(evidence.rules)}")
	problems += [f"the kernel's log lacks: {pattern}" for pattern in evidence.lacks(trial)]
	if trial["most"]:
		limit, pattern = trial["most"].split(" ", 1)
		lines = len(re.findall(pattern, results.read(evidence.boot.dmesg)))
		if not 0 < lines <= int(limit):
			problems.append(f"{lines} lines of {pattern}, wanted: 1 to {limit}")
	# One that is ended early breaks the connection; a GPU that reads pages of others may stop at what it finds.
	if runs_to_end(trial):
		problems += [problem for problem in boot_problems if problem.startswith(NOT_IN_ORDER)]
	return problems


def shown(trial, cases, evidence):
	"""The evidence as a few words."""
	found = [f"{rule} x {count}" for rule, count in sorted(evidence.rules.items())]
	if trial["fails"]:
		found += [case.detail for case in cases.values()]
	found += [match[0] for match in (re.search(pattern, evidence.log) for pattern in trial["log"].splitlines()
		if pattern) if match]
	return "; ".join(found) or "all passed"


def full_names(entry, names):
	"""The tests PROGRAM@SUBTEST as igt_runner names them; all of them run without anything wrong, too."""
	known = scenarios.listed_tests(sorted({name.split("@")[0] for name in names}))
	tests = ["igt@amdgpu/" + name for name in names]
	missing = [test for test in tests if test not in known
		or test.split("/")[1].split("@")[0] not in entry["programs"].split()]
	if missing:
		raise step.Failed(f"no tests of the suite igt: {' '.join(missing)}")
	return tests


def enough(trial):
	"""What tells that a boot has shown all that @trial wants of it; None when that takes the end of the tests."""
	if runs_to_end(trial):
		return None

	def seen(boot):
		evidence = Evidence(boot)
		return (evidence.struck(trial) and (not trial["rules"] or evidence.broken(trial))
			and not evidence.lacks(trial))
	return seen


def attempt(suite, name, images):
	"""Boot one trial: (case, row of the table)."""
	trial, entry = prepared(suite, name)
	names = trial["tests"].split()
	tests = full_names(entry, names)
	spec = scenarios.spec_of(f"{suite}-{name}", entry, images[entry["kernel"]],
		scenarios.command(entry["programs"].split(), tests))
	spec.enough = enough(trial)
	outcome = qemu.run(spec)
	evidence = Evidence(qemu.Boot(spec.directory))
	cases = evidence.cases(tests)
	problems = problems_of(trial, cases, evidence, outcome.problems)
	found = "; ".join(problems) or shown(trial, cases, evidence)
	step.say(f"{suite} {name}: {'FAILED, ' + step.host_path(spec.directory) if problems else 'as it should be'}"
		f" in {outcome.seconds:.0f} s")
	return Case(name, FAIL if problems else PASS, "; ".join(problems)), \
		(name, trial["about"], f"{' '.join(names)} ({trial['mode']})", found, f"{outcome.seconds:.0f} s")


def print_table(rows):
	for name, about, tests, found, seconds in rows:
		print(f"{name}: {about}\n    {tests}, {seconds}: {found}")


def prepared(suite, name):
	"""(the trial, its boot): that of the mode's scenario, but for what goes wrong."""
	trial, config = table(suite)[name], scenarios.table()
	config[name] = dict(config[BASE + trial["mode"]])
	apply(config[name], trial)
	config[name]["timeout"] = trial["timeout"]
	return trial, config[name]


def untried(suite):
	"""What can go wrong by name and is in neither table: faults of the GPU, or steps that kernel/controls leave out."""
	trials = [table(name)[section] for name in TABLES for section in table(name).sections()]
	if suite == "faults":
		listed = subprocess.run([build.VGPU, "--fault", "help"], capture_output=True, text=True, check=True).stdout
		there = {line.split()[0] for line in listed.splitlines()}
		tried = {name for trial in trials for name in NAMED.findall(trial["vgpu"])}
	else:
		there = set(CALLED.findall("".join(step.read(path) for path in source.controls())))
		tried = {trial["control"] for trial in trials}
	return " ".join(sorted(there - tried))


def run_suite(suite, only):
	"""All trials of @suite, or those of the modes @only."""
	trials = table(suite)
	names = [name for name in trials.sections() if not only or trials[name]["mode"] in only]
	images = scenarios.images({name: prepared(suite, name)[1] for name in names}, names)
	done = scenarios.at_once(attempt, [suite] * len(names), names, [images] * len(names))
	print_table(row for _, row in done)
	left = untried(suite)
	return [case for case, _ in done] + [Case("nothing left out", FAIL if left else PASS, left and f"no trial of {left}")]

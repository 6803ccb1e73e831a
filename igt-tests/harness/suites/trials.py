# SPDX-License-Identifier: MIT
"""
Runs the suites "negative" and "faults": boots the guest with a mistake that the driver or the simulated GPU makes on
purpose, and judges whether the mistake shows as controls.cfg and faults.cfg say. A section of these tables is a trial.
This module calls the mistake of a trial its fault.
"""

import configparser
import os
import re
import subprocess

from harness import step
from harness.boot import boots, qemu
from harness.build import flavours, project, source
from harness.suites import scenarios, shared
from harness.verdict import results
from harness.verdict.evidence import NAMED, Evidence, Unfinished
from harness.verdict.results import FAIL, PASS, Case

TABLES = {"negative": "controls.cfg", "faults": "faults.cfg"}

# vgpu ends with 2 if its connection broke, and with 3 if it met something that it does not know. If the guest has
# another GPU than the trial needs, the kernel's log lacks a line that the key "log" of the boot demands. Each of these
# problems can make a test fail in place of the fault of the trial.
NOT_IN_ORDER = (*(f"vgpu ended with {code}:" for code in (2, 3)), results.LACKS)
WARNED = "dmesg-warn: "	# start of a test's detail: it passed, but the kernel's log got a warning
CALLED = re.compile(r'amdgpu_control\("([a-z-]+)"\)')


# A section may lack these keys. controls.cfg explains them.
KEYS = ("control", "sabotage", "vgpu", "params", "fails", "passes", "rules", "log", "most", "alone")


def all_trials(suite):
	config = configparser.ConfigParser(dict.fromkeys(KEYS, ""))
	config.read(os.path.join(step.TABLES, TABLES[suite]))
	return config


def apply(entry, trial):
	"""Change the section @entry so that its boot has the fault of @trial."""
	if trial["control"]:
		entry["kernel"] = flavours.CONTROLS
		entry["params"] += " control=" + trial["control"]
	entry["params"] += " " + trial["params"]
	entry["vgpu"] += " " + trial["vgpu"]
	entry["sabotage"] = trial["sabotage"]


def check_control(name):
	known = all_trials("negative").sections()
	if name not in known:
		raise step.Failed(f"unknown control '{name}'; there are {', '.join(known)}")


def with_control(name):
	"""
	Returns the scenarios of the suite igt, and no others, with the negative control @name. They have other names
	than without the control, so that their files are in directories of their own.
	"""
	config, trials = scenarios.all_scenarios(), all_trials("negative")
	check_control(name)
	for section in config.sections():
		if config[section]["suite"] == "igt":
			entry = dict(config[section], control=name)
			apply(entry, trials[name])
			# With --seed only boots with seeded = yes run. Let the boot run that has the tests of the
			# control.
			if section == trials[name]["base"] + entry["mode"]:
				entry["seeded"] = "yes"
			config[f"{section}-{name}"] = entry
		config.remove_section(section)
	return config


def runs_to_end(trial):
	"""Returns whether the @trial can be judged only when its tests have ended."""
	return trial["fails"] or trial["passes"] or trial["most"]


def passed(trial, case):
	"""
	Returns whether a test has passed. If @trial wants lines in the kernel's log, a warning in the log is no
	failure.
	"""
	return case.verdict == PASS or trial["log"] and case.detail.startswith(WARNED)


def failed(trial, case):
	"""
	Returns whether a test has failed for the reason that @trial demands. A warning in the kernel's log is no failure,
	because the fault of the trial may cause it although the test has passed.
	"""
	return case.verdict == FAIL and not case.detail.startswith(WARNED) and re.search(trial["fails"], case.detail)


def problems_of(trial, cases, evidence, boot_problems):
	"""Returns the reasons why the @evidence does not meet the demands of @trial; none if it does."""
	problems = [] if evidence.struck(trial) else ["the fault never happened: the step was not reached"]
	for test, case in cases.items():
		if trial["fails"] and not failed(trial, case):
			problems.append(f"{test} {case.verdict} ({case.detail or 'no reason'}), wanted: {trial['fails']}")
		elif trial["passes"] and not passed(trial, case):
			problems.append(f"{test} {case.verdict}: {case.detail}")
	if trial["rules"] and not evidence.broken(trial):
		problems.append(f"no violation of {' or '.join(trial['rules'].split())}, {dict(evidence.rules) or 'none at all'}")
	if trial["passes"] and evidence.rules:
		problems.append(f"violations: {dict(evidence.rules)}")
	problems += [results.LACKS + pattern for pattern in evidence.lacks(trial)]
	if trial["most"]:
		limit, pattern = trial["most"].split(" ", 1)
		lines = evidence.count(pattern)
		if not 0 < lines <= int(limit):
			problems.append(f"{lines} lines of {pattern}, wanted: 1 to {limit}")
	# The problems of the boot count only if the tests have to run to their end. Otherwise the harness may have
	# ended QEMU early, and then vgpu reports a broken connection. Or the trial only has to break a rule: then the
	# GPU reads pages of somebody else, where it may find packets that it does not know.
	if runs_to_end(trial):
		problems += [problem for problem in boot_problems if problem.startswith(NOT_IN_ORDER)]
	return problems


def shown(trial, cases, evidence):
	"""Returns the @evidence in a few words, for the list that the suite prints at its end."""
	found = [f"{rule} x {count}" for rule, count in sorted(evidence.rules.items())]
	if trial["fails"]:
		found += [case.detail for case in cases.values()]
	found += [match[0] for match in (re.search(pattern, evidence.log) for pattern in trial["log"].splitlines()
		if pattern) if match]
	return "; ".join(found) or "all passed"


def full_names(entry, names):
	"""
	Returns igt_runner's names of the tests @names (PROGRAM@SUBTEST). Raises Failed if the boot @entry of the suite
	igt does not run one of them, because then nothing would show that the test passes without the fault.
	"""
	known = {test for test in scenarios.listed_tests(entry["programs"].split()) if re.search(entry["only"], test)}
	tests = ["igt@amdgpu/" + name for name in names]
	missing = [test for test in tests if test not in known]
	if missing:
		raise step.Failed(f"not in this boot of the suite igt: {' '.join(missing)}")
	return tests


def enough(trial, boot):
	"""
	Returns a function that tells whether the running @boot has already met all demands of @trial, or None if that
	can be judged only when the tests have ended.
	"""
	if runs_to_end(trial):
		return None
	evidence = Unfinished(boot)

	def seen():
		evidence.update()
		return (evidence.struck(trial) and (not trial["rules"] or evidence.broken(trial))
			and not evidence.lacks(trial))
	return seen


def judge_trial(suite, name, seed, evidence, tests, boot_problems, seconds, where):
	"""Judge one trial. Returns (its Case, its row for print_trials())."""
	trial = all_trials(suite)[name]
	cases = evidence.cases(tests)
	problems = problems_of(trial, cases, evidence, boot_problems)
	found = "; ".join(problems) or shown(trial, cases, evidence)
	test, name = name, name + (f" seed {seed}" if seed else "")
	step.say(f"{suite} {name}: {'FAILED, ' + step.host_path(where) if problems else 'as it should be'}"
		f" in {seconds:.0f} s")
	return Case(name, FAIL if problems else PASS, "; ".join(problems), f"{suite}-{test}", test), \
		(name, trial["about"], f"{trial['tests']} ({trial['mode']})", found, f"{seconds:.0f} s")


def attempt(suite, name, seed, images):
	"""Boot one trial alone. Returns (its Case, its row for print_trials())."""
	trial, entry = prepared(suite, name, seed)
	tests = full_names(entry, trial["tests"].split())
	spec = scenarios.spec_of(f"{suite}-{name}", entry, images[entry["kernel"]],
		scenarios.all_lines(scenarios.runner_line(entry["programs"].split(), tests)))
	boot = qemu.Boot(spec.directory)
	spec.enough = enough(trial, boot)
	outcome = qemu.boot_guest(spec)
	evidence = Evidence(results.read(boot.dmesg), results.read(boot.console),
		os.path.join(scenarios.results_of(boot), "results.json"))
	evidence.take(results.read(boot.gpu(0).trace))
	problems = outcome.problems + scenarios.missing_of(boot, entry)
	return judge_trial(suite, name, seed, evidence, tests, problems, outcome.seconds, boot.directory)


def attempt_all(suite, names, seed, images):
	"""
	Boot the trials @names together. Returns [(Case, row for print_trials())]. If a trial does not meet its demands
	there, boot it again alone, because another trial may have disturbed it.
	"""
	if len(names) == 1:
		return [attempt(suite, names[0], seed, images)]
	trials = all_trials(suite)
	tests = {name: full_names(prepared(suite, name, seed)[1], trials[name]["tests"].split()) for name in names}
	entry = prepared(suite, names[0], seed, together=True)[1]
	if any(trials[name]["control"] for name in names):
		entry["kernel"] = flavours.CONTROLS
	parts = shared.boot_trials(f"{suite}-{names[0]}-and-others", entry, images[entry["kernel"]], trials, tests)
	done = []
	for name in names:
		evidence = parts.clean and parts.evidence(name)
		if evidence:
			cases = evidence.cases(tests[name])
		if not evidence or problems_of(trials[name], cases, evidence, []):
			step.say(f"{suite} {name}: not shown together with others")
			done.append(attempt(suite, name, seed, images))
		else:
			done.append(judge_trial(suite, name, seed, evidence, tests[name], [], parts.seconds(name), parts.directory))
	return done


def print_trials(rows):
	for name, about, tests, found, seconds in rows:
		step.show(f"{name}: {about}\n    {tests}, {seconds}: {found}")


def prepared(suite, name, seed="", together=False):
	"""
	Returns (the trial @name, the section of its boot). The section has the fault of the trial. With @together it
	has no fault, because several trials share the boot, and each switches its fault on and off while it runs.
	"""
	trial, config = all_trials(suite)[name], scenarios.all_scenarios()
	config[name] = dict(config[trial["base"] + trial["mode"]])
	if not together:
		apply(config[name], trial)
	config[name]["timeout"] = trial["timeout"]
	config[name]["seed"] = seed
	return trial, config[name]


def untried(suite):
	"""
	Returns the names that no section of controls.cfg and faults.cfg tries: of faults of the simulated GPU for the
	suite faults, of steps that kernel/controls can leave out for the suite negative.
	"""
	trials = [all_trials(name)[section] for name in TABLES for section in all_trials(name).sections()]
	if suite == "faults":
		listed = subprocess.run([project.VGPU, "--fault", "help"], capture_output=True, text=True, check=True).stdout
		there = {line.split()[0] for line in listed.splitlines()}
		tried = {name for trial in trials for name in NAMED.findall(trial["vgpu"])}
	else:
		there = set(CALLED.findall("".join(step.read(path) for path in source.controls())))
		tried = {trial["control"] for trial in trials}
	return " ".join(sorted(there - tried))


def judge_suite(suite, names, numbers, done):
	"""
	Print the evidence of each trial. Returns the cases of the suite: one for each trial, and one that fails if
	untried() returns a name.
	"""
	done = sum(done, [])
	if not numbers:
		done.sort(key=lambda one: names.index(one[0].name))
	print_trials(row for _, row in done)
	left = untried(suite)
	return [case for case, _ in done] + [Case("nothing left out", FAIL if left else PASS, left and f"no trial of {left}")]


def work_of_trials(suite, only, numbers=(), one=None, chosen=None):
	"""
	Returns the boots.Work of @suite: all trials, or those of the modes @only, or the trial @one, or those in
	@chosen. Each runs once for each of the seeds @numbers, or with the default seed.
	"""
	trials = all_trials(suite)
	if one:
		check_control(one)
	names = [name for name in trials.sections() if name == one or not one and (not only or trials[name]["mode"] in only)]
	if chosen is not None:
		names = [name for name in names if name in chosen]
	images = scenarios.images({name: prepared(suite, name)[1] for name in names}, names)
	config = scenarios.all_scenarios()
	groups = shared.groups(trials, names, lambda name: config[trials[name]["base"] + trials[name]["mode"]]["vgpu"])
	calls = [boots.Call(shared.timeout(trials, members), attempt_all, (suite, members, str(seed), images))
		for seed in numbers or [""] for members in groups]
	return boots.Work(calls, lambda done: judge_suite(suite, names, numbers, done))

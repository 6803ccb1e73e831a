# SPDX-License-Identifier: MIT
"""./run test and ./run soak: choose suites, boots and tests, run them, and keep the results for later commands."""

import dataclasses
import os

from harness import arguments, step
from harness.boot import boots
from harness.build import kernel, project
from harness.commands import listing
from harness.door import suite as door
from harness.review import patchwise, posting, series, style
from harness.suites import debug, device, outside, package, scenarios, soak, trials
from harness.verdict import record, results

MESON_SUITES = ("harness", "vgpu", "igt")
BOOT_SUITES = ("device", "igt", "soak", "stock", "outside", "negative", "faults")
UNBUILT = ("door", "kernel")	# suites that need nothing that meson builds
BOOT_FUNCTIONS = {"outside": outside.boot_outside, "soak": soak.boot_soak, "device": device.boot_programs}
DEFAULT_SUITE = "igt"	# if the command line names a program but no suite


@dataclasses.dataclass
class Choice:
	"""The suites, boots and tests that a command line asks for."""
	suites: list
	modes: list = dataclasses.field(default_factory=list)
	seeds: list = dataclasses.field(default_factory=list)
	control: str = ""
	debug: bool = False
	tests: list = dataclasses.field(default_factory=list)	# PROGRAM or PROGRAM@SUBTEST
	failed: list = dataclasses.field(default_factory=list)	# [suite, boot, test]; if not empty, only these tests run
	jobs: int = boots.AT_ONCE

	def is_whole(self):
		"""Does each suite run completely?"""
		return not (self.modes or self.seeds or self.control or self.debug or self.tests or self.failed)

	def failed_of(self, suite):
		"""{boot: tests} of the failed tests of @suite, or None if all tests of the suite are to run."""
		found = {}
		for name, boot, test in self.failed:
			if name == suite:
				found.setdefault(boot, []).append(test)
		# If the suite failed before any test ran, only a run of the whole suite can show that failure again.
		return found if self.failed and not set(found.get("", ())) & results.NO_TESTS else None


def cases_of(suite, choice):
	"""The cases of a suite that need no guest."""
	failed = choice.failed_of(suite)
	if choice.tests or failed is not None and "" not in failed:
		return []
	if suite == "kernel":
		return posting.mail_cases() + series.code_cases() + patchwise.build_cases()
	if suite == "door":
		return door.door_cases()
	if suite == "style":
		return style.style_cases()
	if suite == "lib":
		return package.library_cases((failed or {}).get("", ()))
	# The meson tests of the suite igt check that the programs can list their subtests, and that they skip without a GPU.
	return results.meson_cases(project.test(suite, (failed or {}).get("", ()))) if suite in MESON_SUITES else []


def work_of(suite, choice):
	"""The boots of a suite."""
	failed = choice.failed_of(suite)
	if suite in trials.TABLES:
		# All trials with several seeds would take hours, so seeds apply only to a single control.
		names = None if failed is None else [test for tests in failed.values() for test in tests]
		return trials.work_of_trials(suite, choice.modes, choice.seeds if choice.control else (), choice.control, names)
	config = scenarios.all_scenarios()
	if choice.debug:
		config = debug.scenarios_of(suite)
	elif choice.control:
		config = trials.with_control(choice.control)
	if choice.tests:
		scenarios.keep_tests(config, suite, choice.tests)
	if failed is not None:
		scenarios.keep_failed(config, suite, failed)
	return scenarios.work_of_scenarios(suite, choice.modes, choice.seeds, BOOT_FUNCTIONS.get(suite, scenarios.boot_tests), config)


def run_suites(choice):
	"""Run the suites; the cases of each suite. Cases that need no guest run first, then the boots of all suites."""
	built, report, works = None, {}, {}
	for suite in choice.suites:
		try:
			# The project is built once. If that fails, the suites that need it fail, and the others still run.
			if suite not in UNBUILT and built is None:
				built = step.Failed("the project does not build")
				project.build()
				built = True
			if suite not in UNBUILT and built is not True:
				raise built
			report[suite] = cases_of(suite, choice)
			if suite in BOOT_SUITES:
				works[suite] = work_of(suite, choice)
				continue
		except arguments.Wrong:
			raise
		except step.Failed as failure:
			report[suite] = [results.Case("set-up", results.FAIL, str(failure))]
		step.say(f"{suite}: {results.count(report[suite])}")
	for suite, cases in boots.run_boots(works, choice.jobs):
		report[suite] += cases
		step.say(f"{suite}: {results.count(report[suite])}")
	return report


def choice_of(args):
	"""The Choice of a command line."""
	failed = record.failed() if args.failed else []
	tests = [word for word in args.what if word.startswith("amd_")]
	suites = [word for word in args.what if word not in tests]
	if args.failed:
		suites = {name for name, _, _ in failed}
	elif not suites:
		option = "--debug" if args.debug else "--control"
		suites = [DEFAULT_SUITE] if tests else arguments.suites_for(option) if args.debug or args.control else arguments.suites()
	# The suites run in the order of usage.txt, whatever their order on the command line.
	return Choice([name for name in arguments.suites() if name in suites], args.mode, args.seed or [], args.control, args.debug,
		tests, failed, args.jobs or boots.AT_ONCE)


def finish(args, choice, report):
	"""Print the report and keep what later commands need; the exit status."""
	text = results.sums(report)
	if not (args.control or args.debug):	# with these, tests fail on purpose or for other reasons
		record.remember(report, choice.suites if choice.is_whole() else ())
	if choice.is_whole() and choice.suites == list(arguments.suites()):
		step.write(record.SUMMARY, text)
	if args.junit:
		step.write(os.path.join(step.DIR, os.path.basename(args.junit)), record.junit(report))
	return results.report(report, args.quiet)


def cmd_test(args):
	if args.list:
		project.build()
		print(listing.text())
		return 0
	step.set_quiet(args.quiet)
	choice = choice_of(args)
	if args.failed and not choice.suites:
		print("nothing failed when it last ran")
		return 0
	report = {}
	if args.debug:
		project.build()
		# Without this, a run would also be green if the checkers of the debug kernel did not work.
		report["checkers"] = debug.check_checkers(kernel.debug())
	report |= run_suites(choice)
	return finish(args, choice, report)


def cmd_soak(args):
	project.build()
	return results.report({"soak": soak.long(args.minutes or soak.MINUTES, args.seed or [], args.mode)})

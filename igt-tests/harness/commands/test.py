# SPDX-License-Identifier: MIT
"""./run test and ./run soak: choose suites, boots and tests, run them, and keep the results for later commands."""

import dataclasses
import os

from harness import arguments, step
from harness.boot import boots, qemu
from harness.build import flavours, kernel, machine, project
from harness.commands import listing
from harness.door import suite as door
from harness.review import patchwise, posting, series, style
from harness.suites import deb, debug, device, kunit, outside, package, scenarios, soak, trials, units
from harness.verdict import record, results

MESON_SUITES = ("harness", "vgpu", "igt")
BOOT_SUITES = ("kunit", "device", "igt", "soak", "stock", "outside", "clients", "negative", "faults", "deb")
UNBUILT = ("door", "kernel")	# these suites need nothing that Meson builds, so they run even if the build fails
BOOT_FUNCTIONS = {"outside": outside.boot_outside, "soak": soak.boot_soak, "device": device.boot_programs,
	"clients": device.boot_programs, "kunit": kunit.boot_kunit, "lib": units.boot_units, "deb": deb.boot_package}
DEFAULT_SUITE = "igt"	# if the command line names a program but no suite


@dataclasses.dataclass
class Choice:
	"""The suites, boots and tests that a command line asks for."""
	suites: list
	modes: list = dataclasses.field(default_factory=list)
	seeds: list = dataclasses.field(default_factory=list)
	control: str = ""
	debug: bool = False
	page_size: str = machine.USUAL
	tests: list = dataclasses.field(default_factory=list)	# of PROGRAM or PROGRAM@SUBTEST; empty: all tests run
	failed: list = dataclasses.field(default_factory=list)	# of [suite, boot, test]; empty: all tests run
	jobs: int = boots.AT_ONCE
	accel: str = qemu.TCG

	def is_whole(self):
		"""Returns whether each of the suites runs completely, on the usual guest."""
		return not (self.modes or self.seeds or self.control or self.debug or self.tests or self.failed or self.elsewhere
			or self.accel != qemu.TCG)

	@property
	def elsewhere(self):
		"""Do the tests run on a guest of another architecture than that of the build root?"""
		return not machine.of(self.page_size).is_native

	@property
	def picked(self):
		"""Has the user named the tests that run?"""
		return bool(self.tests or self.failed)

	def failed_of(self, suite):
		"""Returns the failed tests of @suite as {boot: tests}, or None if all tests of the suite are to run."""
		found = {}
		for name, boot, test in self.failed:
			if name == suite:
				found.setdefault(boot, []).append(test)
		# If the suite failed before any test ran, only a run of the whole suite can show that failure again.
		return found if self.failed and not set(found.get("", ())) & results.NO_TESTS else None


def cases_of(suite, choice):
	"""Run the cases of a suite that need no guest, and return them."""
	failed = choice.failed_of(suite)
	if choice.tests or choice.elsewhere or failed is not None and "" not in failed:
		return []
	if suite == "kernel":
		return posting.mail_cases() + series.code_cases() + patchwise.build_cases()
	if suite == "door":
		return door.door_cases()
	if suite == "style":
		return style.style_cases()
	if suite == "deb":
		return deb.left_out()
	if suite == "lib":
		return package.library_cases((failed or {}).get("", ()))
	# The meson tests of the suite igt check that the programs can list their subtests, and that they skip without a
	# GPU.
	return results.meson_cases(project.test(suite, (failed or {}).get("", ()))) if suite in MESON_SUITES else []


def work_of(suite, choice):
	"""Returns the boots.Work of a suite."""
	failed = choice.failed_of(suite)
	if suite in trials.TABLES:
		# All trials with several seeds would take hours, so the seeds apply only if the user names one control.
		names = None if failed is None else [test for tests in failed.values() for test in tests]
		return trials.work_of_trials(suite, choice.modes, choice.seeds if choice.control else (), choice.control, names)
	config = scenarios.all_scenarios()
	if choice.debug:
		config = debug.scenarios_of(suite, everything=choice.picked)
	elif choice.control:
		config = trials.with_control(choice.control)
	if choice.tests:
		scenarios.keep_tests(config, suite, choice.tests)
	if failed is not None:
		scenarios.keep_failed(config, suite, failed)
	if suite == "deb":
		deb.leave_out(config)
	scenarios.with_page_size(config, choice.page_size)
	return scenarios.work_of_scenarios(suite, choice.modes, choice.seeds, BOOT_FUNCTIONS.get(suite, scenarios.boot_tests), config)


def run_suites(choice):
	"""
	Run the suites: first their cases that need no guest, suite after suite, then the boots of all suites side by
	side. Returns {suite: cases}.
	"""
	built, report, works = None, {}, {}
	for suite in choice.suites:
		try:
			# Build the project once, before the first suite that needs it. If that fails, all suites that
			# need it fail, and the others still run.
			if suite not in UNBUILT and built is None:
				built = step.Failed("the project does not build")
				project.build(machine.of(choice.page_size))
				built = True
			if suite not in UNBUILT and built is not True:
				raise built
			report[suite] = cases_of(suite, choice)
			if suite in BOOT_SUITES or choice.elsewhere:
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
	"""Returns the Choice of the command line @args."""
	failed = record.failed() if args.failed else []
	tests = [word for word in args.what if word.startswith("amd_")]
	suites = [word for word in args.what if word not in tests]
	if args.failed:
		suites = {name for name, _, _ in failed}
	elif not suites:
		option = next((name for name, given in (("--debug", args.debug), ("--control", args.control),
			("--page-size", args.page_size)) if given), None)
		suites = [DEFAULT_SUITE] if tests else arguments.suites_for(option) if option else arguments.usual_suites()
	# The suites run in the order of usage.txt, whatever their order on the command line.
	return Choice([name for name in arguments.suites() if name in suites], args.mode, args.seed or [], args.control, args.debug,
		args.page_size or machine.USUAL, tests, failed, args.jobs or boots.AT_ONCE, args.accel or qemu.TCG)


def finish(args, choice, report):
	"""Print the report, and keep the results that later commands need. Returns the exit status of ./run."""
	text = results.sums(report)
	# With --control tests fail on purpose, and with --debug, --page-size or KVM for other reasons. So ./run test --failed
	# must not repeat them.
	if not (args.control or args.debug or choice.elsewhere or choice.accel != qemu.TCG):
		record.remember(report, choice.suites if choice.is_whole() else ())
	if choice.is_whole() and choice.suites == arguments.usual_suites():
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
	qemu.set_accel(choice.accel)
	if args.failed and not choice.suites:
		print("nothing failed when it last ran")
		return 0
	report = {}
	if args.debug:
		project.build()
		# If a checker of the debug kernel did not work, the run would pass whatever the driver does. So try the
		# checkers first.
		report["checkers"] = debug.check_checkers(kernel.get(flavours.DEBUG))
		if not choice.picked:
			report["checkers"] += debug.shortened(choice.suites, choice.modes)
	report |= run_suites(choice)
	return finish(args, choice, report)


def cmd_soak(args):
	qemu.set_accel(args.accel)
	project.build(machine.of(args.page_size))
	return results.report({"soak": soak.long(args.minutes or soak.MINUTES, args.seed or [], args.mode, args.page_size)})

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command line of ./run, inside the build root."""

import argparse
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import step, trouble
from harness.bench import bench
from harness.boot import boots
from harness.build import kernel, project
from harness.commands import execute, fuzz
from harness.door import suite as door
from harness.review import patchwise, posting, series, style
from harness.suites import debug, device, outside, scenarios, seeds, soak, trials
from harness.verdict import results

MESON_SUITES = ("lib", "vgpu", "igt", "outside")
BOOT_SUITES = ("device", "igt", "soak", "stock", "outside", "negative", "faults")
UNBUILT = ("door", "kernel")	# test nothing that is built from the checkout
SUITES = ("style", "door", "lib", "vgpu", "kernel", *BOOT_SUITES)


def cmd_fuzz(args):
	unknown = set(args.targets) - set(fuzz.names())
	if unknown:
		raise step.Failed(f"unknown target {', '.join(sorted(unknown))}; there are {', '.join(fuzz.names())}")
	project.build()
	return 0 if fuzz.fuzz_targets(args.targets or fuzz.names(), args.minutes) else 1


def cmd_kernel(args):
	if args.action == "build":
		image = kernel.build()
		step.say(f"Linux {image.release}: {step.host_path(image.image)}")
	elif args.action == "checkout":
		series.checkout()
	else:
		series.export()
	return 0


def cases_of(suite):
	"""A suite's part without a GPU."""
	if suite == "kernel":
		return posting.mail_cases() + series.code_cases() + patchwise.build_cases()
	if suite == "door":
		return door.door_cases()
	if suite == "style":
		return style.style_cases()
	# Of igt: the programs list their subtests, and skip.
	return results.meson_cases(project.test(suite)) if suite in MESON_SUITES else []


def work_of(suite, modes, numbers, control):
	"""A suite's boots; the debug flavour is a control of its own kind."""
	if suite in trials.TABLES:
		# Seeds are for the one that is asked for.
		return trials.work_of_trials(suite, modes, numbers if control else (), control)
	run_one = {"outside": outside.boot_outside, "soak": soak.boot_soak, "device": device.boot_programs}.get(suite, scenarios.boot_tests)
	config = None
	if control == scenarios.DEBUG:
		config = debug.scenarios_of(suite)
	elif control:
		config = trials.with_control(control)
	return scenarios.work_of_scenarios(suite, modes, numbers, run_one, config)


def run_suites(suites, modes, numbers, control):
	"""The cases of each suite: what takes no GPU first, and then all boots."""
	built, report, works = None, {}, {}
	for suite in suites:
		try:
			# Once, and what fails without it fails; the others still run.
			if suite not in UNBUILT and built is None:
				built = step.Failed("the project does not build")
				project.build()
				built = True
			if suite not in UNBUILT and built is not True:
				raise built
			report[suite] = cases_of(suite)
			if suite in BOOT_SUITES:
				works[suite] = work_of(suite, modes, numbers, control)
				continue
		except step.Failed as failure:
			report[suite] = [results.Case("set-up", results.FAIL, str(failure))]
		step.say(f"{suite}: {results.count(report[suite])}")
	for suite, cases in boots.run_boots(works):
		report[suite] += cases
		step.say(f"{suite}: {results.count(report[suite])}")
	return report


def check_known(names, known, what):
	for name in names:
		if name not in known:
			raise step.Failed(f"unknown {what} '{name}'; there are {', '.join(known)}")


def cmd_soak(args):
	check_known(args.mode, scenarios.modes(), "mode")
	project.build()
	return results.report({"soak": soak.long(args.minutes, args.seed, args.mode)})


def cmd_test(args):
	if args.list:
		print("suites:", *SUITES)
		print("modes: ", *scenarios.modes())
		return 0
	check_known(args.suites, SUITES, "suite")
	check_known(args.mode, scenarios.modes(), "mode")
	if args.control and args.suites not in (["igt"], ["negative"]):
		raise step.Failed("--control is for the suites igt and negative")
	if args.debug and (args.control or set(args.suites) - set(debug.SUITES)):
		raise step.Failed(f"--debug is for the suites {', '.join(debug.SUITES)}, without --control")
	if not args.debug:
		return results.report(run_suites(args.suites or SUITES, args.mode, args.seed, args.control))
	project.build()
	# That its checkers find something is seen first.
	found = {"checkers": debug.check_checkers(kernel.debug())}
	return results.report(found | run_suites(args.suites or debug.SUITES, args.mode, args.seed, scenarios.DEBUG))


def parser():
	top = argparse.ArgumentParser(prog="./run", description=__doc__)
	commands = top.add_subparsers(dest="name", required=True)
	execute.add_parsers(commands)

	test = commands.add_parser("test")
	test.add_argument("suites", nargs="*", metavar="SUITE")
	test.add_argument("--mode", action="append", default=[])
	test.add_argument("--seed", type=seeds.parse, default=[], metavar="7|1,5,9|1..20")
	test.add_argument("--control", help="of the suite igt, with this negative control (controls.cfg); of negative, only this one")
	test.add_argument("--debug", action="store_true", help="the kernel with kernel/config/debug.config")
	test.add_argument("--list", action="store_true")
	test.set_defaults(function=cmd_test)

	fuzzing = commands.add_parser("fuzz")
	fuzzing.add_argument("targets", nargs="*", metavar="TARGET")
	fuzzing.add_argument("--minutes", type=int, default=5)
	fuzzing.set_defaults(function=cmd_fuzz)

	long = commands.add_parser("soak")
	long.add_argument("--minutes", type=float, default=10)
	long.add_argument("--seed", type=seeds.parse, default=[], metavar="7|1,5,9|1..20")
	long.add_argument("--mode", action="append", default=[])
	long.set_defaults(function=cmd_soak)

	measure = commands.add_parser("bench")
	measure.add_argument("--quick", action="store_true")
	measure.add_argument("--icount", action="store_true")
	measure.add_argument("--check", action="store_true")
	measure.add_argument("--mode", default="hws-sdma")
	measure.add_argument("--memory", type=int, default=bench.MEMORY_MB)
	measure.set_defaults(function=bench.cmd_bench)

	tools = commands.add_parser("kernel")
	tools.add_argument("action", choices=("checkout", "export", "build"))
	tools.add_argument("directory", nargs="?", help="is mounted at " + step.TREE)
	tools.set_defaults(function=cmd_kernel)
	return top


def parse(words):
	"""The words of the command line."""
	if words[:1] == ["exec"]:
		words, behind = execute.split(words)
		return argparse.Namespace(**vars(parser().parse_args(words)), words=behind)
	return parser().parse_args(words)


def main():
	words = sys.argv[1:]
	try:
		if words[:1] == ["cc"]:	# whose options are gcc's
			return execute.cmd_cc(words[1:])
		args = parse(words)
		return args.function(args)
	except step.Failed as failure:
		print(f"run: {failure}", file=sys.stderr)
	except OSError as error:	# a full disk, mostly
		print(f"run: {trouble.of_error(error, step.host_path(str(error.filename)))}", file=sys.stderr)
	except subprocess.CalledProcessError as error:
		print(f"run: {error}", file=sys.stderr)
	return 1


if __name__ == "__main__":
	sys.exit(main())

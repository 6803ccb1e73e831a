# SPDX-License-Identifier: MIT
"""The boots in scenarios.cfg."""

import configparser
import os
import re
import shlex
import subprocess

import build
import kernel
import qemu
import results
import step

HERE = os.path.dirname(os.path.abspath(__file__))
TEST_DIRECTORY = os.path.join(build.DIRECTORY, "igt-tests/amdgpu")
RUNS = os.path.join(step.BUILD, "runs")
PER_TEST = 60	# seconds igt_runner gives one subtest


def table():
	config = configparser.ConfigParser()
	config.read(os.path.join(HERE, "scenarios.cfg"))
	return config


def modes():
	config = table()
	return sorted({config[name]["mode"] for name in config.sections()})


def images(config, names):
	"""The kernels the scenarios @names boot, made when needed."""
	makers = {"patched": kernel.build, "debian": kernel.debian}
	return {flavour: makers[flavour]() for flavour in {config[name]["kernel"] for name in names}}


def listed_tests(programs):
	"""All subtests of the @programs, as igt_runner names them."""
	tests = []
	for program in programs:
		listed = subprocess.run([os.path.join(TEST_DIRECTORY, program), "--list-subtests"], capture_output=True,
			text=True)
		if listed.returncode or not listed.stdout.split():
			raise step.Failed(f"{program} lists no subtests")
		tests += [f"igt@amdgpu/{program}@{subtest}" for subtest in listed.stdout.split()]
	return tests


def command(programs, tests):
	"""What the guest runs: a test root with our programs, the list, igt_runner."""
	root, out = "/tmp/igt", "/run/guest/results"
	return "\n".join([
		"set -e",
		f"mkdir -p {root}",
		f"ln -s {TEST_DIRECTORY} {root}/amdgpu",
		"printf 'TESTLIST\\n%s\\nEND TESTLIST\\n' "
			f"{shlex.quote(' '.join('amdgpu/' + program for program in programs))} > {root}/test-list.txt",
		f"printf '%s\\n' {shlex.join(tests)} > {root}/testlist",
		# Without the node IGT makes a regular file of it, and the runner spins.
		"test -c /dev/kmsg",
		f"igt_runner --per-test-timeout {PER_TEST} --test-list {root}/testlist -o {root} {out}",
	]) + "\n"


def run(name, entry, image):
	"""Boot one scenario; its cases."""
	programs = entry["programs"].split()
	tests = listed_tests(programs)
	spec = qemu.Spec(directory=os.path.join(RUNS, name), kernel=image, vgpu=build.VGPU,
		command=command(programs, tests), params=entry["params"], timeout=entry.getfloat("timeout"))
	step.say(f"booting {entry['suite']} {entry['mode']}")
	outcome = qemu.run(spec)
	boot = qemu.Boot(spec.directory)
	cases = results.igt_cases(os.path.join(boot.share, "results", "results.json"), tests,
		re.compile(entry["skips"]), entry.get("must-pass", "").split())
	problems = outcome.problems + results.kernel_problems(boot)
	if outcome.status not in (0, None):
		problems.append(f"igt_runner ended with {outcome.status}")
	cases.append(results.Case("boot", results.FAIL if problems else results.PASS, "; ".join(problems)))
	for case in cases:
		case.name = f"{entry['mode']} {case.name.removeprefix('igt@amdgpu/')}"
	count = results.count(cases)
	step.say(f"{entry['suite']} {entry['mode']}: {count} in {outcome.seconds:.0f} s"
		f" (logs: {step.host_path(spec.directory)})")
	return cases


def run_suite(suite, only):
	"""All boots of @suite, or those of the modes @only."""
	config = table()
	names = [name for name in config.sections() if config[name]["suite"] == suite
		and (not only or config[name]["mode"] in only)]
	have = images(config, names)
	cases = []
	for name in names:
		cases += run(name, config[name], have[config[name]["kernel"]])
	return cases

# SPDX-License-Identifier: MIT
"""The boots in scenarios.cfg."""

import configparser
import os
import re
import shlex

import build
import kernel
import qemu
import results
import step

HERE = os.path.dirname(os.path.abspath(__file__))
TESTLISTS = os.path.join(step.PROJECT, "igt-tests/testlists")
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


def listed_tests(lists):
	"""The lines of the test lists."""
	tests = []
	for name in lists.split():
		path = os.path.join(TESTLISTS, name)
		if not os.path.exists(path):
			raise step.Failed(f"there is no test list {step.host_path(path)}")
		lines = (line.strip() for line in step.read(path).splitlines())
		tests += [line for line in lines if line and not line.startswith("#")]
	return tests


def command(tests):
	"""What the guest runs: a test root with our programs, the list, igt_runner."""
	programs = sorted({re.match(r"igt@([^@]+)", test)[1] for test in tests})
	root, out = "/tmp/igt", "/run/guest/results"
	return "\n".join([
		"set -e",
		f"mkdir -p {root}",
		f"ln -s {TEST_DIRECTORY} {root}/amdgpu",
		f"printf 'TESTLIST\\n%s\\nEND TESTLIST\\n' {shlex.quote(' '.join(programs))} > {root}/test-list.txt",
		f"printf '%s\\n' {shlex.join(tests)} > {root}/testlist",
		# On a node-less system IGT makes a regular file of it, and the runner spins.
		"test -c /dev/kmsg",
		f"igt_runner --per-test-timeout {PER_TEST} --test-list {root}/testlist -o {root} {out}",
	]) + "\n"


def run(name, entry, image):
	"""Boot one scenario; its cases."""
	tests = listed_tests(entry["testlists"])
	spec = qemu.Spec(directory=os.path.join(RUNS, name), kernel=image, vgpu=build.VGPU,
		command=command(tests), params=entry["params"], timeout=entry.getfloat("timeout"))
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
		case.name = f"{entry['mode']} {case.name}"
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

# SPDX-License-Identifier: MIT
"""Reads scenarios.cfg, chooses boots and tests of it, and boots them. A scenario is a section of scenarios.cfg."""

import configparser
import copy
import dataclasses
import os
import re
import subprocess
import time

from harness import step
from harness.boot import boots, qemu
from harness.build import debs, flavours, kernel, machine, project
from harness.suites import seeds
from harness.verdict import checkers, plain, results

TEST_ROOT = os.path.join(project.DIRECTORY, "igt-tests")
TEST_FOLDER = "igt-tests/amdgpu"	# in Meson's build directory
TEST_DIRECTORY = os.path.join(project.DIRECTORY, TEST_FOLDER)
JUDGE = os.path.join(step.PROJECT, "igt-tests/judge")
RUNS = os.path.join(step.BUILD, "runs")
PROGRAM_KEYS = ("programs", "unseeded", "alone")	# the keys of a section that list programs
PER_TEST = 60	# seconds that igt_runner allows for one subtest
IGT_PASS, IGT_SKIP = "0", "77"	# exit statuses of a test program
WITHOUT_GPU = "without-gpu"
BARE_PER_PROGRAM = 240	# seconds that a boot with the key "bare" allows for one program
BARE_USERS = ("root", "nobody", WITHOUT_GPU)	# users in a boot with the key "bare" (guest/bare.sh)
NO_IOMMU = "the simulated IOMMU is one of x86-64"
NO_RUNNER = "Debian has no igt_runner for the guest's architecture"

# The debug flavour of the patched kernel (kernel/config/debug.config). It is slow, so all deadlines are longer by the
# factor DEBUG_SLOWER. The guest needs more memory, because KASAN keeps shadow memory and red zones.
DEBUG = flavours.DEBUG
DEBUG_SLOWER = 12
DEBUG_MEMORY_MB = 2048


def all_scenarios():
	config = configparser.ConfigParser()
	config.read(os.path.join(step.TABLES, "scenarios.cfg"))
	return config


def modes():
	config = all_scenarios()
	return sorted({config[name]["mode"] for name in config.sections()})


def programs():
	"""Returns the names of all test programs that some boot runs, sorted."""
	config = all_scenarios()
	return sorted({name for section in config.sections() for key in PROGRAM_KEYS
		for name in config[section].get(key, "").split() if name.startswith("amd_")})


def machine_of(entry):
	"""Returns the Machine on which the boot of the section @entry runs."""
	return machine.of(entry["kernel"])


def test_directory(entry):
	"""Returns the directory of the test programs for the guest of the section @entry."""
	return os.path.join(machine_of(entry).meson, TEST_FOLDER)


def may_all_skip(entry, pattern):
	"""Returns whether the regular expression @pattern matches all tests of all programs of the section @entry."""
	names = [name for key in PROGRAM_KEYS for name in entry.get(key, "").split()]
	return bool(names) and all(re.search(pattern, name + "@") for name in names)


def with_page_size(config, page_size):
	"""Change the boots of @config so that their guests have pages of @page_size, and return @config."""
	if page_size not in (None, machine.USUAL):
		for section in config.sections():
			entry = config[section]
			more = entry["large-page-skips"] if machine_of(entry).is_native else ""
			if machine_of(entry).is_native and entry["large-page-without"]:
				entry["only"] = f"^(?!.*(?:{entry['large-page-without']}))(?=.*?(?:{entry['only']}))"
			if more:
				entry["skips"] = f"(?:{entry['skips']})|{more}"
			if more and may_all_skip(entry, more):
				entry["chosen"] = "yes"
			if machine_of(entry).is_native:
				entry["expected-fails"] += "\n" + entry["large-page-fails"]
				entry["kernel"] = machine.of(page_size).stock if entry["kernel"] == flavours.DEBIAN else page_size
	return config


def params_of(mode):
	"""Returns the module parameters of amdgpu that select the @mode."""
	config = all_scenarios()
	for name in config.sections():
		if config[name]["suite"] == "igt" and config[name]["mode"] == mode:
			return config[name]["params"]
	raise step.Failed(f"unknown mode '{mode}'; there are {', '.join(modes())}")


def images(config, names):
	"""
	Build the kernels that the scenarios @names boot, unless they are there. Returns {value of the key kernel:
	Image}.
	"""
	return {flavour: debs.image(flavour) if flavours.source_of(flavour) == flavours.PACKAGE else kernel.get(flavour)
		for flavour in {config[name]["kernel"] for name in names}}


def listed_tests(programs, directory=TEST_DIRECTORY):
	"""Returns all subtests of the @programs in @directory, as igt_runner names them: igt@amdgpu/PROGRAM@SUBTEST."""
	tests = []
	for program in programs:
		listed = subprocess.run([os.path.join(directory, program), "--list-subtests"], capture_output=True,
			text=True)
		if listed.returncode or not listed.stdout.split():
			raise step.Failed(f"{program} lists no subtests")
		tests += [f"igt@amdgpu/{program}@{subtest}" for subtest in listed.stdout.split()]
	return tests


def reload_line(times, directory=TEST_DIRECTORY):
	"""
	Returns the shell command that uses the driver, by a test in @directory, unloads it and loads it again. The
	command repeats these steps @times times.
	"""
	return qemu.script_line("reload.sh", times, os.path.join(directory, "amd_userptr_hsa"),
		"--run-subtest", "fork-cow")


def slower(flavour):
	"""
	Returns the factor by which all deadlines are longer with a kernel of this @flavour. In the test programs
	igt_patience() multiplies the deadlines by the factor.
	"""
	return DEBUG_SLOWER if flavour == DEBUG else 1


def timeout_of(entry):
	"""Returns after how many seconds the harness ends the boot of the section @entry."""
	return entry.getfloat("timeout") * slower(entry["kernel"]) * machine_of(entry).longer


def runner_line(programs, tests, directory=TEST_DIRECTORY, options="", one_process=False, name="",
		per_test=PER_TEST):
	"""
	Returns the shell command that runs the @tests of the @programs in @directory with igt_runner. If a boot has
	several such commands, each has another @name, by which results_of() finds its results.
	"""
	words = f"--per-test-timeout {per_test} {options}{' --multiple-mode' if one_process else ''}"
	listed = " ".join("amdgpu/" + program for program in programs)
	return qemu.script_line("igt.sh", name, directory, listed, words, *tests)


def plain_line(tests, directory, name="", per_test=PER_TEST):
	"""
	Returns the shell command that runs the @tests like runner_line(), on a guest that has no igt_runner.
	"""
	return qemu.script_line("plain.sh", name, directory, per_test, *tests)


def results_of(boot, name=""):
	"""
	Returns the directory, in the share of a @boot, with the results of the command runner_line(..., name=@name).
	"""
	return os.path.join(boot.share, "results" + name)


def all_lines(*lines):
	"""Returns a shell script that runs the @lines, and ends with the first one that fails."""
	return "".join(f"{line} || exit\n" for line in lines)


def label(entry):
	"""
	Returns the name of a boot for messages: its mode, and its GPUs, reloads, control, kernel, IOMMU, accelerator and
	seed if they are not the usual ones. Boots that differ only in their programs have the same name.
	"""
	gpus = f" {entry['gpus']} GPUs" if entry.getint("gpus") > 1 else ""
	reloads = " reloaded" if entry.getint("reloads") else ""
	control = f" {entry['control']}" if entry["control"] else ""
	kernel_name = f" {entry['kernel']}" if entry["kernel"] not in (flavours.PATCHED, flavours.CONTROLS) else ""
	accel = f" {qemu.accel}" if qemu.accel != qemu.TCG else ""
	iommu = " IOMMU" if entry.getboolean("iommu") else ""
	return f"{entry['mode']}{gpus}{reloads}{control}{kernel_name}{iommu}{accel}" + (f" seed {entry['seed']}" if entry["seed"] else "")


def directory(name, entry):
	"""Returns the directory for the files of the boot @name. Each seed has its own."""
	flavour = f"-{entry['kernel']}" if entry["kernel"] == DEBUG or not machine_of(entry).is_native else ""
	return os.path.join(RUNS, name + flavour + (f"-seed-{entry['seed']}" if entry["seed"] else ""))


def spec_of(name, entry, image, text, echo=None):
	"""
	Returns the qemu.Spec of a boot of the scenario @name that runs the shell script @text. @entry is its section.
	"""
	factor = slower(entry["kernel"])
	usual = DEBUG_MEMORY_MB if entry["kernel"] == DEBUG else machine_of(entry).memory_mb
	if factor > 1:
		text = f"export AMD_KFD_SLOWER={factor}\n" + text
	if entry["render"]:
		text = f"find /dev/dri -type c ! -name renderD{entry['render']} -delete || exit\n" + text
	if "--real-clock" not in entry["vgpu"].split():
		text = "export AMD_KFD_CLOCK_COUNTS_WORK=1\n" + text
	return qemu.Spec(directory=directory(name, entry), kernel=image, vgpu=project.VGPU,
		command=text, params=entry["params"],
		timeout=timeout_of(entry),
		memory_mb=max(usual, int(entry["memory"] or 0)),
		seed=int(entry["seed"] or 0), gpus=entry.getint("gpus"), vgpu_options=entry["vgpu"], sabotage=entry["sabotage"],
		movable=entry["movable"], icount=entry.getboolean("icount"), iommu=entry.getboolean("iommu"), echo=echo)


def missing_of(where, entry):
	"""Returns a problem for each line that the section @entry demands and that the kernel log of the boot @where lacks."""
	return results.missing_lines(where, filter(None, entry["log"].splitlines()))


def problems_of(outcome, where, entry, icount=False):
	"""Returns the problems that make a boot fail even if all its tests pass. @where is its qemu.Boot."""
	problems = outcome.problems + results.kernel_problems(where, icount)
	problems += missing_of(where, entry)
	if entry["kernel"] == DEBUG:
		problems += checkers.problems(where, entry.getint("reloads") > 0)
	return problems


def boot_scenario(name, entry, image, text, judge, echo=None):
	"""
	Boot the scenario @name, and run the shell script @text there. Returns the cases that the function @judge makes
	of the files of the boot, and the case "boot".
	"""
	spec = spec_of(name, entry, image, text, echo)
	step.say(f"booting {entry['suite']} {label(entry)}")
	outcome = qemu.boot_guest(spec)
	where = qemu.Boot(spec.directory)
	cases = judge(where)
	problems = problems_of(outcome, where, entry, entry.getboolean("icount"))
	if outcome.status not in (0, None):
		problems.append(f"the command ended with {outcome.status}")
	cases.append(results.Case("boot", results.FAIL if problems else results.PASS, "; ".join(problems)))
	for case in cases:
		case.boot, case.test = name, case.name.removeprefix("igt@").removeprefix("amdgpu/")
		case.name = f"{label(entry)} {case.test}"
	count = results.count(cases)
	step.say(f"{entry['suite']} {label(entry)}: {count} in {outcome.seconds:.0f} s"
		f" (logs: {step.host_path(spec.directory)})")
	return cases


@dataclasses.dataclass
class Part:
	"""The tests that one call of igt_runner runs in a boot."""
	name: str		# by which results_of() finds its results
	programs: list
	one_process: bool	# true: one process runs all subtests of a program; false: each has a process of its own
	tests: list		# igt_runner's names


def parts_of(entry):
	"""Returns the Parts of a boot: first the programs that run all subtests in one process, then the others."""
	together = entry["programs"].split() + ("" if entry["seed"] else entry["unseeded"]).split()
	parts = [Part("", together, True, []), Part("-alone", entry["alone"].split(), False, [])]
	for part in parts:
		part.tests = [test for test in listed_tests(part.programs) if re.search(entry["only"], test)]
	return [part for part in parts if part.tests]


def keep(entry, tests):
	"""
	Change the section @entry so that its boot runs only the @tests (igt_runner's names), and so that no key of the
	section demands the result of another test, or a line of the kernel's log, which may come from another test.
	"""
	entry["only"] = f"^(?:{'|'.join(map(re.escape, tests))})$"
	entry["must-pass"] = " ".join(test for test in entry.get("must-pass", "").split() if test in tests)
	entry["expected-fails"] = "\n".join(f"{test.removeprefix('igt@amdgpu/')}: {reason}"
		for test, reason in results.expected_fails(entry["expected-fails"]).items() if test in tests)
	entry["log"] = ""
	entry["chosen"] = "yes"


def keep_tests(config, suite, wanted):
	"""
	Remove from @config the boots of @suite that run none of the @wanted tests (PROGRAM or PROGRAM@SUBTEST), and let
	the other boots run only wanted tests. Raises Wrong if no boot runs one of the wanted tests.
	"""
	programs_wanted = {word.split("@")[0] for word in wanted}
	missing = set(wanted)
	for section in config.sections():
		if config[section]["suite"] != suite:
			continue
		entry, tests = config[section], []
		for key in PROGRAM_KEYS:
			entry[key] = " ".join(name for name in entry.get(key, "").split() if name in programs_wanted)
		for test in (test for part in parts_of(entry) for test in part.tests):
			found = {word for word in wanted if test == f"igt@amdgpu/{word}" or test.startswith(f"igt@amdgpu/{word}@")}
			missing -= found
			if found:
				tests.append(test)
		if tests:
			keep(entry, tests)
		else:
			config.remove_section(section)
	if missing:
		raise step.Wrong(f"no boot of {suite} has {', '.join(sorted(missing))}; ./run test --list shows all tests")


def keep_failed(config, suite, failed):
	"""
	Remove from @config the boots of @suite that are not in @failed, {boot: tests}, and let the other boots run only
	these tests. Only boots of the suites igt and stock can run single tests; boots of other suites run all their
	tests.
	"""
	for section in config.sections():
		if config[section]["suite"] != suite:
			continue
		if section not in failed:
			config.remove_section(section)
		elif suite in ("igt", "stock"):
			tests = [f"igt@amdgpu/{test}" for test in failed[section]]
			# If the boot itself failed, only a run of all its tests may show that failure again.
			if all(test.count("@") == 2 for test in tests):
				keep(config[section], tests)


def tests_of_list(path):
	"""Returns igt_runner's names of the tests in the list @path, each line of which names a subtest."""
	lines = [line.split("#")[0].strip() for line in step.read(path).splitlines()]
	return [line for line in lines if line]


def judge_case(cases, status, output):
	"""
	Returns the case of the command judge, which has judged the same results as the @cases in the guest, and ended
	with @status after it had printed @output. The command must have counted as many verdicts of each kind.
	"""
	# judge has one case more, for the kernel's log. It must have passed here, because a boot whose log has a
	# problem fails anyway.
	wanted = ("1" if results.number(cases, results.FAIL) else "0",
		results.count([*cases, results.Case("kernel log", results.PASS)]))
	found = status, results.last_line(output)
	return results.Case("judge", results.PASS if found == wanted else results.FAIL,
		"" if found == wanted else f"status {found[0]}, {found[1]}; the suite has status {wanted[0]}, {wanted[1]}")


def boot_list(name, entry, image):
	"""
	Boot one scenario that runs a list of igt-tests/testlists, and judges it, as a user does on a real GPU. Returns
	its cases.
	"""
	path = os.path.join(step.PROJECT, f"igt-tests/testlists/amd-userptr.{entry['testlist']}.testlist")
	tests, within = tests_of_list(path), entry.getint("within") * slower(entry["kernel"])

	def judge(where):
		cases = results.igt_cases([os.path.join(results_of(where), "results.json")], tests, re.compile(entry["skips"]), [])
		cases += results.time_case(results_of(where), within)
		return [*cases, judge_case(cases, (where.shared("judge-status") or "").strip(), where.shared("judge") or "")]

	per_test = PER_TEST * slower(entry["kernel"])
	line = qemu.script_line("lists.sh", "", TEST_ROOT, path, per_test, JUDGE, entry["board"], within)
	return boot_scenario(name, entry, image, all_lines(line), judge)


def bare_cases(runs, output):
	"""
	Returns the cases of a boot of bare.sh, which has left the text @runs and printed @output. Without a GPU each
	program must skip. With one it may skip, or pass.
	"""
	cases = []
	for who, program, status in (line.split() for line in runs.splitlines()):
		good = status == IGT_SKIP or status == IGT_PASS and who != WITHOUT_GPU
		reason = f"status {status}" + ("" if good else f": {results.last_line(output)}")
		cases.append(results.Case(f"{who} {program}", results.PASS if good else results.FAIL, reason))
	return cases


def boot_bare(name, entry, image):
	"""Boot one scenario that runs programs without most of the things that their tests need. Returns its cases."""
	tests = entry["bare"].split()

	def judge(where):
		cases = bare_cases(where.shared("bare") or "", where.shared("output") or "")
		# Each user runs each program. So a case that is missing says that a run was left out.
		programs = {test.split("@")[0] for test in tests}
		wanted = {f"{who} {program}" for who in BARE_USERS for program in programs}
		return [*cases, *(results.Case(case, results.FAIL, "did not run")
			for case in sorted(wanted - {case.name for case in cases}))]

	line = qemu.script_line("bare.sh", test_directory(entry), BARE_PER_PROGRAM * slower(entry["kernel"]), *tests)
	return boot_scenario(name, entry, image, all_lines(line), judge)


def boot_tests(name, entry, image):
	"""Boot one scenario with the project's own IGT tests. Returns its cases."""
	if entry.getboolean("iommu") and not machine_of(entry).is_native:
		return [results.Case(label(entry), results.SKIP, NO_IOMMU)]
	if entry["bare"]:
		return boot_bare(name, entry, image)
	if entry["testlist"] and not machine_of(entry).is_native:
		return [results.Case(f"{label(entry)} {entry['testlist']}.testlist", results.SKIP, NO_RUNNER)]
	if entry["testlist"]:
		return boot_list(name, entry, image)
	parts = parts_of(entry)

	def judge(where):
		if not machine_of(entry).is_native:
			for part in parts:
				plain.write_results(results_of(where, part.name))
		return results.igt_cases([os.path.join(results_of(where, part.name), "results.json") for part in parts],
			sum((part.tests for part in parts), []), re.compile(entry["skips"]), entry.get("must-pass", "").split(),
			results.expected_fails(entry["expected-fails"]), entry.getboolean("chosen"))

	per_test, where = PER_TEST * slower(entry["kernel"]), test_directory(entry)
	if machine_of(entry).is_native:
		lines = [runner_line(part.programs, part.tests, one_process=part.one_process, name=part.name, per_test=per_test)
			for part in parts]
	else:
		lines = [plain_line(part.tests, where, part.name, per_test) for part in parts]
	text = all_lines(reload_line(entry.getint("reloads"), where), *lines)
	return boot_scenario(name, entry, image, text, judge)


def call(name, entry, image, function, *arguments):
	"""Returns the boots.Call that boots the scenario @name by calling @function."""
	return boots.Call(timeout_of(entry), function, (name, entry, image, *arguments),
		entry.getboolean("beside"))


def run_seed(name, entry, image, run_one):
	"""Boot one scenario with the seed of @entry, by calling @run_one. Returns the seeds.Row of its results."""
	begin = time.monotonic()
	cases = run_one(name, entry, image)
	where = qemu.Boot(directory(name, entry))
	log = "".join(results.read(where.gpu(number).log) for number in range(entry.getint("gpus")))
	return seeds.Row(int(entry["seed"]), entry["mode"], cases, seeds.oracle_verdict(log), time.monotonic() - begin)


def judge_seeds(rows):
	seeds.print_seeds(rows)
	return [case for row in rows for case in row.cases]


def work_of_seeds(config, names, numbers, all_modes, run_one):
	"""
	Returns the boots.Work of the scenarios @names with the seeds @numbers. Its judge prints a table of the results.
	"""
	modes = list(dict.fromkeys(config[name]["mode"] for name in names))
	have, calls = images(config, names), []
	for seed, mode in seeds.choose(modes, numbers, all_modes):
		for name in names:
			if config[name]["mode"] == mode:
				entry = copy.deepcopy(config)[name]
				entry["seed"] = str(seed)
				calls.append(call(name, entry, have[entry["kernel"]], run_seed, run_one))
	return boots.Work(calls, judge_seeds)


def work_of_scenarios(suite, only, numbers=(), run_one=boot_tests, config=None):
	"""
	Returns the boots.Work of @suite, which boots all scenarios of the suite, or those of the modes @only, by
	calling @run_one, and with the seeds @numbers if there are any.
	"""
	config = config or all_scenarios()
	names = [name for name in config.sections() if config[name]["suite"] == suite
		and (not only or config[name]["mode"] in only)
		and (not numbers or config[name].getboolean("seeded"))]
	if numbers:
		return work_of_seeds(config, names, numbers, bool(only), run_one)
	if not names:
		return boots.Work([], lambda cases: [])
	have = images(config, names)
	calls = [call(name, config[name], have[config[name]["kernel"]], run_one) for name in names]
	return boots.Work(calls, lambda cases: sum(cases, []))

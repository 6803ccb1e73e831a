# SPDX-License-Identifier: MIT
"""
For ./run test --debug: changes the boots of a suite so that they boot the debug kernel. Before that, tests the checkers
of the debug kernel (lockdep, KASAN and others).
"""

import dataclasses
import os
import re

from harness import step
from harness.boot import qemu
from harness.build import project
from harness.suites import scenarios
from harness.verdict import checkers, results
from harness.verdict.results import FAIL, PASS, SKIP, Case

TIMEOUT = 60	# seconds for the boot that tests the checkers; it is multiplied by scenarios.slower()

# {mistake that vgpu_splat.ko makes: pattern that the kernel's log must have then}. The mistake for lockdep comes first,
# because lockdep turns itself off after its first report, and after the reports of some other checkers.
SPLATS = {
	"lock-order": r"WARNING: possible circular locking dependency detected",
	"use-after-free": r"BUG: KASAN: slab-use-after-free in splat_",
	"out-of-bounds": r"BUG: KASAN: slab-out-of-bounds in splat_",
	"freed-page": r"pagealloc: memory corruption",
	"active-timer": r"ODEBUG: free active .* timer_list",
	"list": r"list_del corruption",
	"dma": r"DMA-API: .*device driver tries to free DMA memory it has not allocated",
	"atomic-sleep": r"BUG: sleeping function called from invalid context",
}
# The name of one more mistake, and the function that makes it. kmemleak reports it in its list and not in the log.
LEAK, LEAKER = "leak", "splat_leak"

# When a test reads the debugfs file amdgpu_evict_vram, the driver evicts BOs until no VRAM is in use. 100 ms after the
# eviction of a process (PROCESS_RESTORE_TIME_MS) KFD moves the BOs of the process back. The debug kernel needs longer
# than that to evict all BOs, so the read goes on for minutes.
NEVER_EVICTED = "amdgpu_evict_vram does not end, because KFD restores the process before all VRAM is evicted"

# The value of the key "debug" of a boot that does not run.
NOT_AT_ALL = "no"

# {regular expression of tests that do not run: the reason}. The tests of the first one make any kernel of this version
# print a warning, with or without the series, and igt_runner does not let a test with a warning pass.
LEFT_OUT = {
	"amd_userptr_scatter@heal-uffd-.*":
		"with DEBUG_VM mm/userfaultfd.c prints the stack for a page fault that may not wait for a userfaultfd",
	"amd_userptr_hostile@evict-restore": NEVER_EVICTED,
	"amd_userptr_stock_bugs@restore-window.*": NEVER_EVICTED,
	"amd_userptr_hsa@va-unmap-while-evicted": NEVER_EVICTED,
}


def scenarios_of(suite, everything):
	"""
	Returns all scenarios. Those of @suite are changed: they boot the debug kernel, and leave out the tests of
	LEFT_OUT, and those that the key "debug" leaves out unless @everything is true.
	"""
	config = scenarios.all_scenarios()
	for section in config.sections():
		entry = config[section]
		if entry["suite"] != suite:
			continue
		if entry["debug"] == NOT_AT_ALL and not everything:
			config.remove_section(section)
			continue
		entry["kernel"] = scenarios.DEBUG
		entry["only"] = f"^(?!.*(?:{'|'.join(LEFT_OUT)})$)(?=.*(?:{'' if everything else entry['debug']})).*(?:{entry['only']})"
	return config


def shortened(suites, modes=()):
	"""
	Returns a skipped case for each boot of the @suites, and of the @modes if there are any, of which the debug kernel
	runs only a part, or nothing.
	"""
	config, cases = scenarios.all_scenarios(), []
	for section in config.sections():
		which = config[section]["debug"]
		if config[section]["suite"] in suites and (not modes or config[section]["mode"] in modes) and which:
			what = "the boot does not run" if which == NOT_AT_ALL else f"only tests that match {which} run"
			cases.append(Case(section, SKIP, f"{what}, because the debug kernel is slow; name a test to run it"))
	return cases


def splat(image):
	"""Boot without the driver, and make each mistake that a checker must find. Returns (Outcome, Boot)."""
	module = os.path.join(os.path.dirname(image.oracle), "vgpu_splat.ko")
	text = scenarios.all_lines(qemu.script_line("splat.sh", module, LEAK, *SPLATS))
	spec = qemu.Spec(directory=os.path.join(scenarios.RUNS, "checkers"), vgpu=project.VGPU, command=text,
		kernel=dataclasses.replace(image, oracle=""), driver=False, timeout=TIMEOUT * scenarios.slower(scenarios.DEBUG),
		memory_mb=scenarios.DEBUG_MEMORY_MB)
	return qemu.boot_guest(spec), qemu.Boot(spec.directory)


def left_out():
	"""Returns a skipped case for each of LEFT_OUT. If no test has such a name, the case has failed."""
	tests = scenarios.listed_tests(scenarios.programs())
	return [Case(names, SKIP, reason) if any(re.fullmatch(f"igt@amdgpu/(?:{names})", test) for test in tests)
		else Case(names, FAIL, "no test has such a name, but LEFT_OUT names it") for names, reason in LEFT_OUT.items()]


def check_checkers(image):
	"""Returns a case for each mistake, which fails if no checker has reported it, and the cases of left_out()."""
	step.say("booting the debug kernel to try its checkers")
	outcome, boot = splat(image)
	log, left, ended = (results.kernel_problems(boot), checkers.leaks(boot), checkers.off(boot))
	missing = {name: "" if any(re.search(pattern, line) for line in log) else f"not reported: {pattern}"
		for name, pattern in SPLATS.items()}
	missing[LEAK] = "" if any(LEAKER in line for line in left) else f"not reported: {LEAKER}"
	missing["end of lockdep"] = "" if ended == [checkers.NO_LOCKDEP] else f"found: {'; '.join(ended) or 'nothing'}"
	missing["boot"] = "; ".join(outcome.problems) or outcome.status and f"status {outcome.status}"
	cases = [Case(f"checkers {name}", FAIL if what else PASS, what or "") for name, what in missing.items()]
	step.say(f"checkers: {results.count(cases)} in {outcome.seconds:.0f} s (logs: {step.host_path(boot.directory)})")
	return cases + left_out()

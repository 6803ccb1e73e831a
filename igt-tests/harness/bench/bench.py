# SPDX-License-Identifier: MIT
"""
./run bench compares the interfaces that map scattered user memory, and what a change of that memory costs
(docs/performance.md). It boots the patched kernel, and then the base in the same configuration.
"""

import argparse
import datetime
import json
import os

from harness import arguments, step
from harness.bench import chart, goals, report, tables
from harness.boot import qemu
from harness.build import flavours, kernel, machine, project
from harness.suites import scenarios
from harness.verdict import results

PROGRAM = "igt-tests/amdgpu/amd_userptr_bench"	# in Meson's build directory

DEFAULT_MODE = "hws-sdma"
DEFAULT_HZ = 250	# CONFIG_HZ of tinyconfig
# Memory of the guest in MiB. KFD lets processes use 63/64 of the memory that the kernel counts, less 1.5 GiB
# (amdgpu_amdkfd_gpuvm.c:amdgpu_amdkfd_gpuvm_init_mem_limits()). That has to be enough for one range of 4 GiB.
MEMORY_MB = 6144
TIMEOUT = {"quick": 600, "full": 3600}
# With --icount one thread emulates both CPUs, so a boot takes longer by this factor.
ICOUNT_FACTOR = 4
# --no-pauses: otherwise the simulated GPU sometimes pauses for a millisecond, to try other schedules. That is longer
# than some operations take. --real-clock: otherwise the GPU's clock counts work, and would not see a stall.
VGPU = "--no-pauses --real-clock"

# The part that --check measures by the wall clock. The simulated GPU copies in the host's time, but with --icount the
# guest's clock advances with the guest's instructions. So copies in a second of that clock say nothing.
WALL = "copies"

# In the directory shared with the guest: the output of the process that has userptrs of KFD only.
KFD_OUTPUT = "kfd"


def flavour_of(args, source):
	"""Returns the flavour of the kernel from @source that the options @args ask for."""
	ticks = "" if args.ticks == DEFAULT_HZ else f"hz{args.ticks}"
	return flavours.of(source, machine.of(args.page_size).options or ticks)


def directory(flavour, wall=False):
	"""
	Returns the directory of the boot of the kernel @flavour, or with @wall of the boot for the part WALL of --check.
	The directory of the patched kernel's boot without @wall also gets bench.json, bench.txt and bench.svg.
	"""
	return os.path.join(scenarios.RUNS, flavours.directory("bench-wall" if wall else "bench", flavour))


def script(args, kfd_only):
	"""
	Returns the shell script that measures in the guest. On both kernels a process of its own has userptrs of KFD
	only, so that the two can be compared. On the patched kernel a second process measures all columns and parts, even if
	the first one fails.
	"""
	words = (["--quick"] if args.quick else []) + [word for part in args.part for word in ("--part", part)]
	program, output = os.path.join(machine.of(args.page_size).meson, PROGRAM), os.path.join(qemu.SHARE, KFD_OUTPUT)
	lines = [" ".join([program, "--kfd", *words, ">", output])]
	if not kfd_only:
		lines.append(" ".join([program, *words]))
	return "status=0\n" + "".join(f"{line} || status=$?\n" for line in lines) + "exit $status\n"


def boot(args, image, wall):
	"""
	Boot @image, and measure in the guest. @wall as in directory(). Returns (Reports by name, as report.Run has them;
	problems of the boot).
	"""
	speed, name = "quick" if args.quick else "full", flavours.source_of(image.flavour)
	has_series = name == flavours.PATCHED
	spec = qemu.Spec(directory=directory(image.flavour, wall), vgpu_options=VGPU, kernel=image, vgpu=project.VGPU,
		command=script(args, not has_series), params=scenarios.params_of(args.mode), memory_mb=args.memory,
		timeout=TIMEOUT[speed] * (ICOUNT_FACTOR if args.icount else 1), icount=args.icount, trace=False)
	step.say(f"booting Linux {image.release}, {image.flavour}: {speed} benchmark, {args.mode}"
		f"{', instruction count' if args.icount else ''}")
	outcome = qemu.boot_guest(spec)
	where = qemu.Boot(spec.directory)
	problems = outcome.problems + results.kernel_problems(where, args.icount)
	if outcome.status not in (0, None):
		problems.append(f"the program ended with {outcome.status}: {qemu.tail(where.output)}")
	reports = {"kfd" if has_series else name: report.Report(where.shared(KFD_OUTPUT) or "", image.machine.page)}
	if has_series:
		reports["series"] = report.Report(results.read(where.output), image.machine.page)
	return reports, [f"{image.flavour}: {problem}" for problem in problems]


def measure(args, wall=False):
	"""
	Boot both kernels one after the other, and measure. @wall as in directory(). Returns (the report.Run, release of the
	kernels, did all go well?).
	"""
	kind = machine.of(args.page_size)
	other = kind.stock if args.stock else flavour_of(args, flavours.BASE)
	images = [kernel.build_image(flavour_of(args, flavours.PATCHED)), kernel.get(other)]
	project.build(kind)
	reports, problems = {}, []
	for image in images:
		found, bad = boot(args, image, wall)
		reports |= {key: one for key, one in found.items() if one.cells}
		problems += bad
	for problem in problems:
		print(f"bench: {problem}")
	return report.Run(reports, args.icount, args.ticks, kind.page), images[0].release, not problems


def measure_all(args):
	"""
	Measure as the options say. With --check measure twice: the part WALL by the wall clock, and all other parts by
	counting instructions. Returns the same as measure().
	"""
	if not args.check:
		return measure(args)
	args.icount, args.part = True, [part for part in arguments.names_of("PART") if part != WALL]
	run, release, good = measure(args)
	run.copies, _, well = measure(argparse.Namespace(**vars(args) | {"icount": False, "part": [WALL]}), wall=True)
	return run, release, good and well


def save(run, head, facts, where):
	"""
	Write the results of a run as JSON, as text and as a picture to the directory @where. Returns the paths of the three
	files.
	"""
	paths = [os.path.join(where, "bench" + suffix) for suffix in (".json", ".txt", ".svg")]
	reports = run.reports | ({f"{name}, wall clock": one for name, one in run.copies.reports.items()} if run.copies is not run else {})
	content = {**facts, "goals": [goal.as_dict() for goal in goals.judge_goals(run)],
		"reports": {name: {"columns": one.titles, "cells": list(one.cells.values())} for name, one in reports.items()}}
	step.write(paths[0], json.dumps(content, indent=1) + "\n")
	step.write(paths[1], tables.report_text(run, head))
	step.write(paths[2], chart.picture(run, head[0]))
	return paths


def cmd_bench(args):
	args.mode, args.memory = args.mode or DEFAULT_MODE, args.memory or max(MEMORY_MB, machine.of(args.page_size).memory_mb)
	args.ticks = int(args.ticks or DEFAULT_HZ)
	run, release, good = measure_all(args)
	where = directory(flavour_of(args, flavours.PATCHED))
	if not run.reports:
		raise step.Failed(f"nothing was measured; logs in {step.host_path(where)}")
	facts = {"date": datetime.date.today().isoformat(), "kernel": release, "mode": args.mode, "ticks": args.ticks,
		"quick": args.quick, "parts": args.part, "icount": args.icount, "memory_mb": args.memory, "page": run.page}
	clock = "time counts instructions" if args.icount else "wall-clock time"
	clock += ", wall-clock time of copies" if args.check else ""
	head = [f"Linux {release}, {args.mode}, {args.ticks} ticks a second, pages of {tables.size_name(run.page)}, simulated GPU,"
		f" emulated CPUs, {clock}; medians"]
	paths = save(run, head, facts, where)
	print(step.read(paths[1]))
	for path in paths:
		step.say(step.host_path(path))
	missed = [goal for goal in goals.judge_goals(run) if goal.binding and not goal.met]
	return 1 if not good or (args.check and missed) else 0

# SPDX-License-Identifier: MIT
"""./run fuzz: runs the libFuzzer targets of the simulated GPU for longer than the suite vgpu does."""

import os
import subprocess
import sys

from harness import arguments, step
from harness.build import project

TARGETS = os.path.join(project.DIRECTORY, "igt-tests/vgpu/fuzz/fuzz_")
SOURCE = os.path.join(step.PROJECT, "igt-tests/vgpu/fuzz")
MINUTES = 5	# for each target
KEPT = os.path.join(step.BUILD, "fuzz")	# inputs that earlier runs found; the next run begins with them


def fuzz_targets(targets, minutes):
	"""Run each of the @targets for so many @minutes; did all succeed?"""
	failed = []
	for name in targets:
		kept = os.path.join(KEPT, name)
		os.makedirs(kept, exist_ok=True)
		step.say(f"fuzzing {name} for {minutes:g} minutes (units: {step.host_path(kept)})")
		if subprocess.run([sys.executable, "-B", os.path.join(SOURCE, "run.py"), "--corpus",
				os.path.join(SOURCE, f"corpus/{name}.txt"), "--seconds", str(round(60 * minutes)), "--keep", kept,
				TARGETS + name], check=False).returncode:
			failed.append(name)
	step.say(f"fuzzing: {', '.join(failed) or 'none'} failed")
	return not failed


def cmd_fuzz(args):
	project.build()
	return 0 if fuzz_targets(args.target or arguments.targets(), args.minutes or MINUTES) else 1

# SPDX-License-Identifier: MIT
"""./run fuzz: runs the libFuzzer targets of the simulated GPU and of the library for longer than their suites do."""

import os
import subprocess
import sys

from harness import arguments, step
from harness.build import project

RUN = os.path.join(step.PROJECT, "lib/fuzz/run.py")
MINUTES = 5	# for each target, if --minutes does not say otherwise
KEPT = os.path.join(step.BUILD, "fuzz")	# has the inputs that earlier runs found, with which the next run begins


def fuzz_targets(targets, minutes):
	"""Run each of the @targets for @minutes minutes. Returns whether all succeeded."""
	failed = []
	for name in targets:
		kept = os.path.join(KEPT, name)
		os.makedirs(kept, exist_ok=True)
		step.say(f"fuzzing {name} for {minutes:g} minutes (units: {step.host_path(kept)})")
		folder = arguments.targets()[name]
		if subprocess.run([sys.executable, "-B", RUN, "--corpus", os.path.join(step.PROJECT, folder, f"corpus/{name}.txt"),
				"--seconds", str(round(60 * minutes)), "--keep", kept, os.path.join(project.DIRECTORY, folder, f"fuzz_{name}")],
				check=False).returncode:
			failed.append(name)
	step.say(f"fuzzing: {', '.join(failed) or 'none'} failed")
	return not failed


def cmd_fuzz(args):
	project.build()
	return 0 if fuzz_targets(args.target or list(arguments.targets()), args.minutes or MINUTES) else 1

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The main program in the build root: runs the command that the user gave to ./run."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import arguments, step, trouble
from harness.bench import bench
from harness.build import debs, flavours, kernel
from harness.commands import deb, execute, fuzz, test
from harness.review import readme, series, style


def cmd_kernel(args):
	if args.action == "build":
		image = kernel.get(flavours.PATCHED)
		step.say(f"Linux {image.release}: {step.host_path(image.image)}")
	elif args.action == "deb":
		deb.cmd_deb(args.config or debs.DEBIAN)
	elif args.action == "checkout":
		series.checkout()
	else:
		series.export()
	return 0


def cmd_readme(_args):
	step.say(f"{step.host_path(readme.README)}: {readme.update()}")
	return 0


def cmd_format(_args):
	for name in style.write_formatted():
		step.say(name)
	return 0


# The functions of the commands. clean and help are missing, because the shell scripts run and arguments.sh do them. cc
# is missing, because its arguments are those of gcc, so arguments.py cannot parse them.
COMMANDS = {"demo": execute.cmd_demo, "test": test.cmd_test, "soak": test.cmd_soak, "bench": bench.cmd_bench,
	"exec": execute.cmd_exec, "shell": execute.cmd_shell, "fuzz": fuzz.cmd_fuzz, "kernel": cmd_kernel, "readme": cmd_readme,
	"format": cmd_format}


def main():
	words = sys.argv[1:]
	try:
		if words[:1] == ["cc"]:
			return execute.cmd_cc(words[1:])
		args = arguments.parse(words)
		return COMMANDS[args.name](args)
	except step.Failed as failure:
		print(f"run: {failure}", file=sys.stderr)
		return 2 if isinstance(failure, arguments.Wrong) else 1
	except OSError as error:	# mostly because the disk is full
		print(f"run: {trouble.of_error(error, step.host_path(str(error.filename or '')))}", file=sys.stderr)
	except subprocess.CalledProcessError as error:
		print(f"run: {error}", file=sys.stderr)
	return 1


if __name__ == "__main__":
	sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command line of ./run, inside the build root."""

import argparse
import os
import shlex
import sys

import kernel
import qemu
import results


def cmd_guest(args):
	"""Run one command in a guest with a given kernel and GPU: the developer's entry."""
	directory = os.path.abspath(args.work)
	image = kernel.install_modules(os.path.abspath(args.kernel), os.path.join(directory, "modules"))
	command = args.command[1:] if args.command[:1] == ["--"] else args.command
	text = args.shell or shlex.join(command)
	spec = qemu.Spec(directory=os.path.join(directory, "boot"), kernel=image,
		vgpu=os.path.abspath(args.vgpu), command=text + "\n", params=args.params, timeout=args.timeout,
		interactive=not text, driver=not args.no_driver, cwd=os.getcwd(), seed=args.seed,
		echo=sys.stdout)
	if spec.interactive:
		spec.command, spec.timeout = "exec bash -i\n", 0
	outcome = qemu.run(spec)
	problems = outcome.problems + results.kernel_problems(qemu.Boot(spec.directory))
	for problem in problems:
		print(f"guest: {problem}", file=sys.stderr)
	print(f"guest: status {outcome.status}, {outcome.seconds:.1f} s (driver ready at guest time "
		f"{outcome.ready} s), logs in {spec.directory}", file=sys.stderr)
	return 1 if problems else outcome.status


def parser():
	top = argparse.ArgumentParser(prog="run", description=__doc__)
	commands = top.add_subparsers(dest="name", required=True)

	guest = commands.add_parser("guest", help=cmd_guest.__doc__)
	guest.add_argument("--kernel", required=True, help="kernel build directory")
	guest.add_argument("--vgpu", required=True, help="the vgpu program")
	guest.add_argument("--params", default="", help="further amdgpu module parameters")
	guest.add_argument("--timeout", type=float, default=120)
	guest.add_argument("--seed", type=int, default=0)
	guest.add_argument("--work", default=os.path.join(os.environ.get("TMPDIR", "/tmp"), "guest-work"))
	guest.add_argument("--no-driver", action="store_true", help="do not load amdgpu")
	guest.add_argument("--shell", help="shell text to run instead of COMMAND")
	guest.add_argument("command", nargs=argparse.REMAINDER)
	guest.set_defaults(function=cmd_guest)
	return top


def main():
	args = parser().parse_args()
	return args.function(args)


if __name__ == "__main__":
	sys.exit(main())

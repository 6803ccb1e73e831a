# SPDX-License-Identifier: MIT
"""One command in the guest: ./run exec, shell and demo; and ./run cc, which compiles for them."""

import argparse
import dataclasses
import os
import subprocess
import sys

from harness import step
from harness.bench import bench
from harness.boot import qemu
from harness.build import project
from harness.suites import scenarios, trials

DEFAULT_MODE = "hws-sdma"	# how users run the GPU
MAX_GPUS = 8
# Seconds for a boot; 0: as long as it takes.
TIMEOUT = {"demo": 240, "exec": 300, "shell": 0}
# Programs that need no path.
PROGRAMS = (scenarios.TEST_DIRECTORY, os.path.dirname(project.GATHER))
COMPILED = os.path.join(step.BUILD, "exec")

# Directories that the guest has and can do without, and one that is needed although the root has nothing in it.
SPARE, RUN = ("/root", "/tmp", "/dev/shm"), "/run"


def add_options(parser):
	"""What the boot is like."""
	parser.add_argument("--mode", default=DEFAULT_MODE, help="who schedules and who writes page tables (" + DEFAULT_MODE + ")")
	parser.add_argument("--seed", type=int, default=0, help="of the simulated GPU's schedule")
	parser.add_argument("--gpus", type=int, default=1, choices=range(1, MAX_GPUS + 1), metavar="N")
	kernels = parser.add_mutually_exclusive_group()
	kernels.add_argument("--stock", action="store_true", help="Debian's own kernel")
	kernels.add_argument("--debug", action="store_true", help="the kernel with kernel/config/debug.config")
	kernels.add_argument("--control", metavar="NAME", help="without this safety step (controls.cfg)")
	parser.add_argument("--dir", help="writable in the guest, under the same path, and where it begins; the current one")
	parser.add_argument("--timeout", type=float, metavar="SECONDS", help="for the boot as a whole; 0: none")
	parser.add_argument("--icount", action="store_true", help="the guest's clock counts instructions")
	parser.add_argument("--memory", type=int, metavar="MB", help="of the guest")
	parser.add_argument("--params", default="", help="further module parameters of amdgpu")
	parser.add_argument("--vgpu", default="", metavar="OPTIONS", help="further options of vgpu: --vgpu='--fault NAME'")


def add_parsers(commands):
	for name, function, usage in (("shell", cmd_shell, ""), ("exec", cmd_exec, " -- COMMAND...")):
		# run looks for --dir, in full.
		parser = commands.add_parser(name, usage=f"./run {name} [OPTION...]{usage}", allow_abbrev=False)
		add_options(parser)
		parser.set_defaults(function=function)
	# One boot, whose options are their defaults.
	commands.add_parser("demo").set_defaults(**{**vars(parser.parse_args([])), "function": cmd_demo})


def split(words):
	"""The words before the first "--", and those behind it, which are for another program."""
	at = words.index("--") if "--" in words else len(words)
	return words[:at], words[at + 1:]


def section(name, args):
	"""The scenarios, and this boot as one of them."""
	config = scenarios.all_scenarios()
	config[name] = {"suite": name, "mode": args.mode, "params": scenarios.params_of(args.mode),
		"gpus": str(args.gpus), "seed": str(args.seed or ""), "vgpu": args.vgpu, "timeout": str(TIMEOUT[name]),
		"kernel": "debian" if args.stock else scenarios.DEBUG if args.debug else "patched"}
	if args.control:
		trials.check_control(args.control)
		trials.apply(config[name], trials.all_trials("negative")[args.control])
		config[name]["control"] = args.control
	config[name]["params"] += " " + args.params
	return config


def spec_of(name, args, image, entry, text):
	"""A boot of the shell @text."""
	spec = scenarios.spec_of(name, entry, image, text, sys.stdout)
	if args.timeout is not None:
		spec.timeout = args.timeout
	elif args.icount:
		spec.timeout *= bench.ICOUNT_FACTOR
	return dataclasses.replace(spec, icount=args.icount, memory_mb=args.memory or spec.memory_mb)


def boot_command(name, args, text, **changes):
	"""Boot and run the shell @text; (outcome, what was wrong with the boot, its files)."""
	config = section(name, args)
	entry = config[name]
	image = scenarios.images(config, [name])[entry["kernel"]]
	spec = dataclasses.replace(spec_of(name, args, image, entry, text), **changes)
	step.say(f"booting Linux {image.release} with the simulated GPU")
	outcome, where = qemu.boot_guest(spec), qemu.Boot(spec.directory)
	return outcome, scenarios.problems_of(outcome, where, entry, args.icount), where


def verdict(outcome, problems, where):
	"""Say what was wrong with a boot; the exit status."""
	for problem in problems:
		print(f"run: {problem}", file=sys.stderr)
	if problems:
		print(f"run: logs in {step.host_path(where.directory)}", file=sys.stderr)
	return 1 if problems or outcome.status is None else outcome.status


def is_needed(path):
	"""Would a directory of the caller's, at @path of the guest, hide what the guest needs?"""
	if path in SPARE or (os.path.isdir(path) and os.path.samefile(path, step.DIR)):
		return False
	return path == RUN or any(files for _, _, files in os.walk(path))


def shown():
	"""The caller's directory, as a boot has it."""
	path = os.environ["HOST_DIR"]
	if is_needed(path):
		raise step.Failed(f"the guest needs its own {path}: show it another directory, with --dir")
	return {"cwd": path, "shown": step.DIR}


def is_one_stream():
	"""Do standard output and error go to the same place? Then their order matters."""
	return os.path.samestat(*(os.fstat(stream.fileno()) for stream in (sys.stdout, sys.stderr)))


def text_of(words, errors=False, prefix=()):
	"""What the guest runs; with @errors what it says on standard error is in a file of its own."""
	return "exec " + qemu.script_line("exec.sh", ":".join(PROGRAMS), qemu.ERRORS if errors else "", *prefix, *words) + "\n"


def compiler(arguments):
	"""gcc in the caller's directory, with what the project has; its status."""
	host = os.environ["HOST_DIR"]
	# The directory has another path here.
	inside = [step.DIR + word[len(host):] if word.startswith(host + "/") else word for word in arguments]
	color = ["-fdiagnostics-color=always"] if sys.stderr.isatty() else []
	result = subprocess.run(project.gcc(color + inside, host), cwd=step.DIR, check=False, stderr=subprocess.PIPE,
		text=True, errors="replace")
	sys.stderr.write(step.user_paths(result.stderr))
	return result.returncode


def compiled(words):
	"""The command; the program instead of a C file."""
	source = words[0]
	if not source.endswith(".c"):
		return words
	os.makedirs(COMPILED, exist_ok=True)
	program = os.path.join(COMPILED, os.path.basename(source).removesuffix(".c"))
	if compiler(["-o", program, source]):
		raise step.Failed(f"{source} does not compile in {os.environ['HOST_DIR']}")
	return [program, *words[1:]]


def cmd_exec(args):
	if not args.words:
		raise step.Failed("what shall the guest run? ./run exec [OPTION...] -- COMMAND...")
	places = shown()
	project.build()
	words, errors = compiled(args.words), not is_one_stream()
	# A program whose output is no terminal keeps it back; lines of one that dies would be lost.
	outcome, problems, where = boot_command("exec", args, text_of(words, errors, ("stdbuf", "-oL")), **places,
		errors=sys.stderr if errors else None)
	if not errors and not qemu.ends_line(where.output):
		print(flush=True)
	status = verdict(outcome, problems, where)
	step.say(f"status {status} after {outcome.seconds:.0f} s; logs: {step.host_path(where.directory)}")
	return status


def cmd_shell(args):
	places = shown()
	project.build()
	step.say("leave the shell to end")
	return verdict(*boot_command("shell", args, text_of(["bash", "-i"]), **places, interactive=True))


def cmd_demo(args):
	project.build()
	status = verdict(*boot_command("demo", args, text_of([project.GATHER])))
	step.say("demo done" if status == 0 else "demo failed")
	return status


def cmd_cc(words):
	project.build()
	return compiler(words)

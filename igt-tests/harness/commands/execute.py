# SPDX-License-Identifier: MIT
"""./run exec, shell and demo, which run one command in the guest, and ./run cc, which compiles programs for it."""

import dataclasses
import os
import subprocess
import sys

from harness import arguments, step
from harness.bench import bench
from harness.boot import qemu
from harness.build import project
from harness.suites import scenarios, trials

DEFAULT_MODE = "hws-sdma"	# without --mode; the usual mode of users' GPUs
# Seconds for a boot; 0 means without limit.
TIMEOUT = {"demo": 240, "exec": 300, "shell": 0}
# The command of ./run exec is also looked for in these directories, so that programs in them need no path.
PROGRAMS = (scenarios.TEST_DIRECTORY, os.path.dirname(project.GATHER))
COMPILED = os.path.join(step.BUILD, "exec")

# A directory of the user may hide the guest's directories SPARE. It must not hide RUN, which looks unused in the build root,
# because it is empty there.
SPARE, RUN = ("/root", "/tmp", "/dev/shm"), "/run"


def section(name, args):
	"""All scenarios, and the boot for the command @name as one of them, with the options @args."""
	config, mode = scenarios.all_scenarios(), args.mode or DEFAULT_MODE
	config[name] = {"suite": name, "mode": mode, "params": scenarios.params_of(mode),
		"gpus": str(args.gpus or 1), "seed": str(args.seed or ""), "vgpu": args.vgpu or "", "timeout": str(TIMEOUT[name]),
		"kernel": "debian" if args.stock else scenarios.DEBUG if args.debug else "patched"}
	if args.control:
		trials.apply(config[name], trials.all_trials("negative")[args.control])
		config[name]["control"] = args.control
	config[name]["params"] += " " + (args.params or "")
	return config


def spec_of(name, args, image, entry, text):
	"""The qemu.Spec of a boot that runs the shell script @text."""
	spec = scenarios.spec_of(name, entry, image, text, sys.stdout)
	if args.timeout is not None:
		spec.timeout = args.timeout
	elif args.gdb:
		spec.timeout = 0	# whoever uses gdb stops the guest for as long as he likes
	elif args.icount:
		spec.timeout *= bench.ICOUNT_FACTOR
	return dataclasses.replace(spec, icount=args.icount, gdb=args.gdb or 0,
		memory_mb=args.memory or spec.memory_mb)


def gdb_line(port, flavour):
	"""The gdb command that attaches to the kernel of that @flavour; without symbols for Debian's kernel."""
	vmlinux = {"patched": "kernel", "controls": "kernel", scenarios.DEBUG: "kernel-debug"}.get(flavour)
	symbols = f" {step.host_path(os.path.join(step.BUILD, vmlinux, 'vmlinux'))}" if vmlinux else ""
	return f"gdb -ex 'target remote :{port}'{symbols}, then continue"


def boot_command(name, args, text, **changes):
	"""Boot the guest and run the shell script @text; (Outcome, what was wrong with the boot, Boot)."""
	config = section(name, args)
	entry = config[name]
	image = scenarios.images(config, [name])[entry["kernel"]]
	spec = dataclasses.replace(spec_of(name, args, image, entry, text), **changes)
	step.say(f"booting Linux {image.release} with the simulated GPU")
	if args.gdb:
		step.say(f"the guest waits for gdb: {gdb_line(args.gdb, entry['kernel'])}")
	outcome, where = qemu.boot_guest(spec), qemu.Boot(spec.directory)
	return outcome, scenarios.problems_of(outcome, where, entry, args.icount), where


def verdict(outcome, problems, where):
	"""Print what was wrong with a boot; the exit status of ./run."""
	for problem in problems:
		print(f"run: {problem}", file=sys.stderr)
	if problems:
		print(f"run: logs in {step.host_path(where.directory)}", file=sys.stderr)
	return 1 if problems or outcome.status is None else outcome.status


def is_needed(path):
	"""Would a directory of the user, mounted at @path in the guest, hide something that the guest needs?"""
	if path in SPARE or (os.path.isdir(path) and os.path.samefile(path, step.DIR)):
		return False
	return path == RUN or any(files for _, _, files in os.walk(path))


def shown():
	"""The fields of a qemu.Spec that make the guest mount the directory of the user."""
	path = os.environ["HOST_DIR"]
	if is_needed(path):
		raise step.Failed(f"the guest needs its own {path}: show it another directory, with --dir")
	return {"cwd": path, "shown": step.DIR}


def is_one_stream():
	"""Do standard output and standard error go to the same place? Then the order of their lines matters."""
	return os.path.samestat(*(os.fstat(stream.fileno()) for stream in (sys.stdout, sys.stderr)))


def text_of(words, errors=False, prefix=()):
	"""The shell script that runs the command @words in the guest; with @errors its standard error goes to a file of its own."""
	return "exec " + qemu.script_line("exec.sh", ":".join(PROGRAMS), qemu.ERRORS if errors else "", *prefix, *words) + "\n"


def compiler(words):
	"""Run gcc with the arguments @words in the directory of the user, with the project's headers and libraries; its status."""
	host = os.environ["HOST_DIR"]
	# In the build root the directory of the user has another path.
	inside = [step.DIR + word[len(host):] if word.startswith(host + "/") else word for word in words]
	color = ["-fdiagnostics-color=always"] if sys.stderr.isatty() else []
	result = subprocess.run(project.gcc(color + inside, host), cwd=step.DIR, check=False, stderr=subprocess.PIPE,
		text=True, errors="replace")
	sys.stderr.write(step.user_paths(result.stderr))
	return result.returncode


def compiled(words):
	"""The command @words. If the first word is a C file, compile it and put the program in its place."""
	source = words[0]
	if not source.endswith(".c"):
		return words
	os.makedirs(COMPILED, exist_ok=True)
	program = os.path.join(COMPILED, os.path.basename(source).removesuffix(".c"))
	if compiler(["-o", program, source]):
		raise step.Failed(f"{source} does not compile in {os.environ['HOST_DIR']}")
	return [program, *words[1:]]


def cmd_exec(args):
	places = shown()
	project.build()
	words, errors = compiled(args.words), not is_one_stream()
	# stdbuf: a program buffers output that does not go to a terminal, so its last lines would be lost if it dies.
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


def cmd_demo(_args):
	project.build()
	args = arguments.parse(["shell"])	# all options of a boot with their default values
	status = verdict(*boot_command("demo", args, text_of([project.GATHER])))
	step.say("demo done" if status == 0 else "demo failed")
	return status


def cmd_cc(words):
	project.build()
	return compiler(words)

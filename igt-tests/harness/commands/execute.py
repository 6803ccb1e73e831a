# SPDX-License-Identifier: MIT
"""One command in the guest: ./run exec, shell and demo; and ./run cc, which compiles for them."""

import dataclasses
import os
import subprocess
import sys

from harness import arguments, step
from harness.bench import bench
from harness.boot import qemu
from harness.build import project
from harness.suites import scenarios, trials

DEFAULT_MODE = "hws-sdma"	# how users run the GPU
# Seconds for a boot; 0: without end.
TIMEOUT = {"demo": 240, "exec": 300, "shell": 0}
# Programs that need no path.
PROGRAMS = (scenarios.TEST_DIRECTORY, os.path.dirname(project.GATHER))
COMPILED = os.path.join(step.BUILD, "exec")

# The guest can do without these directories of its own. It needs the other one although that is empty in the root.
SPARE, RUN = ("/root", "/tmp", "/dev/shm"), "/run"


def section(name, args):
	"""The scenarios, and this boot as one of them."""
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
	"""A boot of the shell @text."""
	spec = scenarios.spec_of(name, entry, image, text, sys.stdout)
	if args.timeout is not None:
		spec.timeout = args.timeout
	elif args.gdb:
		spec.timeout = 0	# somebody looks at a guest that stands still
	elif args.icount:
		spec.timeout *= bench.ICOUNT_FACTOR
	return dataclasses.replace(spec, icount=args.icount, gdb=args.gdb or 0,
		memory_mb=args.memory or spec.memory_mb)


def gdb_line(port, flavour):
	"""How to attach to the kernel of that @flavour; Debian's has its symbols elsewhere."""
	vmlinux = {"patched": "kernel", "controls": "kernel", scenarios.DEBUG: "kernel-debug"}.get(flavour)
	symbols = f" {step.host_path(os.path.join(step.BUILD, vmlinux, 'vmlinux'))}" if vmlinux else ""
	return f"gdb -ex 'target remote :{port}'{symbols}, then continue"


def boot_command(name, args, text, **changes):
	"""Boot and run the shell @text; (outcome, what was wrong with the boot, its files)."""
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
	"""The fields of a qemu.Spec that show the guest the caller's directory."""
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


def compiler(words):
	"""gcc in the caller's directory, with what the project has; its status."""
	host = os.environ["HOST_DIR"]
	# In the root the caller's directory has another path.
	inside = [step.DIR + word[len(host):] if word.startswith(host + "/") else word for word in words]
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
	places = shown()
	project.build()
	words, errors = compiled(args.words), not is_one_stream()
	# A program buffers output that does not go to a terminal, so the last lines of one that dies would be lost.
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
	args = arguments.parse(["shell"])	# the options of a boot, all as they are by themselves
	status = verdict(*boot_command("demo", args, text_of([project.GATHER])))
	step.say("demo done" if status == 0 else "demo failed")
	return status


def cmd_cc(words):
	project.build()
	return compiler(words)

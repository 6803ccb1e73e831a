# SPDX-License-Identifier: MIT
"""./run exec, shell and demo, which run one command in the guest, and ./run cc, which compiles programs for it."""

import dataclasses
import os
import subprocess
import sys

from harness import arguments, step
from harness.bench import bench
from harness.boot import qemu
from harness.build import flavours, kernel, machine, project
from harness.suites import scenarios, trials

DEFAULT_MODE = "hws-sdma"	# the mode without --mode, because real GPUs usually run in it
# Seconds after which a boot ends if --timeout does not say otherwise; 0: never.
TIMEOUT = {"demo": 240, "exec": 300, "shell": 0}
# The guest also looks in these folders of Meson's build directory for the command of ./run exec, so that the user can
# name a program in them without its path.
PROGRAMS = (scenarios.TEST_FOLDER, os.path.dirname(project.GATHER))
COMPILED = os.path.join(step.BUILD, "exec")

# The guest mounts the directory of the user at its path on the host, where it hides a directory of the guest. It may
# hide one of SPARE. It must not hide RUN: that directory is empty in the build root, so is_needed() would take it for
# unused, but the guest has its share there.
SPARE, RUN = ("/root", "/tmp", "/dev/shm"), "/run"


def section(name, args):
	"""Returns all scenarios and adds one, @name: the boot for the command ./run @name with the options @args."""
	config, mode = scenarios.all_scenarios(), args.mode or DEFAULT_MODE
	config[name] = {"suite": name, "mode": mode, "params": scenarios.params_of(mode),
		"gpus": str(args.gpus or 1), "seed": str(args.seed or ""), "vgpu": args.vgpu or "", "timeout": str(TIMEOUT[name]),
		"iommu": "yes" if args.iommu else "no",
		"kernel": flavours.DEBIAN if args.stock else flavours.DEBUG if args.debug else flavours.PATCHED}
	if args.control:
		trials.apply(config[name], trials.all_trials("negative")[args.control])
		config[name]["control"] = args.control
	scenarios.with_page_size(config, args.page_size)
	config[name]["params"] += " " + (args.params or "")
	return config


def spec_of(name, args, image, entry, text):
	"""Returns the qemu.Spec of a boot that runs the shell script @text."""
	spec = scenarios.spec_of(name, entry, image, text, sys.stdout)
	if args.timeout is not None:
		spec.timeout = args.timeout
	elif args.gdb:
		spec.timeout = 0	# the user of gdb may stop the guest for any time
	elif args.icount:
		spec.timeout *= bench.ICOUNT_FACTOR
	return dataclasses.replace(spec, icount=args.icount, accel=args.accel or spec.accel, gdb=args.gdb or 0,
		memory_mb=args.memory or spec.memory_mb)


def gdb_line(port, flavour):
	"""
	Returns the gdb command that attaches to the guest's kernel, with its symbols. The harness does not keep the
	symbols of the kernel with the controls, so gdb gets the symbols of the patched kernel. Debian's kernel has no
	symbols.
	"""
	built = flavours.PATCHED if flavour == flavours.CONTROLS else flavour
	vmlinux = os.path.join(kernel.flavoured("kernel", built), "vmlinux")
	symbols = "" if flavours.source_of(flavour) == flavours.DEBIAN else f" {step.host_path(vmlinux)}"
	program = "gdb" if machine.of(flavour).is_native else "gdb-multiarch"
	return f"{program} -ex 'target remote :{port}'{symbols}, then continue"


def boot_command(name, args, text, **changes):
	"""Boot the guest, and run the shell script @text there. Returns (Outcome, problems of the boot, Boot)."""
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
	"""
	Print the @problems of a boot. Returns the exit status of ./run: that of the command, or 1 if the boot failed.
	"""
	for problem in problems:
		print(f"run: {problem}", file=sys.stderr)
	if problems:
		print(f"run: logs in {step.host_path(where.directory)}", file=sys.stderr)
	return 1 if problems or outcome.status is None else outcome.status


def is_needed(path):
	"""
	Returns whether a directory of the user, mounted at @path in the guest, would hide files that the guest needs.
	"""
	if path in SPARE or (os.path.isdir(path) and os.path.samefile(path, step.DIR)):
		return False
	return path == RUN or any(files for _, _, files in os.walk(path))


def shown():
	"""
	Returns the fields of a qemu.Spec that make the guest mount the directory of the user. Refuses a directory that
	the guest needs.
	"""
	path = os.environ["HOST_DIR"]
	if is_needed(path):
		raise step.Failed(f"the guest needs its own {path}: show it another directory, with --dir")
	return {"cwd": path, "shown": step.DIR}


def is_one_stream():
	"""
	Returns whether standard output and standard error of ./run go to the same place. Then the order of their lines
	matters, so the guest must write both to one file.
	"""
	return os.path.samestat(*(os.fstat(stream.fileno()) for stream in (sys.stdout, sys.stderr)))


def text_of(words, errors=False, prefix=(), kind=project.NATIVE):
	"""
	Returns the shell script that runs the command @words in the guest, which is a machine of the @kind. With @errors
	standard error gets its own file.
	"""
	return "exec " + qemu.script_line("exec.sh", ":".join(os.path.join(kind.meson, folder) for folder in PROGRAMS), qemu.ERRORS if errors else "", *prefix, *words) + "\n"


def compiler(words, kind=project.NATIVE):
	"""
	Run gcc for the machine @kind with the arguments @words in the user's directory, with the project's headers and
	libraries. Returns its status.
	"""
	host = os.environ["HOST_DIR"]
	# gcc runs in the build root, where the directory of the user has another path. So change the paths in its
	# arguments.
	inside = [step.DIR + word[len(host):] if word.startswith(host + "/") else word for word in words]
	color = ["-fdiagnostics-color=always"] if sys.stderr.isatty() else []
	result = subprocess.run(project.gcc(color + inside, host, kind), cwd=step.DIR, check=False, stderr=subprocess.PIPE,
		text=True, errors="replace")
	sys.stderr.write(step.user_paths(result.stderr))
	return result.returncode


def compiled(words, kind=project.NATIVE):
	"""
	Returns the command @words. If the first word is a C file, compiles it for the machine @kind and puts the program in
	its place.
	"""
	source = words[0]
	if not source.endswith(".c"):
		return words
	os.makedirs(COMPILED, exist_ok=True)
	program = os.path.join(COMPILED, os.path.basename(source).removesuffix(".c"))
	if compiler(["-o", program, source], kind):
		raise step.Failed(f"{source} does not compile in {os.environ['HOST_DIR']}")
	return [program, *words[1:]]


def cmd_exec(args):
	places, kind = shown(), machine.of(args.page_size)
	project.build(kind)
	words, errors = compiled(args.words, kind), not is_one_stream()
	# A program buffers output that does not go to a terminal, and loses it when it dies. stdbuf lets it write each
	# line.
	outcome, problems, where = boot_command("exec", args, text_of(words, errors, ("stdbuf", "-oL"), kind), **places,
		errors=sys.stderr if errors else None)
	if not errors and not qemu.ends_line(where.output):
		print(flush=True)
	status = verdict(outcome, problems, where)
	step.say(f"status {status} after {outcome.seconds:.0f} s; logs: {step.host_path(where.directory)}")
	return status


def cmd_shell(args):
	places, kind = shown(), machine.of(args.page_size)
	project.build(kind)
	step.say("leave the shell to end")
	return verdict(*boot_command("shell", args, text_of(["bash", "-i"], kind=kind), **places, interactive=True))


def cmd_demo(demo):
	kind = machine.of(demo.page_size)
	project.build(kind)
	# demo has hardly any options, so take those of shell, with their default values.
	options = {"--page-size": demo.page_size, "--accel": demo.accel}
	args = arguments.parse(["shell", *(word for option, value in options.items() if value for word in (option, value))])
	status = verdict(*boot_command("demo", args, text_of([os.path.join(kind.meson, project.GATHER)], kind=kind)))
	step.say("demo done" if status == 0 else "demo failed")
	return status


def cmd_cc(words):
	project.build()
	return compiler(words)

# SPDX-License-Identifier: MIT
"""Boots the test guest once: starts the simulated GPUs and QEMU, waits for the end or a deadline, and judges the boot."""

import ctypes
import dataclasses
import glob
import json
import os
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import time

from harness import step
from harness.boot import initrd

MEMORY_MB = 1024		# two NUMA nodes of half of it each
CPUS = 2
PAGE = 4096
SWAP_MB = 256			# size of zram, and of the swap disk
# The guest's clock advances by 2^1 ns for each instruction, about the time in which the host emulates one. While the
# guest sleeps, its clock follows the host's.
ICOUNT = "shift=1,sleep=on"
POLL = 0.05			# seconds between looks at the two processes
GRACE = 10			# seconds for vgpu to write its last lines
FIRST_SLOT = 4			# slot of the first GPU's root port on the bus
SHARE = "/run/guest"		# where the guest mounts the share of the boot (guest/init)
ERRORS = "errors"		# file in the share for standard error, if it must not be mixed with the output
KEPT_BOOTS = 4			# for each name, the files of so many older boots are kept
# Each further GPU has a seed that is larger by this number, so that hardly any run gives the same seed to its first GPU.
SEED_STEP = 1 << 32

# Parameters of amdgpu in every boot. igt-tests/harness/README.md gives the reason for each.
PARAMS = "discovery=2 fw_load_type=0 dpm=0 gpu_recovery=0 reset_method=0"
# no_timer_check: on a busy machine the emulated timer can be too late for the kernel's test of the timer.
# tsc=reliable: the emulated CPUs share one TSC. Reading another clock would leave the guest each time, which is slow.
CMDLINE = ("console=ttyS0 rdinit=/init oops=panic panic=-1 mitigations=off nokaslr no_timer_check"
	" tsc=reliable")
# Switches off the kernel's report of workers that keep their CPU for long. A busy host makes every worker slow, so the
# report means something only if the guest's clock counts instructions.
NO_HOGS = "workqueue.cpu_intensive_warning_thresh=0"
# Parameters of the debug kernel. Without kasan_multi_shot KASAN ends with its first report. no5lvl: with five levels of page
# tables KASAN reports every address as wild if an interrupt comes during identify_cpu(), because identify_cpu() for a short
# time clears the flag that says that there are five levels.
CHECKERS = "page_poison=1 kasan_multi_shot no5lvl"


@dataclasses.dataclass
class Spec:
	"""What to boot and what to run in it."""
	directory: str			# for the files of this boot; keep_old() renames the directory of the boot before
	kernel: object			# kernel.Image
	vgpu: str			# path of the program vgpu
	command: str			# shell script that the guest runs
	params: str = ""		# further module parameters of amdgpu
	timeout: float = 120
	interactive: bool = False
	gpus: int = 1
	driver: bool = True		# load amdgpu before the command
	cwd: str = "/"
	seed: int = 0
	vgpu_options: str = ""		# further options of vgpu, quoted as for a shell
	sabotage: str = ""		# functions of the driver that do nothing, separated by commas
	memory_mb: int = MEMORY_MB
	icount: bool = False		# the guest's clock counts instructions, and one thread emulates both CPUs
	trace: bool = True		# vgpu writes its trace
	gdb: int = 0			# port of the host where gdb can attach; the guest waits for gdb
	shown: str = ""			# directory of the host that the guest mounts at cwd and can write to
	echo: object = None		# stream to which the command's output is copied while the command runs
	errors: object = None		# the same for what the command writes to ERRORS
	enough: object = None		# function that is called now and then; if it returns true, the boot ends early


@dataclasses.dataclass
class Outcome:
	status: int = None		# exit code of the command; None when it did not end
	problems: list = dataclasses.field(default_factory=list)
	seconds: float = 0
	ready: float = None		# uptime of the guest when the driver was loaded


class Gpu:
	"""The files of one simulated GPU: vgpu.* for the first GPU, vgpu1.* for the second, and so on."""

	def __init__(self, stem):
		self.name = os.path.basename(stem)
		self.socket = stem + ".sock"
		self.trace = stem + ".trace"
		self.log = stem + ".log"


class Boot:
	"""The directory of a boot, and the paths of the files in it."""

	def __init__(self, directory):
		self.directory = directory
		self.console = os.path.join(directory, "console.log")
		self.qemu_log = os.path.join(directory, "qemu.log")
		self.initrd = os.path.join(directory, "initrd")
		self.firmware = os.path.join(directory, "firmware")
		self.swap = os.path.join(directory, "swap")
		self.share = os.path.join(directory, "guest")
		self.output = os.path.join(self.share, "output")
		self.errors = os.path.join(self.share, ERRORS)
		self.dmesg = os.path.join(self.share, "dmesg")

	def gpu(self, number):
		"""The files of the GPU @number."""
		return Gpu(os.path.join(self.directory, f"vgpu{number or ''}"))

	def shared(self, name):
		"""Content of the file @name that the guest wrote, or None."""
		try:
			with open(os.path.join(self.share, name), encoding="utf-8", errors="replace") as f:
				return f.read()
		except FileNotFoundError:
			return None


def die_with_parent():
	"""Called in a child: let the kernel kill the child when this program is killed."""
	pr_set_pdeathsig = 1	# include/uapi/linux/prctl.h
	ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def start(argv, log, **kwargs):
	with open(log, "wb") as out:
		kwargs.setdefault("stdin", subprocess.DEVNULL)
		kwargs.setdefault("stdout", out)
		kwargs.setdefault("stderr", out)
		return subprocess.Popen(argv, preexec_fn=die_with_parent, **kwargs)


def tail(path, lines=3):
	try:
		with open(path, encoding="utf-8", errors="replace") as f:
			return " | ".join(f.read().split("\n")[-lines - 1:]).strip(" |")
	except FileNotFoundError:
		return ""


def make_swap(path):
	"""Make a sparse file with an empty swap area, so that only pages that are paged out take space."""
	size = SWAP_MB << 20
	# As union swap_header in include/linux/swap.h: behind a kilobyte for boot loaders are version, last page, number of bad
	# pages.
	head = bytes(1024) + struct.pack("<III", 1, size // PAGE - 1, 0)
	magic = b"SWAPSPACE2"
	with open(path, "wb") as f:
		f.write(head.ljust(PAGE - len(magic), b"\0") + magic)
		f.truncate(size)


def guest_scripts():
	"""The scripts of the folder guest that the command of a boot may call by script_line()."""
	return sorted(name for name in os.listdir(step.GUEST) if name.endswith(".sh"))


def script_line(script, *words):
	"""A shell command that runs @script of the folder guest with the arguments @words, quoted so that each stays one word."""
	return shlex.join(["sh", os.path.join(SHARE, script), *map(str, words)])


def keep_old(directory):
	"""
	Rename the @directory of the boot before to DIRECTORY.1, the directory DIRECTORY.1 to DIRECTORY.2 and so on, up to
	KEPT_BOOTS. Files that can be made again are removed. The trace of the GPU is compressed, because it is most of the rest.
	"""
	shutil.rmtree(f"{directory}.{KEPT_BOOTS}", ignore_errors=True)
	for number in range(KEPT_BOOTS - 1, 0, -1):
		if os.path.isdir(f"{directory}.{number}"):
			os.rename(f"{directory}.{number}", f"{directory}.{number + 1}")
	if not os.path.isdir(directory):
		return
	old = f"{directory}.1"
	os.rename(directory, old)
	boot = Boot(old)
	shutil.rmtree(boot.firmware, ignore_errors=True)
	for path in (boot.initrd, boot.swap):
		if os.path.exists(path):
			os.unlink(path)
	traces = glob.glob(os.path.join(old, "*.trace"))
	if traces:
		subprocess.run(["zstd", "--quiet", "--rm", *traces], check=False)


def prepare(spec, boot):
	keep_old(boot.directory)
	os.makedirs(boot.share)
	with open(boot.initrd, "wb") as f:
		f.write(initrd.build(spec.kernel))
	# The share has a copy of each script, so that an edit of the checkout cannot change a running boot.
	for script in ("session", *guest_scripts()):
		shutil.copy(os.path.join(step.GUEST, script), boot.share)
	make_swap(boot.swap)
	with open(os.path.join(boot.share, "command"), "w", encoding="utf-8") as f:
		f.write(spec.command)
	size = shutil.get_terminal_size()
	config = {
		"MODULES": spec.kernel.modules,
		"FIRMWARE": boot.firmware,
		"DRIVER": "amdgpu" if spec.driver else "",
		"PARAMS": f"{PARAMS} {spec.params}",
		"DIRECTORY": spec.cwd,
		"SHOWN": "yes" if spec.shown else "",
		"ORACLE": spec.kernel.oracle,
		"SABOTAGE": spec.sabotage,
		"SWAP": f"{SWAP_MB}M",
		"CHECKERS": CHECKERS if spec.kernel.flavour else "",
		"INTERACTIVE": "yes" if spec.interactive else "",
		"ROWS": str(size.lines),
		"COLUMNS": str(size.columns),
		"TERMINAL": os.environ.get("TERM", "vt100"),
	}
	with open(os.path.join(boot.share, "config"), "w", encoding="utf-8") as f:
		for key, value in config.items():
			f.write(f"{key}={shlex.quote(value)}\n")


def start_vgpu(spec, gpu, seed, deadline):
	trace = ["--trace", gpu.trace] if spec.trace else []
	vgpu = start([spec.vgpu, "--socket", gpu.socket, *trace, "--seed", str(seed),
		*shlex.split(spec.vgpu_options)], gpu.log)
	# vgpu gives the socket this name only when it listens.
	while not os.path.exists(gpu.socket):
		if vgpu.poll() is not None:
			raise RuntimeError(f"{gpu.name} ended before it listened: {tail(gpu.log)}")
		if time.monotonic() > deadline:
			stop([vgpu])
			raise RuntimeError(f"{gpu.name} does not listen")
		time.sleep(POLL)
	return vgpu


def start_vgpus(spec, boot, deadline):
	"""Start the program vgpu for each GPU, each with a seed of its own."""
	os.makedirs(boot.firmware)
	subprocess.run([spec.vgpu, "--write-images", boot.firmware], check=True)
	vgpus = []
	try:
		for number in range(spec.gpus):
			seed = (spec.seed + number * SEED_STEP) % 2**64
			vgpus.append(start_vgpu(spec, boot.gpu(number), seed, deadline))
	except BaseException:
		stop(vgpus)
		raise
	return vgpus


def stop(processes):
	for process in processes:
		if process.poll() is None:
			process.kill()
			process.wait()


def share(tag, path, *options):
	return ["-fsdev", ",".join(["local", f"id={tag}", f"path={path}", "security_model=none",
			"multidevs=remap", *options]),
		"-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]


def qemu_argv(spec, boot):
	half = spec.memory_mb // CPUS
	threads = ["-accel", "tcg,thread=single", "-icount", ICOUNT] if spec.icount else ["-accel", "tcg,thread=multi"]
	# i8042=off: nobody types, and without a PS/2 controller the kernel spends no time to probe it.
	argv = ["qemu-system-x86_64", *threads, "-M", "q35,i8042=off", "-cpu", "max",
		"-m", f"{spec.memory_mb}M", "-smp", f"{CPUS},sockets={CPUS}", "-nodefaults", "-display", "none", "-no-reboot"]
	# memfd and share=on let vgpu map the guest's RAM. With two NUMA nodes tests can make pages migrate.
	for node in range(CPUS):
		argv += ["-object", f"memory-backend-memfd,id=ram{node},size={half}M,share=on",
			"-numa", f"node,nodeid={node},cpus={node},memdev=ram{node}"]
	for number in range(spec.gpus):
		port = f"gpu-port{number}"
		gpu = {"driver": "vfio-user-pci", "bus": port,
			"socket": {"path": boot.gpu(number).socket, "type": "unix"}}
		argv += ["-device", f"pcie-root-port,id={port},bus=pcie.0,chassis={number + 1},addr={FIRST_SLOT + number}",
			"-device", json.dumps(gpu)]
	argv += share("host", "/", "readonly=on") + share("results", boot.share)
	if spec.shown:
		argv += share("shown", spec.shown)
	# cache=unsafe: nobody needs the swap file after the boot, so its content need not reach the host's disk.
	argv += ["-drive", f"if=none,id=swap,format=raw,cache=unsafe,file={boot.swap}",
		"-device", "virtio-blk-pci,drive=swap"]
	if spec.interactive:
		# The console goes to the terminal, and also to the log, which the verdict needs.
		argv += ["-chardev", f"stdio,id=console,signal=off,logfile={boot.console}"]
	else:
		argv += ["-chardev", f"file,id=console,path={boot.console}"]
	argv += ["-serial", "chardev:console"]
	level = 4 if spec.interactive else 6
	words = [CMDLINE, f"loglevel={level}"]
	if not spec.icount:
		words.append(NO_HOGS)
	if spec.kernel.flavour:
		words.append(CHECKERS)
	if spec.gdb:
		argv += ["-gdb", f"tcp:127.0.0.1:{spec.gdb}", "-S"]
	argv += ["-kernel", spec.kernel.image, "-initrd", boot.initrd, "-append", " ".join(words)]
	return argv


class Echo:
	"""Copies a file to a stream while the file grows."""

	def __init__(self, path, stream):
		self.path, self.stream, self.position = path, stream, 0

	def pump(self):
		if not self.stream or not os.path.exists(self.path):
			return
		with open(self.path, "rb") as f:
			f.seek(self.position)
			data = f.read()
		self.position += len(data)
		# Bytes, because a piece of the file may end in the middle of a character.
		self.stream.flush()
		self.stream.buffer.write(data)
		self.stream.buffer.flush()


def ends_line(path):
	"""Is the last line of the file complete? True also if there is no line."""
	try:
		with open(path, "rb") as f:
			f.seek(-1, os.SEEK_END)
			return f.read() == b"\n"
	except OSError:	# no file, or nothing in it
		return True


def pump(echoes):
	for echo in echoes:
		echo.pump()


def judge_gpu(spec, gpu, vgpu):
	"""Wait until the program of a GPU ends; the reason why the boot failed because of it, or None."""
	try:
		vgpu.wait(GRACE)
	except subprocess.TimeoutExpired:
		stop([vgpu])
		return f"{gpu.name} did not end with QEMU"
	if vgpu.returncode:
		return f"{gpu.name} ended with {vgpu.returncode}: {tail(gpu.log)}"
	if spec.kernel.oracle and "oracle: silent" in tail(gpu.log):
		return f"the page oracle of {gpu.name} heard nothing from the guest"
	return None


def watch(spec, boot, qemu, vgpus, deadline, problems):
	"""Wait until QEMU ends. End it if the program of a GPU failed, at the deadline, or if the boot has shown enough."""
	echoes = [Echo(boot.output, spec.echo), Echo(boot.errors, spec.errors)]
	while qemu.poll() is None:
		if any(vgpu.poll() not in (None, 0) for vgpu in vgpus):
			break
		if time.monotonic() > deadline:
			problems.append(f"no end after {spec.timeout:.0f} s; last console lines: {tail(boot.console)}")
			break
		if spec.enough and spec.enough():
			break
		pump(echoes)
		time.sleep(POLL)
	stop([qemu])
	pump(echoes)
	found = [judge_gpu(spec, boot.gpu(number), vgpu) for number, vgpu in enumerate(vgpus)]
	problems += filter(None, found)


def unpack(boot):
	"""Unpack each archive NAME.tar that the guest left in the share to the directory NAME."""
	for name in os.listdir(boot.share):
		stem, suffix = os.path.splitext(name)
		if suffix == ".tar":
			archive = os.path.join(boot.share, name)
			subprocess.run(["tar", "-C", boot.share, "--one-top-level=" + stem, "-xf", archive], check=False)
			os.unlink(archive)


def boot_guest(spec):
	"""Boot a guest, run the command and power off. The Outcome says what went wrong; a failure raises no exception."""
	boot, outcome = Boot(spec.directory), Outcome()
	begin = time.monotonic()
	deadline = begin + spec.timeout if spec.timeout else float("inf")
	prepare(spec, boot)
	try:
		vgpus = start_vgpus(spec, boot, deadline)
	except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
		outcome.problems.append(str(error))
		return outcome
	terminal = {"stdin": None, "stdout": None} if spec.interactive else {}
	qemu = start(qemu_argv(spec, boot), boot.qemu_log, **terminal)
	try:
		watch(spec, boot, qemu, vgpus, deadline, outcome.problems)
	finally:
		stop([qemu, *vgpus])
		os.unlink(boot.swap)
	unpack(boot)

	if qemu.returncode not in (0, -signal.SIGKILL):
		outcome.problems.append(f"QEMU ended with {qemu.returncode}: {tail(boot.qemu_log)}")
	failed, status, ready = (boot.shared(name) for name in ("failed", "status", "ready"))
	if failed:
		outcome.problems.append(failed.strip())
	if status:
		outcome.status = int(status)
	elif not outcome.problems:
		outcome.problems.append(f"the command did not end; last console lines: {tail(boot.console)}")
	if ready:
		outcome.ready = float(ready)
	outcome.seconds = time.monotonic() - begin
	return outcome

# SPDX-License-Identifier: MIT
"""
Boots the test guest once: starts the simulated GPUs and QEMU, waits for the end or a deadline, and judges the boot.
"""

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
from harness.build import machine

CPUS = 2
SWAP_MB = 256			# size of zram, and also of the swap disk
# The guest's clock advances by 2^1 ns for each instruction, about the time in which the host emulates one. While the
# guest sleeps, its clock follows the host's.
ICOUNT = "shift=1,sleep=on"
# {value of --accel: (QEMU's accelerator, processor of the x86-64 guest)}.
TCG, KVM = "tcg", "kvm"
ACCELS = {TCG: ("tcg,thread=multi", "max"), KVM: ("kvm", "host")}
# The accelerator of each boot whose Spec names no other. KVM is used only if the user asks for it, also where /dev/kvm
# opens: on some machines it opens, and a guest hangs.
accel = TCG
POLL = 0.05			# seconds between two looks at QEMU and the vgpu processes
GRACE = 10			# seconds that vgpu has to end after QEMU has ended
FIRST_SLOT = 4			# the slot on the PCIe bus of the first GPU's root port
SHARE = "/run/guest"		# where the guest mounts the share of the boot (guest/init)
ERRORS = "errors"		# file in the share with standard error of the command, if ./run exec keeps it apart
KEPT_BOOTS = 4			# how many earlier boots of the same section keep their files
# Each further GPU gets a seed that is larger by this number than that of the GPU before it. The number is large, so
# that hardly anybody uses such a seed for the first GPU of another run.
SEED_STEP = 1 << 32

# {architecture: the words that start QEMU with such a machine}. i8042=off: nobody types, and without a PS/2 controller
# the kernel spends no time to probe it. its=on: GICv3's ITS takes the message-signalled interrupts of PCI devices.
QEMU = {"x86": ("qemu-system-x86_64", "-M", "q35,i8042=off"), "arm64": ("qemu-system-aarch64", "-M", "virt,gic-version=3,its=on")}

# Parameters of amdgpu in every boot. igt-tests/harness/README.md gives the reason for each.
PARAMS = "discovery=2 fw_load_type=0 dpm=0 gpu_recovery=0 reset_method=0"
# log_buf_len: the kernel's log must have room for all messages of a boot, because the harness reads it only at the end,
# and also judges the driver's first messages.
CMDLINE = "rdinit=/init oops=panic panic=-1 mitigations=off nokaslr log_buf_len=1M"
# {architecture: further words of the kernel's command line}.
# no_timer_check: on a busy machine the emulated timer can be too late for the kernel's test of the timer.
# tsc=reliable: the emulated CPUs share one TSC. Reading another clock would leave the guest each time, which is slow.
CMDLINE_OF = {"x86": "console=ttyS0 no_timer_check tsc=reliable", "arm64": "console=ttyAMA0"}
# Switches off the kernel's report of workers that keep their CPU for long. A busy host makes every worker slow, so the
# report means something only if the guest's clock counts instructions.
NO_HOGS = "workqueue.cpu_intensive_warning_thresh=0"
# The IOMMU of the guest, for QEMU and for the kernel's command line. caching-mode=on: the guest tells QEMU of each new
# mapping, so that QEMU can tell vgpu; QEMU refuses vfio-user devices without it. intremap=off: interrupts are not
# translated. strict: an unmapping ends before the DMA API returns, so the GPU cannot use a page for a moment longer.
IOMMU = "intel-iommu,caching-mode=on,intremap=off"
TRANSLATED = "an IOMMU translated"	# in the log of vgpu if the guest's IOMMU did so for this GPU
IOMMU_CMDLINE = "intel_iommu=on iommu.passthrough=0 iommu.strict=1"
# Parameters of the debug kernel. page_poison=1: the kernel checks that nobody has written to a free page.
# kasan_multi_shot: KASAN goes on after its first report. no5lvl: with five levels of page tables KASAN reports every
# address as wild if an interrupt comes during identify_cpu(), because identify_cpu() for a short time clears the flag
# that says that there are five levels.
CHECKERS = "page_poison=1 kasan_multi_shot no5lvl"


@dataclasses.dataclass
class Spec:
	"""Describes a boot: its kernel, its devices, and the command that the guest runs."""
	directory: str			# for the files of this boot; keep_old() moves those of the last boot away
	kernel: object			# kernel.Image
	vgpu: str			# path of the program vgpu
	command: str			# text of the shell script that the guest runs
	params: str = ""		# module parameters of amdgpu besides PARAMS
	timeout: float = 120		# seconds for the boot as a whole; 0: without limit
	interactive: bool = False	# true: the command uses the terminal of the user
	gpus: int = 1			# number of simulated GPUs
	driver: bool = True		# true: the guest loads amdgpu before the command
	cwd: str = "/"			# the command's directory in the guest
	seed: int = 0			# seed of the first GPU's schedule
	vgpu_options: str = ""		# further options of vgpu, quoted as for a shell
	sabotage: str = ""		# kernel functions, separated by commas, that vgpu_sabotage.ko lets do nothing
	memory_mb: int = machine.of(None).memory_mb
	movable: str = ""		# how much of the memory is only for pages that the kernel can move; empty: none
	icount: bool = False		# true: the guest's clock counts instructions, and one thread emulates both CPUs
	accel: str = dataclasses.field(default_factory=lambda: accel)	# a key of ACCELS; with icount it is TCG
	iommu: bool = False		# true: the x86-64 guest has an IOMMU that translates
	trace: bool = True		# true: vgpu writes its trace
	gdb: int = 0			# port for gdb; the guest waits until gdb attaches; 0: without gdb
	shown: str = ""			# directory that the guest mounts at cwd and can write to; empty: none
	echo: object = None		# stream to which the command's output is copied while the command runs
	errors: object = None		# stream to which the file ERRORS of the share is copied while the command runs
	enough: object = None		# function that watch() calls repeatedly; when it returns true, the boot ends


@dataclasses.dataclass
class Outcome:
	status: int = None		# exit status of the command; None if the command did not end
	problems: list = dataclasses.field(default_factory=list)	# why the boot failed; empty if it did not
	seconds: float = 0		# how long the boot took
	ready: float = None		# the guest's uptime when the driver was loaded; None if that did not happen


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
		self.late = os.path.join(self.share, "late")

	def gpu(self, number):
		"""Returns the files of the GPU @number, counted from 0."""
		return Gpu(os.path.join(self.directory, f"vgpu{number or ''}"))

	def shared(self, name):
		"""Returns the content of the file @name in the share, or None if the guest has not written it."""
		try:
			with open(os.path.join(self.share, name), encoding="utf-8", errors="replace") as f:
				return f.read()
		except FileNotFoundError:
			return None


def set_accel(wanted):
	"""Let all boots from now on use the accelerator @wanted, a key of ACCELS, or TCG if it is None."""
	global accel
	accel = wanted or TCG


def die_with_parent():
	"""Popen() calls this in a child: let the kernel kill the child when this program ends."""
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


def make_swap(path, page):
	"""
	Make the file of the swap disk for a guest whose pages have @page bytes. It is sparse, so it takes space only for
	pages that the guest pages out.
	"""
	size = SWAP_MB << 20
	# The head of a swap area is a union swap_header (include/linux/swap.h): a kilobyte for boot loaders, then
	# version, number of the last page, and number of bad pages. The magic is at the end of the first page.
	head = bytes(1024) + struct.pack("<III", 1, size // page - 1, 0)
	magic = b"SWAPSPACE2"
	with open(path, "wb") as f:
		f.write(head.ljust(page - len(magic), b"\0") + magic)
		f.truncate(size)


def guest_scripts():
	"""
	Returns the names of the scripts in the folder guest, which the command of a boot may call by script_line().
	"""
	return sorted(name for name in os.listdir(step.GUEST) if name.endswith(".sh"))


def script_line(script, *words):
	"""
	Returns a shell command that runs @script of the folder guest with the arguments @words. Each stays one word.
	"""
	return shlex.join(["sh", os.path.join(SHARE, script), *map(str, words)])


def keep_old(directory):
	"""
	Keep the files of the last boot in @directory: rename the directory to DIRECTORY.1, the one that was DIRECTORY.1
	to DIRECTORY.2 and so on, up to KEPT_BOOTS. Remove files that the harness can make again, and compress the
	traces of the GPUs, because most of the remaining bytes are in traces.
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
	make_swap(boot.swap, spec.kernel.machine.page)
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
		"CHECKERS": CHECKERS if spec.kernel.has_checkers else "",
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
	# vgpu makes the socket under another name, and renames it to gpu.socket when it listens. So QEMU can connect as
	# soon as gpu.socket exists.
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
	# The images depend on some options of vgpu, such as --xccs.
	subprocess.run([spec.vgpu, "--write-images", boot.firmware, *shlex.split(spec.vgpu_options)], check=True)
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


def accel_words(spec):
	"""Returns QEMU's words that say how it executes the guest's CPUs."""
	if spec.icount:
		return ["-accel", "tcg,thread=single", "-icount", ICOUNT, "-cpu", "max"]
	accelerator, processor = ACCELS[spec.accel]
	return ["-accel", accelerator, "-cpu", processor]


def qemu_argv(spec, boot):
	half, kind = spec.memory_mb // CPUS, spec.kernel.machine
	argv = [*QEMU[kind.arch], *accel_words(spec),
		"-m", f"{spec.memory_mb}M", "-smp", f"{CPUS},sockets={CPUS}", "-nodefaults", "-display", "none", "-no-reboot"]
	# memfd and share=on let vgpu map the guest's RAM. With two NUMA nodes tests can make pages migrate.
	for node in range(CPUS):
		argv += ["-object", f"memory-backend-memfd,id=ram{node},size={half}M,share=on",
			"-numa", f"node,nodeid={node},cpus={node},memdev=ram{node}"]
	if spec.iommu:
		argv += ["-device", IOMMU]	# before the GPUs, because QEMU gives each device its address space when it adds it
	for number in range(spec.gpus):
		port = f"gpu-port{number}"
		gpu = {"driver": "vfio-user-pci", "bus": port,
			"socket": {"path": boot.gpu(number).socket, "type": "unix"}}
		argv += ["-device", f"pcie-root-port,id={port},bus=pcie.0,chassis={number + 1},addr={FIRST_SLOT + number}",
			"-device", json.dumps(gpu)]
	argv += share("host", kind.root, "readonly=on") + share("results", boot.share)
	if spec.shown:
		argv += share("shown", spec.shown)
	# cache=unsafe: nobody needs the swap file after the boot, so its content need not reach the host's disk.
	argv += ["-drive", f"if=none,id=swap,format=raw,cache=unsafe,file={boot.swap}",
		"-device", "virtio-blk-pci,drive=swap"]
	if spec.interactive:
		# Connect the guest's console to the terminal, and also write it to the log, which the verdict needs.
		argv += ["-chardev", f"stdio,id=console,signal=off,logfile={boot.console}"]
	else:
		argv += ["-chardev", f"file,id=console,path={boot.console}"]
	argv += ["-serial", "chardev:console"]
	level = 4 if spec.interactive else 6
	words = [CMDLINE, CMDLINE_OF[kind.arch], f"loglevel={level}"]
	if not spec.icount:
		words.append(NO_HOGS)
	if spec.iommu:
		words.append(IOMMU_CMDLINE)
	if spec.movable:
		words.append(f"movablecore={spec.movable}")
	if spec.kernel.has_checkers:
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
		# Write bytes and not text, because @data may end in the middle of a character.
		self.stream.flush()
		self.stream.buffer.write(data)
		self.stream.buffer.flush()


def ends_line(path):
	"""Returns whether the last line of the file @path is complete, and also true if the file has no line."""
	try:
		with open(path, "rb") as f:
			f.seek(-1, os.SEEK_END)
			return f.read() == b"\n"
	except OSError:	# the file does not exist or is empty
		return True


def pump(echoes):
	for echo in echoes:
		echo.pump()


def judge_gpu(spec, gpu, vgpu):
	"""Wait until @vgpu, the process of @gpu, ends. Returns why the boot failed because of it, or None."""
	try:
		vgpu.wait(GRACE)
	except subprocess.TimeoutExpired:
		stop([vgpu])
		return f"{gpu.name} did not end with QEMU"
	if vgpu.returncode:
		return f"{gpu.name} ended with {vgpu.returncode}: {tail(gpu.log)}"
	if spec.kernel.oracle and "oracle: silent" in tail(gpu.log):
		return f"the page oracle of {gpu.name} heard nothing from the guest"
	if spec.iommu and TRANSLATED not in tail(gpu.log):
		return f"no IOMMU translated addresses of {gpu.name}"
	return None


def watch(spec, boot, qemu, vgpus, deadline, problems):
	"""
	Wait until QEMU ends. End it at the deadline, or if a vgpu process has failed, or if spec.enough() returns true.
	Adds to @problems.
	"""
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
	"""
	Boot a guest, run the command and power off. The Outcome says what went wrong; a failure raises no exception.
	"""
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

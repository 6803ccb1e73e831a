# SPDX-License-Identifier: MIT
"""Tests the messages of `run` if the machine cannot set up the root, and that an ended run leaves no process behind."""

import contextlib
import glob
import os
import select
import subprocess
import tempfile
import time
import unittest

from harness.door.host import ROOMY, RUN, Host, Result

# A shell command that fills the disk: it writes 4 MiB, and the case makes the cache 1 MiB large.
FILL = "dd if=/dev/zero of={} bs=64k count=64 2>&1\n"
ELSEWHERE = "AMDGPU_USERPTR_CACHE names another directory for the cache"
LEFT_MOUNT = 99		# the status of host.sh if a run has left a mount in the root of the cache
# How many seconds to wait for something that takes long on a busy machine.
PATIENCE = 120
# Shell commands that the stub of debootstrap runs: they write to the FIFO "reached", and wait until the case writes to the
# FIFO "go". "<>" opens a FIFO without waiting for its other end.
WAIT = f'echo > "$DOOR/reached"; read -r -t {PATIENCE} _ <> "$DOOR/go"\n'


def processes(directory):
	"""Returns the numbers of the processes that still run on the host in @directory."""
	found = []
	for path in glob.glob("/proc/[0-9]*/environ"):
		try:
			with open(path, "rb") as f:
				found += [int(path.split("/")[2])] if f"DOOR={directory}\0".encode() in f.read() else []
		except OSError:	# the process has ended in the meantime
			pass
	return found


@contextlib.contextmanager
def fifo(path):
	"""
	Open the FIFO @path during a "with" block, and make it unless a process of the host has done so. Yields a descriptor
	of both ends, so that a process that opens the FIFO meanwhile does not wait for the other end. After the block a
	process that has only the end for reading open gets an end of file.
	"""
	if not os.path.exists(path):
		os.mkfifo(path)
	descriptor = os.open(path, os.O_RDWR)
	try:
		yield descriptor
	finally:
		os.close(descriptor)


class SetUp(unittest.TestCase):
	def wait_for(self, what, file, seconds=PATIENCE):
		"""Wait until @file can be read. The descriptor of a process can be read when the process has ended."""
		self.assertTrue(select.select([file], [], [], max(seconds, 0))[0], f"no {what} after {PATIENCE} s")

	def wait_for_processes(self, host):
		"""Wait until no process runs on @host. Look again after each end, because a process may have started others."""
		deadline = time.monotonic() + PATIENCE
		while found := processes(host.directory):
			self.assertLess(time.monotonic(), deadline, found)
			try:
				descriptor = os.pidfd_open(found[0])
			except ProcessLookupError:	# the process has ended in the meantime
				continue
			try:
				self.wait_for(f"end of process {found[0]}", descriptor, deadline - time.monotonic())
			finally:
				os.close(descriptor)

	def fails(self, result, *words):
		"""Check that `run` failed with one line that has these @words."""
		self.assertEqual((1, 1), (result.status, result.err.count("\n")), result.err)
		for word in words:
			self.assertIn(word, result.err)

	def works(self, host, debootstraps):
		"""Check that `./run` reaches the harness, and that debootstrap has then run @debootstraps times on this host."""
		result = host.run("test", "style")
		self.assertEqual(0, result.status, result.err)
		self.assertIn("harness: test style", result.out)
		self.assertEqual(debootstraps, host.read("debootstrapped").count("\n"))
		self.assertNotIn("root.new", os.listdir(host.path("cache")))

	def test_small(self):
		"""a cache without room for a root is named before anything is downloaded"""
		with Host() as host:
			host.resize("9g")
			self.fails(host.run("test", "style"), "needs 12000 MB of free disk space", ELSEWHERE)
			self.assertEqual("", host.read("debootstrapped"))

	def test_full_debootstrap(self):
		"""a disk that is full during debootstrap is named, and the half-made root removed"""
		with Host() as host:
			host.write("debootstrap.sh", f"mount -o remount,size=1m {host.path('cache')}\n" + FILL.format('"$target/big"'))
			self.fails(host.run("test", "style"), "no space left on device", ELSEWHERE)
			self.assertNotIn("root.new", os.listdir(host.path("cache")))
			os.unlink(host.path("debootstrap.sh"))
			host.resize(ROOMY)
			self.works(host, debootstraps=2)

	def test_full_meanwhile(self):
		"""a disk that was full is named, although the program that filled it has removed its files"""
		with Host() as host:
			host.write("debootstrap.sh", "echo 'dpkg: error: No space left on device' >&2; exit 1\n")
			self.fails(host.run("test", "style"), "no space left on device", ELSEWHERE)

	def test_full_installation(self):
		"""a disk that is full during the installation is named, although the log is cut short; the installation goes on later"""
		with Host() as host:
			# The disk is full when apt-get prints why it fails. Its log is on that disk, so the log lacks
			# the message.
			host.write("debootstrap.sh", f"mount -o remount,size=4m {host.path('cache')}\n")
			host.write("apt-get.sh", "while echo 0123456789012345678901234567890123456789; do :; done > /big\nexit 1\n")
			self.fails(host.run("test", "style"), "no space left on device", ELSEWHERE)
			os.unlink(host.path("cache/root.new/big"))
			os.unlink(host.path("cache/root.new/etc/apt-get.sh"))
			self.works(host, debootstraps=1)

	def test_clean(self):
		"""clean makes room on a full disk"""
		with Host() as host:
			os.makedirs(host.path("cache/linux"))
			host.resize("1m")
			subprocess.run(FILL.format(host.path("cache/linux/big")), shell=True, check=False, capture_output=True)
			self.assertEqual(0, os.statvfs(host.path("cache")).f_bavail)
			result = host.run("clean", "--all")
			self.assertEqual(0, result.status, result.err)
			self.assertNotIn("linux", os.listdir(host.path("cache")))

	def test_unwritable(self):
		"""a cache that cannot be written to is named with the reason"""
		with Host() as host:
			self.fails(host.run("test", "style", AMDGPU_USERPTR_CACHE="/proc/cache"), "/proc/cache (No such file or directory)",
				ELSEWHERE)

	def test_chroot(self):
		"""a chroot whose / is no mount point is named, with the command that makes it one"""
		# The build root, in which this suite runs, is such a chroot.
		with tempfile.TemporaryDirectory() as cache:
			done = subprocess.run([RUN, "test", "style"], env={"PATH": "/usr/sbin:/usr/bin", "AMDGPU_USERPTR_CACHE": cache},
				stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
		self.fails(Result(done.returncode, done.stdout, done.stderr), "/ is no mount point",
			"mount --bind DIRECTORY DIRECTORY")

	def test_privileges(self):
		"""a container without privileges is named"""
		with Host() as host:
			self.fails(host.run("test", "style", words=("setpriv", "--bounding-set=-sys_admin", RUN)),
				"does not permit new mount and process namespaces (Operation not permitted)", "--privileged")

	def test_killed(self):
		"""a run that is killed during debootstrap leaves no process, and the next one starts anew"""
		with Host() as host, fifo(host.path("reached")) as reached, fifo(host.path("go")):
			host.write("debootstrap.sh", 'touch "$target/half"\n' + WAIT)
			with host.running("test", "style") as process:
				self.wait_for("debootstrap", reached)
				self.assertTrue(processes(host.directory))
				# The kernel sends SIGKILL when memory is short. `run` cannot catch it and so cannot
				# clean up.
				subprocess.run(["sh", "-c", f"kill -KILL {self.oldest(host)}"], check=True)
				self.assertNotEqual(LEFT_MOUNT, process.wait(PATIENCE))
				self.wait_for_processes(host)
			os.unlink(host.path("debootstrap.sh"))
			self.works(host, debootstraps=2)
			self.assertNotIn("half", os.listdir(host.path("cache/root")))

	def oldest(self, host):
		"""Returns the pid of the first process of `run`, the one that the user has started."""
		pids = []
		for pid in processes(host.directory):
			with open(f"/proc/{pid}/cmdline", "rb") as f:
				words = f.read().split(b"\0")
			pids += [pid] if RUN.encode() in words[:2] and b"@inside" not in words else []
		return min(pids)

	def test_killed_installation(self):
		"""a run that is killed during the installation leaves no process, and the next one goes on"""
		with Host() as host, fifo(host.path("made")) as made:
			host.write("debootstrap.sh", 'mkfifo "$target/etc/reached" "$target/etc/go"; echo > "$DOOR/made"\n')
			host.write("apt-get.sh", "[ ! -e /etc/reached ] || { exec 3< /etc/go; echo > /etc/reached; read -r _ <&3; }\n")
			with host.running("test", "style") as process:
				self.wait_for("debootstrap", made)
				etc = host.path("cache/root.new/etc/")
				with fifo(etc + "go"), fifo(etc + "reached") as reached:
					self.wait_for("apt-get", reached)
					subprocess.run(["kill", "-TERM", str(self.oldest(host))], check=True)
					self.assertNotEqual(LEFT_MOUNT, process.wait(PATIENCE))
					self.wait_for_processes(host)
			os.unlink(host.path("cache/root.new/etc/reached"))
			self.works(host, debootstraps=1)

	def test_two(self):
		"""of two runs the second says that it waits for the other one"""
		with Host() as host, fifo(host.path("reached")) as reached, fifo(host.path("go")) as go:
			host.write("debootstrap.sh", WAIT)
			with host.running("test", "style") as first:
				self.wait_for("debootstrap", reached)
				with host.running("test", "style") as second:
					self.wait_for("line of the second run", second.stdout)
					self.assertIn("waiting for another run to finish with", second.stdout.readline())
					os.write(go, b"\n")
					self.assertEqual(0, second.wait(PATIENCE))
					self.assertIn("harness: test style", second.stdout.read())
				self.assertEqual(0, first.wait(PATIENCE))
			self.assertEqual(1, host.read("debootstrapped").count("\n"))

	def test_page_size(self):
		"""--page-size 64k sets up what arm64 guests need, once; other runs do not"""
		with Host() as host:
			self.works(host, debootstraps=1)
			self.assertEqual(0, host.run("exec", "--page-size", "4k", "--", "prog", "--page-size", "64k").status)
			self.assertNotIn("aarch64", host.read("cache/root/var/apt-get"))
			self.assertFalse(os.path.exists(host.path("cache/arm64")))
			for words in (("--page-size", "64k"), ("--page-size=16k",)):
				result = host.run("test", "lib", *words)
				self.assertEqual(0, result.status, result.err)
				self.assertIn("harness: test lib --page-size", result.out)
			asked = host.read("cache/root/var/apt-get").splitlines()
			self.assertEqual(1, sum("gcc-aarch64-linux-gnu" in line for line in asked))
			unpacked, = [line for line in asked if "libdrm-amdgpu1" in line]
			self.assertIn("--download-only", unpacked)
			self.assertIn("config=/etc/apt/arm64.conf", unpacked)
			self.assertNotIn("arm64", os.listdir(host.path("cache/root/var/tmp")))

	def test_page_size_fails(self):
		"""a set-up for arm64 guests that fails goes on later"""
		with Host() as host:
			self.works(host, debootstraps=1)
			host.write("cache/root/etc/apt-get.sh", "case $* in *download-only*) echo 'Temporary failure' >&2; exit 100 ;; esac\n")
			self.fails(host.run("test", "lib", "--page-size", "64k"), "unpacking the root of the arm64 guests failed", "cannot be reached")
			os.unlink(host.path("cache/root/etc/apt-get.sh"))
			result = host.run("test", "lib", "--page-size", "64k")
			self.assertEqual(0, result.status, result.err)
			self.assertEqual(1, sum("gcc-aarch64-linux-gnu" in line for line in host.read("cache/root/var/apt-get").splitlines()))

	def test_terminal(self):
		"""shell without a terminal ends at once, and names a command that needs none"""
		with Host() as host:
			self.fails(host.run("shell"), "shell needs a terminal; without one: ./run exec")
			self.assertEqual("", host.read("asked"))


if __name__ == "__main__":
	unittest.main()

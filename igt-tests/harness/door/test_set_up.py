# SPDX-License-Identifier: MIT
"""Tests the messages of `run` if the machine cannot set up the root, and that an ended run leaves no process behind."""

import glob
import os
import subprocess
import tempfile
import time
import unittest

from harness.door.host import ROOMY, RUN, Host, Result

# A shell command that fills the disk: it writes 4 MiB, and the case makes the cache 1 MiB large.
FILL = "dd if=/dev/zero of={} bs=64k count=64 2>&1\n"
ELSEWHERE = "AMDGPU_USERPTR_CACHE names another directory for the cache"
# How many seconds to wait for something that takes long on a busy machine.
PATIENCE = 120
# Shell commands that a stub runs: they make the file "reached", and wait until the case makes the file "go".
WAIT = 'touch "{0}/reached"; while [ ! -e "{0}/go" ]; do sleep 0.1; done\n'


def processes(directory):
	"""Returns the files /proc/PID/environ of the processes that still run on the host in @directory."""
	found = []
	for path in glob.glob("/proc/[0-9]*/environ"):
		try:
			with open(path, "rb") as f:
				found += [path] if f"DOOR={directory}\0".encode() in f.read() else []
		except OSError:	# the process has ended in the meantime
			pass
	return found


class SetUp(unittest.TestCase):
	def wait_for(self, what, condition):
		deadline = time.monotonic() + PATIENCE
		while not condition():
			self.assertLess(time.monotonic(), deadline, what)
			time.sleep(0.05)

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
		with Host() as host:
			host.write("debootstrap.sh", 'touch "$target/half"\n' + WAIT.format("$DOOR"))
			with host.running("test", "style") as process:
				self.wait_for("debootstrap", lambda: os.path.exists(host.path("reached")))
				self.assertTrue(processes(host.directory))
				# The kernel sends SIGKILL when memory is short. `run` cannot catch it and so cannot
				# clean up.
				subprocess.run(["sh", "-c", f"kill -KILL {self.oldest(host)}"], check=True)
				self.wait_for("end", lambda: process.poll() is not None)
				self.wait_for("processes", lambda: not processes(host.directory))
			os.unlink(host.path("debootstrap.sh"))
			self.works(host, debootstraps=2)
			self.assertNotIn("half", os.listdir(host.path("cache/root")))

	def oldest(self, host):
		"""Returns the pid of the first process of `run`, the one that the user has started."""
		pids = []
		for path in processes(host.directory):
			with open(path.replace("environ", "cmdline"), "rb") as f:
				words = f.read().split(b"\0")
			pids += [int(path.split("/")[2])] if RUN.encode() in words[:2] and b"@inside" not in words else []
		return min(pids)

	def test_killed_installation(self):
		"""a run that is killed during the installation leaves no process, and the next one goes on"""
		with Host() as host:
			host.write("apt-get.sh", "[ ! -e /etc/wait ] || { : > /etc/reached; while :; do :; done; }\n")
			host.write("debootstrap.sh", '[ -e "$target/etc/wait" ] || touch "$target/etc/wait"\n')
			with host.running("test", "style") as process:
				self.wait_for("apt-get", lambda: os.path.exists(host.path("cache/root.new/etc/reached")))
				subprocess.run(["kill", "-TERM", str(self.oldest(host))], check=True)
				self.wait_for("end", lambda: process.poll() is not None)
				self.wait_for("processes", lambda: not processes(host.directory))
			os.unlink(host.path("cache/root.new/etc/wait"))
			self.works(host, debootstraps=1)

	def test_two(self):
		"""of two runs the second says that it waits for the other one"""
		with Host() as host:
			host.write("debootstrap.sh", WAIT.format("$DOOR"))
			with host.running("test", "style") as first:
				self.wait_for("debootstrap", lambda: os.path.exists(host.path("reached")))
				with host.running("test", "style") as second:
					self.assertIn("waiting for another run to finish with", second.stdout.readline())
					host.write("go", "")
					self.assertIn("harness: test style", second.stdout.read())
					self.assertEqual(0, second.wait())
				self.assertEqual(0, first.wait())
			self.assertEqual(1, host.read("debootstrapped").count("\n"))

	def test_terminal(self):
		"""shell without a terminal ends at once, and names a command that needs none"""
		with Host() as host:
			self.fails(host.run("shell"), "shell needs a terminal; without one: ./run exec")
			self.assertEqual("", host.read("asked"))


if __name__ == "__main__":
	unittest.main()

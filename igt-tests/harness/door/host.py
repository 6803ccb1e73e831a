# SPDX-License-Identifier: MIT
"""
Makes up a host on which a case starts `run`. Its apt sources, its home, its internet and its cache are directories, and
programs in the folder stubs stand for debootstrap and apt.
"""

import contextlib
import dataclasses
import os
import shutil
import subprocess
import tempfile

from harness import step

HERE = os.path.join(step.PROJECT, "igt-tests/harness/door")
RUN = os.path.join(step.PROJECT, "run")
DEBIAN = "http://deb.debian.org/debian"
SUITES = {"forky": "Debian", "trixie-backports": "Debian Backports"}
# The size of the cache's file system. It is a tmpfs, so it takes only the memory that the cases fill, which is little.
# `run` refuses a cache with less than NEED_MB of free space.
ROOMY = "14g"


@dataclasses.dataclass
class Result:
	"""How a call of `run` ended."""
	status: int
	out: str
	err: str


class Host:
	"""A host that exists during a "with" block. Its cache is a file system of its own."""

	def __enter__(self):
		self.directory = tempfile.mkdtemp(prefix="door.")
		# Processes of another user need access, too.
		os.chmod(self.directory, 0o755)
		for name in ("host", "apt/apt.conf.d", "apt/sources.list.d", "home", "net", "cache", "build", "dir"):
			os.makedirs(self.path(name))
		subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + ROOMY, "cache", self.path("cache")], check=True)
		self.serve(DEBIAN)
		return self

	def __exit__(self, *_):
		subprocess.run(["umount", self.path("cache")], check=True)
		shutil.rmtree(self.directory)

	def path(self, name):
		return os.path.join(self.directory, name)

	def read(self, name):
		return step.read_or(self.path(name))

	def write(self, name, text):
		os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
		step.write(self.path(name), text)

	def serve(self, address, suites=None):
		"""
		Put an archive of packages with these @suites, {suite: origin}, at @address of the made-up internet.
		"""
		for suite, origin in (SUITES if suites is None else suites).items():
			self.write(f"net/{address.split('://')[1]}/dists/{suite}/Release", f"Origin: {origin}\nCodename: {suite}\n")

	def resize(self, size):
		"""Give the file system of the cache the size @size."""
		subprocess.run(["mount", "-o", f"remount,size={size}", self.path("cache")], check=True)

	def command(self, arguments, network=True, stubs=True, words=(RUN,), **variables):
		path = [os.path.join(HERE, "stubs")] if stubs else []
		environment = {"PATH": ":".join([*path, "/usr/sbin", "/usr/bin"]), "HOME": "/root", "DOOR": self.directory,
			"LC_ALL": "C.UTF-8", "AMDGPU_USERPTR_CACHE": self.path("cache"), **variables}
		settings = [f"{name}={value}" for name, value in environment.items() if value is not None]
		# --propagation unchanged: unshare could not change the propagation of /, because in the build root / is
		# no mount point.
		return ["unshare", "--mount", "--propagation", "unchanged", *([] if network else ["--net"]),
			os.path.join(HERE, "host.sh"), self.directory, "env", "-i", *settings, *words, *arguments]

	def run(self, *arguments, **options):
		"""Run `./run` with @arguments on this host. Returns the Result."""
		done = subprocess.run(self.command(arguments, **options), stdin=subprocess.DEVNULL, capture_output=True, text=True,
			timeout=300, check=False)
		return Result(done.returncode, done.stdout, done.stderr)

	def python(self, code, **options):
		"""Run the Python @code, which uses modules of the harness, on this host. Returns the Result."""
		code = f"import sys\nsys.path.insert(0, '{step.PROJECT}/igt-tests')\n" + code
		return self.run("-c", code, words=("python3", "-B"), **options)

	@contextlib.contextmanager
	def running(self, *arguments, **options):
		"""Run `./run` with @arguments in the background during a "with" block."""
		with subprocess.Popen(self.command(arguments, **options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
				stderr=subprocess.STDOUT, text=True) as process:
			try:
				yield process
			finally:
				process.kill()

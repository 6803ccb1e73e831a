# SPDX-License-Identifier: MIT
"""Makes the guest's initramfs from a list of files."""

import lzma
import os
import stat
import subprocess

from harness import step

BUSYBOX = "usr/bin/busybox"	# in the guest's root

# The guest needs these modules before it can mount the build root as its root. A kernel may have some of them built in.
EARLY_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")

# guest/init uses these commands of busybox and these directories.
APPLETS = ("sh", "mount", "insmod", "mkdir", "switch_root", "poweroff")
DIRECTORIES = ("bin", "proc", "sys", "dev", "layers", "newroot", "modules")


class Cpio:
	"""A cpio archive in the "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst)."""

	MAGIC = b"070701"

	def __init__(self):
		self.data = bytearray()
		self.inode = 0

	def _pad(self):
		self.data += bytes(-len(self.data) % 4)

	def add(self, name, mode, content=b""):
		self.inode += 1
		path = name.encode() + b"\0"
		links, uid, gid, mtime = 1, 0, 0, 0
		device = (0, 0, 0, 0)
		fields = (self.inode, mode, uid, gid, links, mtime, len(content), *device, len(path), 0)
		self.data += self.MAGIC + b"".join(b"%08X" % field for field in fields) + path
		self._pad()
		self.data += content
		self._pad()

	def directory(self, name):
		self.add(name, stat.S_IFDIR | 0o755)

	def file(self, name, content, mode=0o644):
		self.add(name, stat.S_IFREG | mode, content)

	def symlink(self, name, target):
		self.add(name, stat.S_IFLNK | 0o777, target.encode())

	def finish(self):
		self.add("TRAILER!!!", 0)
		return bytes(self.data)


def read(path):
	with open(path, "rb") as f:
		return f.read()


def module_content(path):
	content = read(path)
	if path.endswith(".xz"):
		return lzma.decompress(content)
	if path.endswith(".zst"):
		return subprocess.run(["zstd", "-dc", path], check=True, capture_output=True).stdout
	return content


def load_order(kernel):
	"""
	Returns the paths of the EARLY_MODULES that @kernel does not have built in, each behind the modules that it
	needs.
	"""
	order = []
	for module in EARLY_MODULES:
		shown = subprocess.run(
			["modprobe", "-d", kernel.modules, "-S", kernel.release, "--show-depends", module],
			capture_output=True, text=True)
		for line in shown.stdout.splitlines():
			words = line.split()
			if words[0] == "insmod" and words[1] not in order:
				order.append(words[1])
	return order


def build(kernel):
	"""Returns the initramfs for @kernel, as bytes."""
	cpio = Cpio()
	for name in DIRECTORIES:
		cpio.directory(name)
	cpio.file("bin/busybox", read(os.path.join(kernel.machine.root, BUSYBOX)), 0o755)
	for applet in APPLETS:
		cpio.symlink("bin/" + applet, "busybox")
	cpio.file("init", read(os.path.join(step.GUEST, "init")), 0o755)

	order = load_order(kernel)
	names = [os.path.basename(path).split(".ko")[0] + ".ko" for path in order]
	for name, path in zip(names, order):
		cpio.file("modules/" + name, module_content(path))
	if order:
		cpio.file("modules/order", "".join(name + "\n" for name in names).encode())
	return cpio.finish()

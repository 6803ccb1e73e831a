# SPDX-License-Identifier: MIT
"""Tests qemu.py: how it starts QEMU, prepares a boot, keeps old boots, and copies the output of a running boot."""

import io
import os
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness.boot import qemu
from harness.build import flavours, kernel, machine


class Stream(io.TextIOWrapper):
	"""A stream like standard output, whose content a test can read."""

	def __init__(self):
		super().__init__(io.BytesIO())


class Output(unittest.TestCase):
	def test_bytes_as_they_come(self):
		stream = Stream()
		with tempfile.NamedTemporaryFile("wb", buffering=0) as file:
			echo = qemu.Echo(file.name, stream)
			whole = "ö\n".encode() + b"\xff\0no end of line"
			for part in (whole[:1], whole[1:4], whole[4:]):
				file.write(part)
				echo.pump()
			self.assertEqual(stream.buffer.getvalue(), whole)
			self.assertFalse(qemu.ends_line(file.name))
			file.write(b"\n")
			self.assertTrue(qemu.ends_line(file.name))
			file.truncate(0)
			self.assertTrue(qemu.ends_line(file.name))
		self.assertTrue(qemu.ends_line(file.name))
		echo.pump()


class Words(unittest.TestCase):
	def words(self, flavour=flavours.PATCHED, **changes):
		spec = qemu.Spec(directory="/boot", kernel=kernel.Image("image", "modules", "7.3.4", flavour=flavour), vgpu="vgpu", command="", **changes)
		return " ".join(qemu.qemu_argv(spec, qemu.Boot(spec.directory)))


class Machines(Words):
	def test_architecture(self):
		x86 = self.words()
		self.assertTrue(x86.startswith("qemu-system-x86_64 "))
		for word in ("path=/,", "console=ttyS0", "tsc=reliable"):
			self.assertIn(word, x86)
		arm64 = self.words(flavour="64k")
		self.assertTrue(arm64.startswith("qemu-system-aarch64 -M virt,gic-version=3,its=on "))
		for word in (f"path={machine.ARM64_ROOT},", "console=ttyAMA0"):
			self.assertIn(word, arm64)
		self.assertNotIn("tsc", arm64)

	def test_checkers(self):
		self.assertIn(qemu.CHECKERS, self.words(flavour="debug"))
		for flavour in (flavours.PATCHED, "16k"):
			self.assertNotIn(qemu.CHECKERS, self.words(flavour=flavour))


class Accelerator(Words):
	def setUp(self):
		self.addCleanup(qemu.set_accel, None)

	def check(self, words, accelerator, processor):
		self.assertIn(f" -accel {accelerator} ", words)
		self.assertIn(f" -cpu {processor} ", words)
		self.assertEqual((words.count("-accel "), words.count("-cpu ")), (1, 1))

	def test_tcg_is_the_default(self):
		self.check(self.words(), "tcg,thread=multi", "max")
		self.check(self.words(flavour="64k"), "tcg,thread=multi", "max")
		self.check(self.words(icount=True), f"tcg,thread=single -icount {qemu.ICOUNT}", "max")

	def test_kvm(self):
		self.check(self.words(accel=qemu.KVM), "kvm", "host")

	def test_of_all_boots(self):
		qemu.set_accel(qemu.KVM)
		self.check(self.words(), "kvm", "host")
		self.check(self.words(accel=qemu.TCG), "tcg,thread=multi", "max")
		qemu.set_accel(None)
		self.check(self.words(), "tcg,thread=multi", "max")


class Iommu(Words):
	def test_it_comes_before_the_gpus(self):
		words = self.words(iommu=True)
		self.assertIn(qemu.IOMMU_CMDLINE, words)
		self.assertLess(words.index(qemu.IOMMU), words.index("vfio-user-pci"))
		self.assertNotIn("iommu", self.words())

	def test_it_must_translate(self):
		class Ended:
			returncode = 0
			def wait(self, seconds):
				pass

		with tempfile.TemporaryDirectory() as directory:
			gpu = qemu.Gpu(os.path.join(directory, "vgpu"))
			for text, iommu, wanted in (("oracle: 0 violations", False, None), ("oracle: 0 violations", True, "no IOMMU translated addresses of vgpu"),
					(f"vgpu: {qemu.TRANSLATED} 7 ranges\noracle: 0 violations", True, None)):
				with open(gpu.log, "w", encoding="utf-8") as file:
					file.write(text + "\n")
				spec = qemu.Spec(directory=directory, kernel=kernel.Image("image", "modules", "7.3.4"), vgpu="vgpu", command="", iommu=iommu)
				self.assertEqual(qemu.judge_gpu(spec, gpu, Ended()), wanted, text)


class Devices(Words):
	def test_shares(self):
		shown = self.words(shown="/x")
		self.assertIn("id=shown,path=/x,", shown)
		self.assertNotIn("readonly=on", shown.split("id=shown,")[1].split()[0])
		self.assertNotIn("shown", self.words())

	def test_swap_disk(self):
		self.assertIn("file=/boot/swap ", self.words())
		for page in (4 << 10, 64 << 10):
			self.check_swap(page)

	def check_swap(self, page):
		with tempfile.TemporaryDirectory() as directory:
			path = os.path.join(directory, "swap")
			qemu.make_swap(path, page)
			with open(path, "rb") as file:
				head = file.read(page)
			# Let blkid, which knows the format by itself, say whether the file is a swap area.
			known = subprocess.run(["blkid", "-p", "-s", "TYPE", "-o", "value", path], capture_output=True, text=True, check=True)
			self.assertEqual(known.stdout, "swap\n")
			self.assertEqual(struct.unpack_from("<III", head, 1024), (1, (qemu.SWAP_MB << 20) // page - 1, 0))
			self.assertEqual(head[-10:], b"SWAPSPACE2")
			self.assertEqual(os.stat(path).st_size, qemu.SWAP_MB << 20)
			self.assertLess(os.stat(path).st_blocks * 512, 1 << 20)


class OldBoots(unittest.TestCase):
	def test_kept(self):
		with tempfile.TemporaryDirectory() as top:
			directory = os.path.join(top, "igt")
			for number in range(qemu.KEPT_BOOTS + 3):
				qemu.keep_old(directory)
				boot = qemu.Boot(directory)
				os.makedirs(boot.firmware)
				for path in (boot.console, boot.initrd):
					with open(path, "w", encoding="utf-8") as file:
						file.write(str(number))
			self.assertEqual(sorted(os.listdir(top)), ["igt", *(f"igt.{i}" for i in range(1, qemu.KEPT_BOOTS + 1))])
			self.assertEqual(sorted(os.listdir(directory)), ["console.log", "firmware", "initrd"])
			for age in range(1, qemu.KEPT_BOOTS + 1):
				self.assertEqual(os.listdir(f"{directory}.{age}"), ["console.log"])
				with open(qemu.Boot(f"{directory}.{age}").console, encoding="utf-8") as file:
					self.assertEqual(file.read(), str(number - age))


class Gdb(Words):
	def test_port(self):
		self.assertIn("-gdb tcp:127.0.0.1:1234 -S ", self.words(gdb=1234))
		self.assertNotIn("-gdb", self.words())


if __name__ == "__main__":
	unittest.main()

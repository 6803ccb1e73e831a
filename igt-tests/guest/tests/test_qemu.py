# SPDX-License-Identifier: MIT
"""qemu.py: what a boot is given."""

import os
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import kernel
import qemu


class Devices(unittest.TestCase):
	def words(self, **changes):
		spec = qemu.Spec(directory="/boot", kernel=kernel.Image("bzImage", "modules", "7.3.4"), vgpu="vgpu", command="", **changes)
		return " ".join(qemu.qemu_argv(spec, qemu.Boot(spec.directory)))

	def test_swap_disk(self):
		self.assertIn("file=/boot/swap ", self.words())
		with tempfile.TemporaryDirectory() as directory:
			path = os.path.join(directory, "swap")
			qemu.make_swap(path)
			with open(path, "rb") as file:
				head = file.read(qemu.PAGE)
			# Another's opinion of what that is.
			known = subprocess.run(["blkid", "-p", "-s", "TYPE", "-o", "value", path], capture_output=True, text=True, check=True)
			self.assertEqual(known.stdout, "swap\n")
			self.assertEqual(struct.unpack_from("<III", head, 1024), (1, (qemu.SWAP_MB << 20) // qemu.PAGE - 1, 0))
			self.assertEqual(os.stat(path).st_size, qemu.SWAP_MB << 20)
			self.assertLess(os.stat(path).st_blocks * 512, 1 << 20)


if __name__ == "__main__":
	unittest.main()

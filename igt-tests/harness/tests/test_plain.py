# SPDX-License-Identifier: MIT
"""Tests guest/plain.sh and verdict/plain.py, which stand for igt_runner where there is none."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness import step
from harness.verdict import plain

LOG = """6,1,100,-;Booting Linux
4,2,100,-;a warning before the tests
12,3,200,-;plain.sh: test 0
6,4,210,-;[IGT] amd_x: starting subtest one
 SUBSYSTEM=pci
12,5,300,-;plain.sh: test 1
14,6,310,-;[IGT] amd_x: add ignored dmesg regex: amdgpu .*page fault
3,7,320,-;amdgpu 0000:01:00.0: a page fault
12,8,400,-;plain.sh: test 2
4,9,410,c;a warning
12,10,500,-;plain.sh: test 3
3,11,510,-;amdgpu 0000:01:00.0: a page fault
12,12,600,-;plain.sh: end
3,13,610,-;too late
"""


class Results(unittest.TestCase):
	def test_words(self):
		for status, word in ((0, "pass"), (77, "skip"), (98, "fail"), (1, "fail"), (124, "timeout"), (137, "timeout"), (139, "crash")):
			self.assertEqual(plain.word_of(status, False, ""), word)
		self.assertEqual(plain.word_of(0, True, ""), "dmesg-warn")
		self.assertEqual(plain.word_of(98, True, ""), "dmesg-fail")
		self.assertEqual(plain.word_of(0, False, "amd_x: WARNING: odd\n"), "warn")

	def test_log_of_each_test(self):
		with tempfile.TemporaryDirectory() as directory:
			for name, text in (("kmsg", LOG), ("tests", "".join(f"igt@amdgpu/amd_x@t{number} 0\n" for number in range(4))),
					("2.out", "Subtest t2: SUCCESS (0.1s)\n")):
				step.write(os.path.join(directory, name), text)
			plain.write_results(directory)
			tests = json.loads(step.read(os.path.join(directory, "results.json")))["tests"]
		self.assertEqual([tests[f"igt@amdgpu/amd_x@t{number}"]["result"] for number in range(4)],
			["pass", "pass", "dmesg-warn", "dmesg-warn"])
		self.assertEqual(tests["igt@amdgpu/amd_x@t2"]["dmesg-warnings"], "a warning\n")
		self.assertEqual(tests["igt@amdgpu/amd_x@t2"]["out"], "Subtest t2: SUCCESS (0.1s)\n")

	def test_nothing(self):
		with tempfile.TemporaryDirectory() as directory:
			plain.write_results(directory)
			self.assertEqual(os.listdir(directory), [])


# A program with a subtest for each way to end.
PROGRAM = """#!/bin/sh
case $2 in
passes) echo "Subtest $2: SUCCESS"; exit 0 ;;
skips) exit 77 ;;
fails) echo reason >&2; exit 98 ;;
crashes) kill -SEGV $$ ;;
hangs) trap '' TERM; while :; do sleep 1; done ;;
esac
"""


class Script(unittest.TestCase):
	def test_each_end(self):
		names = ("passes", "skips", "fails", "crashes", "hangs")
		with tempfile.TemporaryDirectory() as share:
			text = step.read(os.path.join(step.GUEST, "plain.sh"))
			# A file takes the place of the kernel's log. cat would not wait for further lines of a file.
			for old, new in (("cat /dev/kmsg", f"tail -n +1 -f {share}/log"), ("> /dev/kmsg", f">> {share}/log"), ("test -c /dev/kmsg", ""),
					("/proc/sys/kernel/printk_devkmsg", f"{share}/devkmsg"), ("/tmp/results", f"{share}/out"), ("grace=5", "grace=0.1")):
				self.assertIn(old, text)
				text = text.replace(old, new)
			step.write(os.path.join(share, "plain.sh"), text)
			step.write(os.path.join(share, "log"), "")
			program = os.path.join(share, "amd_x")
			step.write(program, PROGRAM)
			os.chmod(program, 0o755)
			subprocess.run(["sh", os.path.join(share, "plain.sh"), "-a", share, "1", *(f"igt@amdgpu/amd_x@{name}" for name in names)],
				check=True, timeout=60, stderr=subprocess.DEVNULL)
			out = os.path.join(share, "unpacked")
			os.mkdir(out)
			subprocess.run(["tar", "-C", out, "-xf", os.path.join(share, "results-a.tar")], check=True)
			plain.write_results(out)
			tests = json.loads(step.read(os.path.join(out, "results.json")))["tests"]
			self.assertEqual([tests[f"igt@amdgpu/amd_x@{name}"]["result"] for name in names],
				["pass", "skip", "fail", "crash", "timeout"])
			self.assertEqual(tests["igt@amdgpu/amd_x@fails"]["err"], "reason\n")
			self.assertEqual([line for line in step.read(os.path.join(out, "kmsg")).splitlines() if "end" in line], ["plain.sh: end"])


if __name__ == "__main__":
	unittest.main()

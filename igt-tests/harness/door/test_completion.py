# SPDX-License-Identifier: MIT
"""Tests the completion of the command line in bash."""

import os
import subprocess
import unittest

from harness import step

COMPLETION = os.path.join(step.PROJECT, "igt-tests/harness/completion.bash")
ASK = """
. "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_amdgpu_userptr_run
echo "${COMPREPLY[*]}"
"""


class Completion(unittest.TestCase):
	def ask(self, *words, program="./run"):
		"""Returns the words that bash offers for the last of the @words."""
		done = subprocess.run(["bash", "-c", ASK, "bash", COMPLETION, program, *words], cwd=step.PROJECT, capture_output=True,
			text=True, check=True)
		self.assertEqual("", done.stderr)
		return done.stdout.split()

	def test_words(self):
		"""completion offers commands, suites, programs, options and the values of options"""
		self.assertEqual(["soak", "shell"], self.ask("s"))
		self.assertEqual(["door"], self.ask("test", "do"))
		self.assertIn("amd_userptr_hsa", self.ask("test", "style", "amd_userptr"))
		self.assertEqual(["--mode"], self.ask("test", "igt", "--mo"))
		self.assertIn("nohws-cpu", self.ask("test", "--mode", ""))
		self.assertEqual(["tcg", "kvm"], self.ask("demo", "--accel", ""))
		self.assertEqual(["checkout"], self.ask("kernel", "c"))
		self.assertEqual([], self.ask("kernel", "build", "b"))

	def test_others(self):
		"""completion is silent for another program that is called run, and for arguments of another program"""
		self.assertEqual(["soak", "shell"], self.ask("s", program=step.PROJECT + "/run"))
		self.assertEqual([], self.ask("s", program="/usr/bin/run"))
		self.assertEqual([], self.ask("exec", "--", "--m"))
		self.assertEqual([], self.ask("cc", "-"))


if __name__ == "__main__":
	unittest.main()

# SPDX-License-Identifier: MIT
"""Tests that `run` refuses wrong words before it does anything, and passes the right ones on to the harness."""

import os
import unittest

from harness.door.host import RUN, Host

WRONG = (("soak", "--minutes", "-1"), ("bench", "--memory", "1"), ("test", "negative", "--control", "x"))


class Words(unittest.TestCase):
	def untouched(self, host):
		"""Check that `run` has put nothing into the cache, and has asked for nothing on the internet."""
		self.assertEqual([], os.listdir(host.path("cache")))
		self.assertEqual(("", ""), (host.read("asked"), host.read("debootstrapped")))

	def test_wrong(self):
		"""a wrong word gives one line and status 2, and nothing is set up"""
		with Host() as host:
			for words in WRONG:
				result = host.run(*words)
				self.assertEqual((2, "", 1), (result.status, result.out, result.err.count("\n")), (words, result.err))
				self.assertTrue(result.err.startswith("run: "), result.err)
				self.assertIn(f"'{words[-1]}'", result.err)
				self.untouched(host)

	def test_help(self):
		"""help needs no rights of the user root"""
		with Host() as host:
			for words in (("--help",), ("test", "--help")):
				result = host.run(*words, words=("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", RUN))
				self.assertEqual((0, ""), (result.status, result.err), words)
				self.assertIn("usage: ./run ", result.out)
			self.untouched(host)

	def test_right(self):
		"""a subtest, --failed and --junit reach the harness as they are"""
		with Host() as host:
			for words in (("amd_userptr_hsa@fork-cow",), ("--failed",), ("style", "--junit", host.path("dir/results.xml"))):
				result = host.run("test", *words)
				self.assertEqual(0, result.status, result.err)
				self.assertIn(f"harness: test {' '.join(words)}\n", result.out)
			self.assertEqual(1, host.read("debootstrapped").count("\n"))


if __name__ == "__main__":
	unittest.main()

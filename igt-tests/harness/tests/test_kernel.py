# SPDX-License-Identifier: MIT
"""Tests which of several kernels of Debian the harness takes."""

import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

from harness import step
from harness.build import kernel

# From the oldest to the newest.
RELEASES = ("7.3.4+deb13-amd64", "7.3.9+deb13-amd64", "7.3.10+deb9-amd64", "7.3.10+deb13-amd64")


class Debian(unittest.TestCase):
	def test_newest_in_the_package_lists(self):
		for releases in (RELEASES, RELEASES[::-1]):
			text = "".join(f"linux-binary-unsigned-{release} - Linux\n" for release in releases)
			with mock.patch.object(kernel.source, "base", return_value={"version": "7.3.4"}), \
					mock.patch.object(subprocess, "run", return_value=mock.Mock(stdout=text)):
				self.assertEqual(kernel.debian_release(), RELEASES[-1])

	def test_newest_in_the_cache(self):
		with tempfile.TemporaryDirectory() as cache, mock.patch.object(step, "CACHE", cache):
			for number, release in enumerate(RELEASES, 1):
				os.makedirs(os.path.join(cache, "stock", release))
				os.makedirs(os.path.join(cache, "stock", "7.3.99+deb13-amd64.new"), exist_ok=True)
				self.assertEqual(kernel.debian().release, RELEASES[number - 1])


if __name__ == "__main__":
	unittest.main()

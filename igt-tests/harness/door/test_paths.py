# SPDX-License-Identifier: MIT
"""Tests that messages of the compiler, which runs in the build root, name paths of the host."""

import os
import tempfile
import unittest

from harness import step
from harness.build import project
from harness.door.host import Host

FAILING = """
import os
from harness import step
try:
	step.run_logged("compiling", ["gcc", "-c", "-o", "/dev/null", "../../project/lib/x.c"], cwd="/build/meson")
except step.Failed as failure:
	print(failure)
"""
COMPILE = """
from harness.commands import execute
execute.compiler(["-c", "-o", "/dev/null", "/srv/mine/x.c"])
execute.compiler(["-c", "-o", "/dev/null", "y.c"])
"""


class Paths(unittest.TestCase):
	def test_text(self):
		"""paths of the project begin at the top of the checkout, and other paths are those of the host"""
		places = {"HOST_BUILD": "/host/build", "HOST_DIR": "/host/mine"}
		for inside, shown in (
				("../../project/igt-tests/vgpu/x.c:12:3: error: y", "igt-tests/vgpu/x.c:12:3: error: y"),
				("In file included from /project/lib/include/a.h:1,", "In file included from lib/include/a.h:1,"),
				("/build/linux/drivers/gpu/x.c:7: warning", "/host/build/linux/drivers/gpu/x.c:7: warning"),
				("(/dir/x.c)", "(/host/mine/x.c)"),
				("/srv/project/x.c:1 and /srv/build/y.c", "/srv/project/x.c:1 and /srv/build/y.c")):
			self.assertEqual(shown, step.user_paths(inside, places))

	def test_stage(self):
		"""a stage that does not compile shows the checkout's path, on the terminal and in its log"""
		with Host() as host, tempfile.NamedTemporaryFile("w", suffix=".c", dir=os.path.join(step.PROJECT, "lib")) as file:
			file.write("int x = y;\n")
			file.flush()
			name = os.path.basename(file.name)
			os.makedirs(host.path("build/meson"))
			result = host.python(FAILING.replace("x.c", name))
			self.assertIn(f"    lib/{name}:1:9: error", result.err)
			self.assertIn(f"\nlib/{name}:1:9: error", "\n" + host.read("build/log/compiling.log"))

	def test_assertion(self):
		"""an assertion of the project names its file from the top of the checkout"""
		self.assertIn("-fmacro-prefix-map=../../project/=", project.OPTIONS["c_args"])

	def test_own(self):
		"""exec and cc name files by the paths that the user knows"""
		with Host() as host:
			for name in ("x.c", "y.c"):
				host.write("dir/" + name, "int x = y;\n")
			result = host.python(COMPILE, HOST_DIR="/srv/mine")
			self.assertIn("/srv/mine/x.c:1:9: error", result.err)
			self.assertIn("\ny.c:1:9: error", "\n" + result.err)
			self.assertNotIn("/dir/", result.err)


if __name__ == "__main__":
	unittest.main()

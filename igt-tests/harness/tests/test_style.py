# SPDX-License-Identifier: MIT
"""
Tests that style.py finds includes of the simulated GPU that go the wrong way, a shellcheck that crashes, names of files
without a subject, spaces in the place of tabs, another version in the changelog, and commit messages without prefix,
imperative or body, or with "what" in the subject.
"""

import os
import re
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from harness import step
from harness.review import style

# {file of the simulated GPU: headers that it includes}. All of these includes are permitted.
TREE = {
	"vgpu.h": (),
	"core/gpu.h": ("core/chip.h", "vgpu.h"),
	"core/chip.h": (),
	"engine/pm4.c": ("core/gpu.h", "vega10_enum.h"),
	"oracle/oracle.c": ("core/gpu.h", "oracle/oracle.h"),
	"oracle/oracle.h": ("core/gpu.h",),
	"gfx9/cp.c": ("core/gpu.h", "engine/pm4.h", "v9_structs.h"),
	"engine/pm4.h": (),
	"vgpu.c": ("core/gpu.h", "gfx9/gfx9.h", "oracle/oracle.h"),
	"gfx9/gfx9.h": ("core/gpu.h",),
	"host/server.c": ("server.h",),
	"host/server.h": ("vgpu.h",),
	"host/tests/test_server.c": ("server.h",),
	"main.c": ("host/server.h", "vgpu.h"),
	"tests/test_cp.c": ("core/gpu.h", "gfx9/gfx9.h", "host/server.h"),
}

# (file, a header that it must not include, the message that style.py gives).
WRONG = (
	("core/gpu.h", "engine/pm4.h", "core includes engine"),
	("core/gpu.h", "../gfx9/gfx9.h", "core includes gfx9"),
	("core/gpu.h", "v9_structs.h", "core includes kernel"),
	("core/gpu.h", "oracle/oracle.h", "core includes oracle"),
	("engine/pm4.c", "gfx9/gfx9.h", "engine includes gfx9"),
	("oracle/oracle.c", "engine/pm4.h", "oracle includes engine"),
	("gfx9/cp.c", "oracle/oracle.h", "gfx9 includes oracle"),
	("gfx9/cp.c", "tests/check.h", "gfx9 includes tests"),
	("vgpu.c", "host/server.h", "vgpu.c includes host"),
	("host/server.c", "core/gpu.h", "host includes core"),
	("main.c", "gfx9/gfx9.h", "main.c includes gfx9"),
)

# Files whose folder has no row in VGPU_INCLUDES, and a file whose folder needs none.
UNKNOWN = ("gfx12/cp.c", "gfx12/cp.h", "trace.c")
ANYTHING = ("fuzz/fuzz.h", "tests/check.h")


class Includes(unittest.TestCase):
	def found(self, tree):
		with tempfile.TemporaryDirectory() as directory:
			names = [style.VGPU_SOURCE + name for name in tree]
			for name, headers in tree.items():
				path = os.path.join(directory, style.VGPU_SOURCE + name)
				os.makedirs(os.path.dirname(path), exist_ok=True)
				with open(path, "w", encoding="utf-8") as f:
					f.writelines(f'#include "{header}"\n' for header in headers)
			project, step.PROJECT = step.PROJECT, directory
			try:
				return style.check_includes(names)
			finally:
				step.PROJECT = project

	def test_allowed(self):
		self.assertEqual(self.found({**TREE, "tests/check.h": ()}), [])

	def test_unknown_folder(self):
		for name in UNKNOWN:
			self.assertEqual(self.found({**TREE, name: ()}), [f"{style.VGPU_SOURCE}{name}: VGPU_INCLUDES has no {name.split('/')[0]}"])
		for name in ANYTHING:
			self.assertEqual(self.found({**TREE, name: ("core/gpu.h",)}), [], name)

	def test_wrong_way(self):
		for name, header, edge in WRONG:
			with self.subTest(edge):
				tree = {**TREE, "tests/check.h": (), name: (*TREE[name], header)}
				line = len(TREE[name]) + 1
				self.assertEqual(self.found(tree), [f"{style.VGPU_SOURCE}{name}:{line}: {edge}"])


class Shell(unittest.TestCase):
	def test_crash(self):
		for text, found in (("exit 0", []), ("echo x:1; exit 1", ["x:1"]), ("exit 1", ["shellcheck ended with status 1: "]),
				("echo x:1; echo died >&2; exit 2", ["x:1", "shellcheck ended with status 2: died"])):
			with tempfile.TemporaryDirectory() as directory, mock.patch.object(step, "PROJECT", directory), \
					mock.patch.dict(os.environ, {"PATH": f"{directory}:{os.environ['PATH']}"}):
				step.write(os.path.join(directory, "shellcheck"), f"#!/bin/sh\n{text}\n")
				os.chmod(os.path.join(directory, "shellcheck"), 0o755)
				self.assertEqual(style.check_shell(["shellcheck"]), found, text)


class Names(unittest.TestCase):
	def found(self, check, files):
		"""Returns what @check finds in @files, {name: text}."""
		with tempfile.TemporaryDirectory() as directory, mock.patch.object(step, "PROJECT", directory):
			for name, text in files.items():
				os.makedirs(os.path.dirname(os.path.join(directory, name)), exist_ok=True)
				step.write(os.path.join(directory, name), text)
			return check(list(files))

	def test_subject(self):
		good = ("a/test_igt_wait.c", "a/commons.c", "a/helper_thread.c", "a/helpers.txt")
		bad = ("a/test_igt_helpers.c", "a/util.py", "a/map_more.h", "a/common.sh", "a/misc.c")
		self.assertEqual(self.found(style.check_names, dict.fromkeys(good + bad, "")), list(bad))

	def test_tabs(self):
		tabs = ("a/x.c", "a/x.map", "a/x.cfg", "a/x.bash", "a/run", "a/init", "a/session", "igt-tests/harness/door/stubs/apt")
		others = ("a/x.md", "a/meson.build", "a/runner")
		self.assertEqual(self.found(style.check_editorconfig, dict.fromkeys(tabs + others, "\tx\n        x\n")),
			[name + ":2" for name in tabs])

	def test_version(self):
		self.assertEqual(style.version_problems("# Changelog\n\n## 0.2.0 (unreleased)\n\n## 0.1.0\n", "0.2.0"), [])
		for text in ("## 0.1.0\n## 0.2.0\n", "### 0.2.0\n", ""):
			self.assertEqual(len(style.version_problems(text, "0.2.0")), 1, text)


class Messages(unittest.TestCase):
	def test_good(self):
		for subject in ("igt: do this", "igt, lib: format all C files"):
			self.assertEqual(style.message_problems(subject, "Why.\n"), [], subject)

	def test_bad(self):
		for subject in ("do this", "README: do this", "igt, README: do this", "igt:do this"):
			self.assertEqual(len(style.message_problems(subject, "Why.\n")), 1, subject)
		self.assertEqual(style.message_problems("igt: do this", "\n"), ["no body"])

	def test_imperative(self):
		for subject in ("igt: do the test", "igt, lib: analyse it", "docs: moreover, say it"):
			self.assertTrue(style.is_imperative(subject), subject)
		for subject in ("igt: the test", "igt, lib: A test", "docs: what is new", "docs: more words", "igt: an end: do it"):
			self.assertFalse(style.is_imperative(subject), subject)

	def test_what(self):
		for subject in ("igt: put the data back, whatever happens", "lib: name the reason"):
			self.assertFalse(style.has_what(subject), subject)
		for subject in ("docs: say what works", "igt: What a test needs, and why", "lib: say what: the reason"):
			self.assertTrue(style.has_what(subject), subject)

	def test_prefixes(self):
		"""contributing.md has the same prefixes in its table"""
		with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../docs/contributing.md"), encoding="utf-8") as f:
			rows = re.findall(r"^  \| `([a-z]+)` \|", f.read(), re.M)
		self.assertEqual(rows, list(style.PREFIXES))


if __name__ == "__main__":
	unittest.main()

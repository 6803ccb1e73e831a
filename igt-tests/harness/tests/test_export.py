# SPDX-License-Identifier: MIT
"""Tests kernel/checkout.sh and export.sh with a small tree: export writes the same patches, or refuses a wrong tree."""

import glob
import os
import shutil
import subprocess
import tempfile
import unittest

KERNEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../kernel")
SERIES = ("stable", "fixes", "userptr", "pages")
IDENTITY = {"GIT_AUTHOR_NAME": "somebody", "GIT_AUTHOR_EMAIL": "somebody@example.org",
	"GIT_COMMITTER_NAME": "somebody", "GIT_COMMITTER_EMAIL": "somebody@example.org",
	"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
COVER = """\
Subject: [PATCH 00/34] all of it
From: somebody <somebody@example.org>

Why, and how.
"""


def read(path):
	with open(path, encoding="utf-8") as file:
		return file.read()


def write(path, text):
	os.makedirs(os.path.dirname(path), exist_ok=True)
	with open(path, "w", encoding="utf-8") as file:
		file.write(text)


class Tree(unittest.TestCase):
	"""A tree of two commits in each series, and the patches that were exported from it."""

	made = None

	def setUp(self):
		self.work = tempfile.mkdtemp()
		self.addCleanup(shutil.rmtree, self.work)
		self.source, self.tree, self.patches = (os.path.join(self.work, name) for name in ("source", "tree", "patches"))
		# Make the tree for the first test only, because that takes a hundred calls of git. Each further test
		# gets a copy.
		if Tree.made is None:
			Tree.made = tempfile.mkdtemp()
			unittest.addModuleCleanup(shutil.rmtree, Tree.made)
			self.make()
			shutil.copytree(self.work, Tree.made, dirs_exist_ok=True, symlinks=True)
		else:
			shutil.copytree(Tree.made, self.work, dirs_exist_ok=True, symlinks=True)

	def make(self):
		write(os.path.join(self.source, "a.c"), "int a;\n")
		self.script("checkout.sh", self.source, self.tree, self.patches)
		for name in SERIES:
			write(os.path.join(self.patches, name, "0000-cover-letter.patch"), COVER)
			self.git("checkout", "-q", "-B", name)
			for number in (1, 2):
				self.commit(f"{name}: part {number}")
		self.export()

	def run_script(self, name, *arguments):
		return subprocess.run(["bash", os.path.join(KERNEL, name), *arguments], capture_output=True, text=True)

	def script(self, name, *arguments):
		result = self.run_script(name, *arguments)
		self.assertEqual(result.returncode, 0, result.stderr)

	def git(self, *arguments, **env):
		return subprocess.run(["git", "-C", self.tree, *arguments], check=True, capture_output=True, text=True,
			env={**os.environ, **IDENTITY, **env}).stdout

	def commit(self, subject, name=None):
		write(os.path.join(self.tree, name or subject.replace(": ", "-").replace(" ", "-") + ".c"), "int b;\n")
		self.git("add", "-A")
		self.git("commit", "-q", "-m", subject)

	def export(self, *arguments):
		self.script("export.sh", self.tree, self.patches, *arguments)

	def refused(self, reason, *arguments):
		before = self.content()
		result = self.run_script("export.sh", self.tree, self.patches, *arguments)
		self.assertNotEqual(result.returncode, 0)
		self.assertIn(reason, result.stderr)
		self.assertEqual(self.content(), before)

	def content(self):
		return {os.path.relpath(path, self.patches): read(path)
			for path in glob.glob(os.path.join(self.patches, "**/*.patch"), recursive=True)}


class Export(Tree):
	def test_folders(self):
		self.assertEqual(sorted(self.content()), sorted(f"{name}/{file}.patch" for name in SERIES
			for file in ("0000-cover-letter", f"0001-{name}-part-1", f"0002-{name}-part-2")))
		self.assertEqual([path for path in os.listdir(self.patches + "/stable") if not path.endswith(".patch")], [])

	def test_cover(self):
		cover = self.content()["fixes/0000-cover-letter.patch"]
		self.assertTrue(cover.startswith(COVER.replace("00/34", "0/2") + "---\n  fixes: part 1\n  fixes: part 2\n\n"))
		self.assertIn(" 2 files changed, 2 insertions(+)\n", cover)
		self.assertRegex(cover, r"\n\nbase: v[0-9.]+, then the series stable\n$")
		self.assertRegex(self.content()["stable/0000-cover-letter.patch"], r"\n\nbase: v[0-9.]+\n$")
		before = self.content()
		self.export()
		self.assertEqual(self.content(), before)

	def test_cover_follows(self):
		self.commit("pages: part 3")
		self.export()
		cover = self.content()["pages/0000-cover-letter.patch"]
		self.assertIn("[PATCH 0/3] all of it\n", cover)
		self.assertIn("Why, and how.\n---\n  pages: part 1\n  pages: part 2\n  pages: part 3\n", cover)

	def test_there_and_back(self):
		before = self.content()
		shutil.rmtree(self.tree)
		self.script("checkout.sh", self.source, self.tree, self.patches)
		self.assertEqual(self.git("branch", "--show-current").strip(), "pages")
		self.assertEqual(self.git("log", "--reverse", "--format=%s", "stable..fixes").splitlines(),
			["fixes: part 1", "fixes: part 2"])
		self.export()
		self.assertEqual(self.content(), before)

	def test_rebase_takes_the_branches_along(self):
		# Change the message of the first commit of the first series. The branches of all series must follow.
		self.git("rebase", "-i", "base", GIT_SEQUENCE_EDITOR="sed -i '1s/^pick/reword/'",
			GIT_EDITOR="sed -i '1s/.*/stable: part one/'")
		self.export()
		self.assertIn("stable/0001-stable-part-one.patch", self.content())
		self.assertEqual(len(self.content()), 12)

	def test_dropped(self):
		self.git("rebase", "-i", "base", GIT_SEQUENCE_EDITOR="sed -i '/fixes: part 1$/d'")
		self.export()
		self.assertEqual(sorted(name for name in self.content() if name.startswith("fixes/")),
			["fixes/0000-cover-letter.patch", "fixes/0001-fixes-part-2.patch"])

	def test_range(self):
		self.git("checkout", "-q", "-b", "controls")
		self.commit("control: one")
		self.patches = os.path.join(self.work, "controls")
		self.export("pages..controls")
		self.assertEqual(list(self.content()), ["0001-control-one.patch"])
		self.refused("has no commit nothing", "pages..nothing")


class Refusal(Tree):
	def test_not_stacked(self):
		for name in ("stable", "fixes", "userptr"):
			old = self.git("rev-parse", name).strip()
			self.git("checkout", "-q", name)
			self.git("commit", "-q", "--amend", "-m", "another message")
			self.git("checkout", "-q", "pages")
			above = SERIES[SERIES.index(name) + 1]
			self.refused(f"branch {above} is not on top of {name}")
			self.git("branch", "-f", name, old)
		self.git("tag", "-f", "base", "stable~1")
		self.export()

	def test_stacked_again(self):
		self.git("checkout", "-q", "stable")
		self.commit("stable: part 3")
		self.refused("branch fixes is not on top of stable")
		self.git("rebase", "--update-refs", "stable", "pages")
		self.export()
		self.assertEqual(len(self.content()), 13)

	def test_base(self):
		self.git("commit", "-q", "--allow-empty", "-m", "elsewhere")
		self.git("tag", "-f", "base", "HEAD")
		self.git("reset", "-q", "--hard", "HEAD~1")
		self.refused("branch stable is not on top of base")
		self.git("tag", "-d", "base")
		self.refused("it has no tag")

	def test_no_branch(self):
		self.git("branch", "-D", "fixes")
		self.refused("no branch fixes")

	def test_left_out(self):
		self.git("checkout", "-q", "--detach")
		self.commit("pages: forgotten")
		self.refused("is not in branch pages")

	def test_uncommitted(self):
		write(os.path.join(self.tree, "a.c"), "int c;\n")
		self.refused("not committed")

	def test_merge(self):
		self.git("checkout", "-q", "-b", "side", "HEAD~1")
		self.commit("side")
		self.git("checkout", "-q", "pages")
		self.git("merge", "-q", "-m", "a merge", "side")
		self.refused("has merge commits")

	def test_rebase_under_way(self):
		with self.assertRaises(subprocess.CalledProcessError):
			self.git("rebase", "base", "--exec", "false")
		self.refused("a rebase is under way")

	def test_patch_that_does_not_apply(self):
		path = os.path.join(self.patches, "fixes/0002-fixes-part-2.patch")
		write(path, read(path).replace("new file mode 100644\n", "").replace("--- /dev/null", "--- a/none.c"))
		result = self.run_script("checkout.sh", self.source, os.path.join(self.work, "other"), self.patches)
		self.assertNotEqual(result.returncode, 0)
		self.assertIn("fixes/0002-fixes-part-2.patch does not apply", result.stderr)


if __name__ == "__main__":
	unittest.main()

# SPDX-License-Identifier: MIT
"""Provides the source of the kernel: the base that kernel/BASE names, and trees of the base with the series applied."""

import filecmp
import glob
import os
import re
import shutil
import subprocess
import tempfile

from harness import step
from harness.build import packages

KERNEL = os.path.join(step.PROJECT, "kernel")
PATCHES = os.path.join(KERNEL, "patches")
# The series, in the order in which they apply. Each has a folder of this name in PATCHES, and a branch of this name in
# the tree that ./run kernel checkout makes.
SERIES = ("stable", "fixes", "userptr", "pages")
CONTROLS = os.path.join(KERNEL, "controls")


def base():
	"""Returns the keys and values of kernel/BASE, which names the kernel that the series apply to."""
	values = {}
	for line in step.read(os.path.join(KERNEL, "BASE")).splitlines():
		if line and not line.startswith("#"):
			key, _, value = line.partition("=")
			values[key] = value
	return values


def series(*names):
	"""
	Returns the paths of the patches of the series @names, or of all series, in order. The cover letters are left
	out.
	"""
	return [path for name in names or SERIES for path in sorted(glob.glob(os.path.join(PATCHES, name, "[0-9]*.patch")))
		if path != cover(name)]


def cover(name):
	"""Returns the path of the cover letter of the series @name."""
	return os.path.join(PATCHES, name, "0000-cover-letter.patch")


def label(patch):
	"""
	Returns the name of a patch for messages: folder and file, because the patches of each series are numbered from
	1.
	"""
	return os.path.join(os.path.basename(os.path.dirname(patch)), os.path.basename(patch))


def up_to(name):
	"""Returns the series on top of which the series @name applies, and behind them @name itself."""
	return SERIES[:SERIES.index(name) + 1]


def controls():
	"""Returns the paths of the patches with the negative controls, which apply on top of all series."""
	return sorted(glob.glob(os.path.join(CONTROLS, "[0-9]*.patch")))


def touched(patch):
	"""Returns the paths in the kernel tree that a patch changes."""
	paths = set()
	for match in re.finditer(r"^diff --git a/(\S+) b/(\S+)$", step.read(patch), re.M):
		paths.update(match.groups())
	return paths


def sources(patches):
	"""Returns the C sources that the @patches touch, without those in tools/, which are no part of the kernel."""
	return {path for patch in patches for path in touched(patch) if path.endswith(".c") and not path.startswith("tools/")}


def pristine():
	"""
	Returns the path of the unpacked base; downloads and unpacks it if need be. All checkouts share this tree, so
	nobody may write to it.
	"""
	want = base()
	tree = os.path.join(step.CACHE, "linux", want["version"] + "-" + want["sha256"][:12])
	with step.locked("linux"):
		if os.path.isdir(tree):
			return tree
		deb = packages.pinned(want["package"], want["package_version"], want["package_sha256"], want["second_place"])
		work = tree + ".new"
		shutil.rmtree(work, ignore_errors=True)
		os.makedirs(work)
		step.run_logged("unpacking the kernel package", ["dpkg-deb", "-x", deb, work + "/deb"])
		tarball = os.path.join(work, "deb/usr/src", want["tarball"])
		if not os.path.exists(tarball) or packages.sha256(tarball) != want["sha256"]:
			shutil.rmtree(work)
			os.unlink(deb)
			raise step.Failed(f"{os.path.basename(deb)} does not have the tarball that kernel/BASE names")
		os.mkdir(work + "/tree")
		step.run_logged("unpacking the kernel source",
			["tar", "-xf", tarball, "-C", work + "/tree", "--strip-components=1"])
		os.rename(work + "/tree", tree)
		shutil.rmtree(work)
		os.unlink(deb)
	return tree


def copy_touched(directory, patches, origin):
	"""Copy the files that the @patches touch from @origin to @directory. Returns the set of all touched paths."""
	paths = set().union(*map(touched, patches))
	for path in paths:
		if os.path.exists(os.path.join(origin, path)):
			os.makedirs(os.path.dirname(os.path.join(directory, path)), exist_ok=True)
			shutil.copy(os.path.join(origin, path), os.path.join(directory, path))
	return paths


def apply_to(directory, patches, origin):
	"""
	Copy the files that the @patches touch from @origin to @directory, and patch them there. Returns all touched
	paths.
	"""
	paths = copy_touched(directory, patches, origin)
	for patch in patches:
		result = subprocess.run(["git", "apply", "--verbose", "--whitespace=nowarn", patch], cwd=directory,
			capture_output=True, text=True)
		moved = [line for line in result.stderr.splitlines() if line.startswith(("Hunk #", "Context reduced"))]
		if result.returncode:
			raise step.Failed(f"{label(patch)} does not apply: "
				+ " ".join(line for line in result.stderr.splitlines() if line.startswith("error: patch")))
		# Refuse a hunk that applies at another line than it says, because it may have found its context in
		# another function.
		if moved:
			raise step.Failed(f"{label(patch)} is not for this base: {' '.join(moved)} ./run kernel checkout and export"
				" write it anew")
	return paths


def put(source, target):
	"""
	Make the file @target a copy of @source, or remove @target if @source does not exist. Do not touch a target that
	has the same content, so that make does not compile it again.
	"""
	if not os.path.exists(source):
		if os.path.exists(target):
			os.unlink(target)
		return
	if os.path.exists(target) and filecmp.cmp(source, target, shallow=False):
		return
	os.makedirs(os.path.dirname(target), exist_ok=True)
	# The target may be a hard link to a file of the pristine tree, which must not change. So write a new file and
	# rename it.
	shutil.copyfile(source, target + ".userptr-new")
	shutil.copymode(source, target + ".userptr-new")
	os.rename(target + ".userptr-new", target)


def patched(name="linux", patches=None):
	"""
	Make the kernel tree @name of this checkout: the base with all series, or with the @patches. Returns its path.
	Most of its files are hard links to those of the base. A later call writes only files whose content changes, so
	that make compiles as little as possible after an edit of a patch.
	"""
	origin = pristine()
	tree = os.path.join(step.BUILD, name)
	record = tree + ".touched"
	marker = tree + ".base"
	if step.read_or(marker) != origin or not os.path.isdir(tree):
		step.say("making this checkout's kernel tree")
		shutil.rmtree(tree, ignore_errors=True)
		# A hard link cannot lead from one mount to another. So name the tree by its path in the cache's mount,
		# where the base is, and not by its path in the mount /build.
		own = os.path.join(step.CACHE, "checkouts", os.environ["KEY"], name)
		shutil.rmtree(own + ".new", ignore_errors=True)
		subprocess.run(["cp", "-al", origin, own + ".new"], check=True)
		os.rename(own + ".new", own)
		step.write(record, "")
		step.write(marker, origin)
	with tempfile.TemporaryDirectory(dir=step.BUILD) as scratch:
		now = apply_to(scratch, series() if patches is None else patches, origin)
		before = set(step.read_or(record).split())
		# The record lists the files that may differ from the base. Write it first, so that the next run can go
		# on with an interrupted update.
		step.write(record, "\n".join(sorted(before | now)))
		for path in now:
			put(os.path.join(scratch, path), os.path.join(tree, path))
		for path in before - now:
			put(os.path.join(origin, path), os.path.join(tree, path))
		step.write(record, "\n".join(sorted(now)))
	return tree

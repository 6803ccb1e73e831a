# SPDX-License-Identifier: MIT
"""
Tests the library without the rest of this project: builds it alone, as a part of another project, and as Debian
packages. Lintian checks the packages. The module installs and uses them in a copy of the build root, which it then
removes (build/fresh.sh).
"""

import glob
import json
import os
import shutil
import subprocess
import tempfile

from harness import step
from harness.build import packages, project
from harness.verdict import results
from harness.verdict.results import FAIL, PASS, Case

SOURCE = os.path.join(step.PROJECT, "lib")
DIRECTORY = os.path.join(step.BUILD, "package")
DEBS = os.path.join(DIRECTORY, "debs")
# guest/newcomer.sh puts two things into the guest: the programs that lib/debian/tests has compiled in the root where
# the packages are installed, and the files of the packages.
PROGRAMS = os.path.join(DIRECTORY, "programs")
INSTALLED = os.path.join(DIRECTORY, "installed")
STAMP = os.path.join(DIRECTORY, "stamp")	# has the digest() with which all checks passed; empty if one failed

USER = """project('user', 'c')
executable('user', 'two_buffers.c', dependencies: dependency('amdgpu_userptr'))
"""


def digest():
	"""Returns a digest of all files on which the cases depend."""
	paths = [os.path.join(directory, name) for directory, _, names in os.walk(SOURCE) for name in names]
	paths += [os.path.join(step.PROJECT, name) for name in ("meson.build", "meson.options")]
	paths += [__file__, step.script("fresh.sh"), step.script("install.sh"), step.script("needs_libdrm.sh"),
		"/etc/userptr-packages"]
	return step.digest(*(part for path in sorted(paths)
		for part in (path, str(os.access(path, os.X_OK)), packages.sha256(path))))


def environment(**more):
	return {**os.environ, "CCACHE_DIR": os.path.join(step.CACHE, "ccache"), **more}


def introspect(directory, what):
	"""Returns the output of "meson introspect" with the option @what for the build in @directory."""
	shown = subprocess.run(["meson", "introspect", what, directory], capture_output=True, text=True, check=True).stdout
	return json.loads(shown)


def without_igt():
	"""-Digt=disabled builds nothing of igt-tests"""
	with tempfile.TemporaryDirectory() as build:
		step.run_logged("configuring without igt-tests", ["meson", "setup", "-Digt=disabled", build, step.PROJECT],
			env=environment())
		others = [target["name"] for target in introspect(build, "--targets")
			if not target["defined_in"].startswith(SOURCE + "/")]
	if others:
		raise step.Failed("these targets are not the library's: " + " ".join(others))


def subproject():
	"""another project can have the library as a subproject, without its tests"""
	with tempfile.TemporaryDirectory() as top:
		step.write(os.path.join(top, "meson.build"), USER)
		shutil.copy(os.path.join(SOURCE, "examples/two_buffers.c"), top)
		shutil.copytree(SOURCE, os.path.join(top, "subprojects/amdgpu_userptr"))
		build = os.path.join(top, "build")
		step.run_logged("configuring a project that has the library",
			["meson", "setup", "--force-fallback-for=amdgpu_userptr", build, top], env=environment())
		step.run_logged("building a project that has the library", ["meson", "compile", "-C", build], env=environment())
		if introspect(build, "--tests"):
			raise step.Failed("the library's tests are part of the other project's")


def build_debs(target, **more):
	"""Build all packages in the directory @target, with the variables @more in the environment."""
	shutil.rmtree(target, ignore_errors=True)
	shutil.copytree(SOURCE, os.path.join(target, "source"))
	# nocheck: do not run the unit tests, because the suite lib has them already. noautodbgsym: make no packages of
	# debug symbols, because nobody debugs these packages.
	step.run_logged("building the packages", ["dpkg-buildpackage", "-us", "-uc"], cwd=os.path.join(target, "source"),
		env=environment(DEB_BUILD_OPTIONS="nocheck noautodbgsym", **more))
	shutil.rmtree(os.path.join(target, "source"))


def debs(directory=DEBS):
	"""Returns {name: path} of the packages in @directory."""
	return {os.path.basename(path): path for path in sorted(glob.glob(os.path.join(directory, "*.deb")))}


def buildable():
	"""packages can be built"""
	build_debs(DEBS)


def reproducible():
	"""packages are the same when they are built elsewhere"""
	again = os.path.join(DIRECTORY, "again")
	build_debs(again, TZ="Pacific/Kiritimati", LC_ALL="C", HOME="/nonexistent")
	one, other = ({name: packages.sha256(path) for name, path in debs(directory).items()} for directory in (DEBS, again))
	shutil.rmtree(again)
	different = {name for name, _ in one.items() ^ other.items()}
	if different:
		raise step.Failed("built again they differ: " + " ".join(sorted(different)))


def lintian():
	"""packages pass lintian"""
	changes, = glob.glob(os.path.join(DEBS, "*.changes"))
	step.run_logged("checking the packages",
		["lintian", "--allow-root", "--display-info", "--fail-on=error,warning,info", changes])


def installed():
	"""packages can be installed, and their own test passes"""
	shutil.rmtree(PROGRAMS, ignore_errors=True)
	os.makedirs(PROGRAMS)
	wanted = list(debs().values())
	# The fresh root has DIRECTORY, but not the checkout, so copy the script to DIRECTORY.
	script = shutil.copy(step.script("install.sh"), DIRECTORY)
	step.run_logged("installing the packages in a fresh root", ["sh", step.script("fresh.sh"), DIRECTORY, "sh", script,
		PROGRAMS, os.path.join(DIRECTORY, "examples"), *wanted])
	shutil.rmtree(INSTALLED, ignore_errors=True)
	for path in wanted:
		subprocess.run(["dpkg-deb", "-x", path, INSTALLED], check=True)


def needs_libdrm():
	"""the package for developers depends on libdrm-dev"""
	script = shutil.copy(step.script("needs_libdrm.sh"), DIRECTORY)
	step.run_logged("installing the packages without libdrm-dev",
		["sh", step.script("fresh.sh"), DIRECTORY, "sh", script, *debs().values()])


# The checks, in the order in which they run. The docstring of each is the name of its case. Those in NEED_DEBS need the
# packages that buildable() makes.
CHECKS = (without_igt, subproject, buildable, reproducible, lintian, installed, needs_libdrm)
NEED_DEBS = (reproducible, lintian, installed, needs_libdrm)


def name_of(check):
	return "library alone: " + check.__doc__


def names():
	return [name_of(check) for check in CHECKS]


def checked(check, failed):
	"""
	Run one check. Returns its case. @failed is the list of the earlier checks that failed; adds this one if it
	fails.
	"""
	try:
		if check in NEED_DEBS and buildable in failed:
			raise step.Failed("there are no packages")
		check()
	except step.Failed as failure:
		failed.append(check)
		return Case(name_of(check), FAIL, str(failure))
	return Case(name_of(check), PASS)


def package_cases():
	"""
	Returns the cases of all checks. Runs the checks only if one of them failed last time, or if digest() has
	changed.
	"""
	wanted, failed = digest(), []
	if step.read_or(STAMP) == wanted:
		return [Case(name_of(check), PASS) for check in CHECKS]
	step.say("testing the library alone, and its packages")
	os.makedirs(DIRECTORY, exist_ok=True)
	step.write(STAMP, "")
	shutil.copy(os.path.join(SOURCE, "debian/tests/examples"), DIRECTORY)
	cases = [checked(check, failed) for check in CHECKS]
	if not failed:
		step.write(STAMP, wanted)
	return cases


def library_cases(wanted=()):
	"""
	Run the suite lib: its unit tests and the checks of this module. With @wanted: the unit tests in it, and all checks of
	this module if it names one of them, because the checks build on each other. Returns the cases.
	"""
	here = set(names())
	units = [name for name in wanted if name not in here]
	cases = results.meson_cases(project.test("lib", units)) if units or not wanted else []
	return cases + (package_cases() if here & set(wanted) or not wanted else [])


def for_guest():
	"""Make PROGRAMS and INSTALLED for a guest unless they are there. Raises Failed if a check fails."""
	wrong = [case for case in package_cases() if case.verdict == FAIL]
	if wrong:
		raise step.Failed(f"{wrong[0].name}: {wrong[0].detail}")

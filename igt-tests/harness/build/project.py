# SPDX-License-Identifier: MIT
"""Builds the project itself with meson, in the build root: for the build root and the usual guest, or for arm64 guests."""

import json
import os
import shutil
import subprocess

from harness import step
from harness.build import machine, source

NATIVE = machine.of(None)
DIRECTORY = NATIVE.meson
VGPU = os.path.join(DIRECTORY, "igt-tests/vgpu/vgpu")
# ./run exec and ./run cc compile the C programs of a user with these flags and libraries. So a program can use the
# headers of the project, of IGT and of libdrm, the project's library, and the helpers of the project's tests. The
# linker takes only the libraries that the program uses. Some helpers exist twice, with IGT and without. Those without
# IGT come first, so that a program needs IGT only if it calls IGT's functions itself.
C_FLAGS = ("-std=gnu11", "-g", "-O2", "-Wall", *(f"-I{path}" for path in (
	os.path.join(step.PROJECT, "lib/include"), os.path.join(step.PROJECT, "igt-tests"),
	os.path.join(step.PROJECT, "igt-tests/compat"))))
LIBDRM_INCLUDE = "usr/include/libdrm"	# in the guest's root
LIBRARY_FOLDERS = ("lib/src", "igt-tests/lib", "igt-tests/amdgpu", "igt-tests/compat/standin")	# in Meson's build directory
GATHER = "igt-tests/demo/gather"	# in Meson's build directory

# Let Meson fail if it cannot build a part, for instance because a library is missing. If it left the part out instead,
# a run with fewer tests would pass.
OPTIONS = {"vgpu": "enabled", "igt": "enabled", "rocr": "enabled", "man": "enabled", "werror": "true",
	# Meson gives the compiler paths that are relative to the build directory. With this option a failed assertion
	# names its file relative to the top of the checkout.
	"c_args": f"-fmacro-prefix-map={os.path.relpath(step.PROJECT, DIRECTORY)}/="}
# An arm64 guest gets the simulated GPU that is built for the build root. Debian has IGT for amd64 only, so the tests
# get the stand-in. Only runs with the usual guest test the client of ROCr and the manual pages.
CROSS_OPTIONS = OPTIONS | {"vgpu": "disabled", "igt_standin": "true", "rocr": "disabled", "man": "disabled"}
CROSS_FILE = "arm64.cross"


def environment():
	return {**os.environ, "CCACHE_DIR": os.path.join(step.CACHE, "ccache")}


def options_for(kind):
	"""Returns the words with which Meson configures the project for the machine @kind."""
	if kind.is_native:
		return [f"-D{key}={value}" for key, value in OPTIONS.items()] + [f"-Dlinux_src={source.pristine()}"]
	return [f"-D{key}={value}" for key, value in CROSS_OPTIONS.items()] + ["--cross-file", step.script(CROSS_FILE)]


def build_for(kind):
	"""Configure the project for the machine @kind if its options have changed, and compile it."""
	what = "the project" if kind.is_native else f"the project for {kind.arch}"
	options, stamp = options_for(kind), os.path.join(kind.meson, ".userptr-options")
	# Meson reads the cross file only once, so configure the project again when it changes.
	wanted = " ".join(options) + ("" if kind.is_native else step.digest(step.read(step.script(CROSS_FILE))))
	if step.read_or(stamp) != wanted:
		shutil.rmtree(kind.meson, ignore_errors=True)
		step.run_logged(f"configuring {what}", ["meson", "setup", *options, kind.meson, step.PROJECT], env=environment())
		step.write(stamp, wanted)
	step.run_logged(f"building {what}", ["meson", "compile", "-C", kind.meson], env=environment())


def build(kind=NATIVE):
	"""
	Compile the project for the build root, and for the guest of the machine @kind. Every run needs the build for
	the build root, because it has the simulated GPU, and because the harness lists the subtests by the test
	programs of that build.
	"""
	build_for(NATIVE)
	if not kind.is_native:
		build_for(kind)


def libraries(kind):
	"""Returns the words that link a program of the user for the machine @kind with all that it may use."""
	folders = [os.path.join(kind.meson, folder) for folder in LIBRARY_FOLDERS]
	igt = "-ligt" if kind.is_native else "-ligt_standin"
	return ["-Wl,--as-needed", *(f"-L{folder}" for folder in folders), f"-Wl,-rpath,{folders[0]}",
		"-lamd_kfd", "-ligt_amdgpu", "-lamdgpu_userptr", igt, "-ldrm_amdgpu", "-ldrm", "-lm", "-pthread"]


def gcc(arguments, host, kind=NATIVE):
	"""
	Returns the command line of gcc with @arguments, for programs of the machine @kind. The user's directory is step.DIR
	in the build root, where gcc runs, and @host in the guest and on the host. So let gcc write @host into the program
	where it would write step.DIR.
	"""
	return [*kind.compiler(), *C_FLAGS, "-I" + os.path.join(kind.root, LIBDRM_INCLUDE), f"-ffile-prefix-map={step.DIR}={host}",
		*arguments, *libraries(kind)]


def tests_of(suite, kind=NATIVE):
	"""Returns {name: words of the command} of the tests of one Meson suite, for the machine @kind."""
	shown = subprocess.run(["meson", "introspect", "--tests", kind.meson], capture_output=True, text=True, check=True).stdout
	return {entry["name"]: entry["cmd"] for entry in json.loads(shown) if any(name.endswith(":" + suite) for name in entry["suite"])}


def test_names(suite):
	"""Returns the names of the tests of one Meson suite."""
	return list(tests_of(suite))


def test(suite, names=()):
	"""
	Run one Meson suite, or only its tests @names. Returns [(name of the test, Meson's result, output of the test)].
	"""
	log = os.path.join(DIRECTORY, "meson-logs", suite + ".json")
	if os.path.exists(log):
		os.unlink(log)
	step.say(f"testing {suite}")
	with open(os.path.join(step.LOGS, f"test-{suite}.log"), "wb") as out:
		# The exit status is not needed, because the log says more.
		subprocess.run(["meson", "test", "-C", DIRECTORY, "--no-rebuild", "--suite", suite, "--logbase", suite, *names],
			stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment(), check=False)
	cases = []
	for line in step.read_or(log).splitlines():
		case = json.loads(line)
		# Meson writes the name as "SUITE - PROJECT:NAME".
		cases.append((case["name"].rsplit(":", 1)[-1], case["result"],
			step.user_paths((case.get("stdout") or "") + (case.get("stderr") or ""))))
	return cases

# SPDX-License-Identifier: MIT
"""Builds the project itself with meson, in the build root."""

import json
import os
import shutil
import subprocess

from harness import step
from harness.build import source

DIRECTORY = os.path.join(step.BUILD, "meson")
VGPU = os.path.join(DIRECTORY, "igt-tests/vgpu/vgpu")
# ./run exec and ./run cc compile the C programs of a user with these flags and libraries. So a program can use the
# headers of the project, of IGT and of libdrm, the project's library, and the helpers of the project's tests. The
# linker takes only what the program uses. Some helpers exist twice, with IGT and without. Those without IGT come first,
# so that a program needs IGT only if it calls IGT's functions itself.
C_FLAGS = ("-std=gnu11", "-g", "-O2", "-Wall", *(f"-I{path}" for path in (
	os.path.join(step.PROJECT, "lib/include"), os.path.join(step.PROJECT, "igt-tests"),
	os.path.join(step.PROJECT, "igt-tests/compat"), "/usr/include/libdrm")))
LIB = os.path.join(DIRECTORY, "lib/src")
LIBRARIES = ("-Wl,--as-needed", f"-L{LIB}", f"-L{os.path.join(DIRECTORY, 'igt-tests/lib')}",
	f"-L{os.path.join(DIRECTORY, 'igt-tests/amdgpu')}", f"-Wl,-rpath,{LIB}",
	"-lamd_kfd", "-ligt_amdgpu", "-lamdgpu_userptr", "-ligt", "-ldrm_amdgpu", "-ldrm", "-lm", "-pthread")
GATHER = os.path.join(DIRECTORY, "igt-tests/demo/gather")

# Let Meson fail if it cannot build a part, for instance because a library is missing. If it left the part out instead,
# a run with fewer tests would pass.
OPTIONS = {"vgpu": "enabled", "igt": "enabled", "rocr": "enabled", "man": "enabled", "werror": "true",
	# Meson gives the compiler paths that are relative to the build directory. With this option a failed assertion
	# names its file relative to the top of the checkout.
	"c_args": f"-fmacro-prefix-map={os.path.relpath(step.PROJECT, DIRECTORY)}/="}


def environment():
	return {**os.environ, "CCACHE_DIR": os.path.join(step.CACHE, "ccache")}


def build():
	"""Configure the project if its options have changed, and compile it."""
	options = [f"-D{key}={value}" for key, value in OPTIONS.items()] + [f"-Dlinux_src={source.pristine()}"]
	stamp = os.path.join(DIRECTORY, ".userptr-options")
	if step.read_or(stamp) != " ".join(options):
		shutil.rmtree(DIRECTORY, ignore_errors=True)
		step.run_logged("configuring the project", ["meson", "setup", *options, DIRECTORY, step.PROJECT],
			env=environment())
		step.write(stamp, " ".join(options))
	step.run_logged("building the project", ["meson", "compile", "-C", DIRECTORY], env=environment())


def gcc(arguments, host):
	"""
	Returns the command line of gcc with @arguments. The user's directory is step.DIR in the build root, where gcc
	runs, and @host in the guest and on the host. So let gcc write @host into the program where it would write
	step.DIR.
	"""
	return ["gcc", *C_FLAGS, f"-ffile-prefix-map={step.DIR}={host}", *arguments, *LIBRARIES]


def test_names(suite):
	"""Returns the names of the tests of one Meson suite."""
	shown = subprocess.run(["meson", "introspect", "--tests", DIRECTORY], capture_output=True, text=True, check=True).stdout
	return [entry["name"] for entry in json.loads(shown) if any(name.endswith(":" + suite) for name in entry["suite"])]


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

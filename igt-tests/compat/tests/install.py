# SPDX-License-Identifier: MIT
"""
install.py PROGRAMS_DIR [IGT_SRC]

Tests the script igt-tests/install-into-igt: IGT's tree with the project's files builds, and its programs have the same
subtests as those in PROGRAMS_DIR. The tree is a copy of IGT_SRC. Without it, it is a small tree that has the parts of
IGT that the script changes, and in place of IGT's library that of the machine.
"""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
COMPAT = os.path.dirname(HERE)
SCRIPT = os.path.join(COMPAT, "../install-into-igt")
BENCH = "amd_userptr_bench"	# no test, so it does not belong into IGT
# The options of a build of IGT that makes amdgpu's tests and little else.
IGT_OPTIONS = ["-Dlibdrm_drivers=amdgpu", "-Dtests=enabled", "-Dxe_driver=disabled", "-Doverlay=disabled",
	"-Dchamelium=disabled", "-Dvalgrind=disabled", "-Dman=disabled", "-Dtestplan=disabled", "-Ddocs=disabled",
	"-Dlibunwind=disabled", "-Drunner=disabled", "-Doping=disabled"]

# IGT's files meson.build, without all that the script does not need.
TOP = """\
project('igt-gpu-tools', 'c', default_options: ['c_std=gnu11', 'werror=true', 'warning_level=2'])
cc = meson.get_compiler('c')
add_project_arguments('-D_GNU_SOURCE', '-Wno-unused-parameter', '-Wno-clobbered', '-O0', language: 'c')
libdrm_amdgpu = dependency('libdrm_amdgpu')
inc = include_directories('lib', '.')
test_deps = [dependency('libdrm'), cc.find_library('igt'), dependency('threads')]
amdgpudir = 'amdgpu'
amdgpudir_rpathdir = ''
test_executables = []
test_list = []
subdir('lib')
subdir('tests/amdgpu')
foreach name : test_list
	message('test ' + name)
endforeach
"""
LIB = """\
lib_sources = []
lib_deps = test_deps
if libdrm_amdgpu.found()
	lib_deps += libdrm_amdgpu
	lib_sources += [
	]
endif
igt_helpers = static_library('igt_helpers', lib_sources, include_directories: inc, dependencies: lib_deps)
test_deps += declare_dependency(link_with: igt_helpers, include_directories: inc)
"""
TESTS = """\
amdgpu_progs = []
amdgpu_deps = test_deps
if libdrm_amdgpu.found()
	amdgpu_deps += libdrm_amdgpu
endif
"""


def write(path, text):
	os.makedirs(os.path.dirname(path), exist_ok=True)
	with open(path, "w", encoding="utf-8") as file:
		file.write(text)


def read(path):
	with open(path, encoding="utf-8") as file:
		return file.read()


def small_tree(tree):
	write(os.path.join(tree, "meson.build"), TOP)
	write(os.path.join(tree, "lib/meson.build"), LIB)
	write(os.path.join(tree, "tests/amdgpu/meson.build"), TESTS)
	os.mkdir(os.path.join(tree, "lib/amdgpu"))
	shutil.copy(os.path.join(COMPAT, "igt.h"), os.path.join(tree, "lib/igt_core.h"))
	write(os.path.join(tree, "lib/igt.h"), '#include "igt_core.h"\n')
	for name in ("igt_os.h", "igt_sysfs.h", "igt_prototypes.h"):
		shutil.copy(os.path.join(COMPAT, name), os.path.join(tree, "lib", name))


def contents(tree):
	"""Returns {path: text} of the files below lib and tests of the @tree."""
	return {os.path.join(directory, name): read(os.path.join(directory, name)) for part in ("lib", "tests")
		for directory, _, names in os.walk(os.path.join(tree, part)) for name in names if name.endswith((".c", ".h", ".build"))}


def install(tree):
	return subprocess.run([sys.executable, "-B", SCRIPT, tree], capture_output=True, text=True, check=False)


def check_refusals(directory):
	"""The script refuses an old tree, a tree with such files, and another directory, and changes none of them."""
	for name, path, text, words in (("old", "lib/igt_core.h", "#define igt_main igt_main_args(0)\n", "older than 2.4"),
			("taken", "lib/igt_mm.c", "/* IGT's own */\n", "lib/igt_mm.c"), ("other", "lib/meson.build", None, "no source tree")):
		tree = os.path.join(directory, name)
		small_tree(tree)
		if text is None:
			os.unlink(os.path.join(tree, path))
		else:
			write(os.path.join(tree, path), text)
		before, done = contents(tree), install(tree)
		if done.returncode != 1 or words not in done.stderr or contents(tree) != before:
			sys.exit(f"the script takes the tree '{name}': {done.stdout}{done.stderr}")


def must(*words):
	done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
	if done.returncode:
		sys.exit(f"{' '.join(words[:3])} ended with {done.returncode}\n{done.stdout[-8000:]}")
	return done.stdout


def subtests(directory, program):
	return must(os.path.join(directory, program), "--list-subtests").split()


def check_files(tree):
	"""Each copied source has the licence and the copyright in its first lines, and no path out of the tree."""
	copied = [text for path, text in contents(tree).items() if path.endswith((".c", ".h")) and "amdgpu-userptr authors" in text]
	if len(copied) < 100:
		sys.exit(f"only {len(copied)} files with a line of copyright")
	for text in copied:
		first, second = text.splitlines()[:2]
		if "SPDX-License-Identifier: MIT" not in first or "Copyright (c)" not in second or '"../../' in text:
			sys.exit(f"a file begins with {first} and {second}")


def main(ours, igt_src=""):
	paths = {name: os.path.join(ours, name) for name in os.listdir(ours) if name.startswith("amd_")}
	programs = sorted(name for name, path in paths.items() if os.path.isfile(path) and os.access(path, os.X_OK)
		and name != BENCH)
	with tempfile.TemporaryDirectory() as directory:
		check_refusals(directory)
		tree, build = os.path.join(directory, "igt"), os.path.join(directory, "build")
		if igt_src:
			shutil.copytree(igt_src, tree, symlinks=True, ignore=shutil.ignore_patterns(".git", "build*"))
		else:
			small_tree(tree)
		for _ in range(2):	# the second run must not change anything
			done, before = install(tree), contents(tree)
			if done.returncode:
				sys.exit(done.stderr)
		if install(tree).returncode or contents(tree) != before:
			sys.exit("a second run changes the tree")
		check_files(tree)
		must("meson", "setup", build, tree, *(IGT_OPTIONS if igt_src else []))
		must("ninja", "-C", build, *(f"tests/amdgpu/{program}" for program in programs))
		for program in programs:
			if subtests(os.path.join(build, "tests/amdgpu"), program) != subtests(ours, program):
				sys.exit(f"{program} has other subtests in IGT's tree")
	print(f"{len(programs)} programs")


if __name__ == "__main__":
	main(*sys.argv[1:])

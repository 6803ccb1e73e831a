# SPDX-License-Identifier: MIT
"""The series as an object of its own: its git tree, and what review would ask of it."""

import collections
import filecmp
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile

import kernel
import source
import step
from results import FAIL, PASS, SKIP, Case

AMDGPU = "drivers/gpu/drm/amd/amdgpu"
CHECKPATCH_IGNORE = os.path.join(source.KERNEL, "tools/checkpatch.ignore")

# Configurations that leave parts of the series out, each on top of the guest's.
WITHOUT_HSA = "CONFIG_HSA_AMD=n\nCONFIG_HSA_AMD_SVM=n\n"
VARIANTS = {
	"HSA_AMD=n": WITHOUT_HSA,
	"DRM_AMDGPU_USERPTR=n": WITHOUT_HSA + "CONFIG_DRM_AMDGPU_USERPTR=n\n",
}


def script(name, *arguments):
	return ["bash", os.path.join(source.KERNEL, name), *arguments]


def checkout():
	"""A git tree of base and series in step.TREE."""
	if os.listdir(step.TREE):
		raise step.Failed(f"{step.host_path(step.TREE)} is not empty")
	step.run("making the git tree", script("checkout.sh", source.pristine(), step.TREE, source.PATCHES))
	step.say(f"{len(source.series())} patches on top of the tag \"base\" in {step.host_path(step.TREE)}")


def export():
	"""The commits of step.TREE back to kernel/patches."""
	# The owner of the tree is not necessarily root.
	env = {**os.environ, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
		"GIT_CONFIG_VALUE_0": "*"}
	result = subprocess.run(script("export.sh", step.TREE, source.PATCHES), env=env, capture_output=True,
		text=True)
	if result.returncode:
		raise step.Failed(result.stderr.strip() or "export failed")
	step.say(f"{len(source.series())} patches in {step.host_path(source.PATCHES)}")


def check_export():
	"""Export gives the checked-in patches byte for byte (tried on a tree of just the touched files)."""
	origin = source.pristine()
	with tempfile.TemporaryDirectory() as work:
		base, tree, out = (os.path.join(work, name) for name in ("linux", "tree", "patches"))
		for name in (base, tree, out):
			os.mkdir(name)
		source.copy_touched(base, source.series(), origin)
		# It says how git finds the function a hunk is in.
		shutil.copy(os.path.join(origin, ".gitattributes"), base)
		for command in (script("checkout.sh", base, tree, source.PATCHES), script("export.sh", tree, out)):
			result = subprocess.run(command, capture_output=True, text=True)
			if result.returncode:
				return result.stderr.strip()
		exported = sorted(os.listdir(out))
		if exported != [os.path.basename(path) for path in source.series()]:
			return "export names the patches differently: " + " ".join(exported)
		different = [os.path.basename(path) for path in source.series()
			if not filecmp.cmp(path, os.path.join(out, os.path.basename(path)), shallow=False)]
		return f"export would change {' '.join(different)}" if different else ""


def check_patch(tree, patch):
	ignore = ",".join(line for line in step.read(CHECKPATCH_IGNORE).splitlines()
		if line and not line.startswith("#"))
	result = subprocess.run(["perl", "scripts/checkpatch.pl", "--strict", "--terse", "--show-types", "--no-summary",
		"--color=never", "--ignore", ignore, patch], cwd=tree, capture_output=True, text=True)
	return "; ".join(result.stdout.splitlines() or result.stderr.splitlines()[-1:]) if result.returncode else ""


def module_makefile(tree, out):
	"""(objects of amdgpu.ko, include flags they are compiled with) in configuration @out."""
	show = f"""
include {out}/include/config/auto.conf
srctree := {tree}
src := {tree}/{AMDGPU}
include {tree}/{AMDGPU}/Makefile
$(info $(amdgpu-y))
$(info $(filter -I%,$(ccflags-y)))
all: ;
"""
	result = subprocess.run(["make", "-s", "-f", "-", "all"], input=show, text=True, check=True,
		capture_output=True, cwd=tree)
	objects, flags = result.stdout.splitlines()[:2]
	return {os.path.normpath(os.path.join(AMDGPU, name)) for name in objects.split()}, flags


def compile_touched(what, tree, out, *arguments):
	"""
	Compile the touched objects of the module anew; the log's text. Raises Failed when one does not compile.
	The KFD's part is outside the directory whose Makefile sets its include paths, so that make, asked for
	single objects, needs to be told.
	"""
	objects, flags = module_makefile(tree, out)
	sources = {path for patch in source.series() for path in source.touched(patch)
		if path.endswith(".c") and os.path.exists(os.path.join(tree, path))}
	touched = sorted({path[:-2] + ".o" for path in sources} & objects)
	for name in touched:
		for path in glob.glob(os.path.join(out, name)):
			os.unlink(path)
	command = kernel.make(tree, out, *arguments, f"KCFLAGS={flags}", *touched)
	return step.read(step.run(what, command, env=kernel.environment()))


def prepared(name, tree, extra):
	out = os.path.join(step.BUILD, name)
	kernel.configure(tree, out, extra)
	# auto.conf and generated headers.
	step.run(f"preparing {name}", kernel.make(tree, out, "prepare"), env=kernel.environment(), quiet=True)
	return out


def warnings(text):
	"""Warnings of compiler and sparse without line numbers, counted."""
	found = re.findall(r"^(\S+\.[ch]):\d+(?::\d+)?: ((?:warning|error): .*)$", text, re.M)
	return collections.Counter((os.path.basename(path), message) for path, message in found)


def check_warnings():
	"""The touched objects give no warning with W=1 and sparse that the base did not give."""
	flags = ("W=1", "C=2")
	tree = source.patched()
	out = prepared("kernel-w1", tree, "")
	new = warnings(compile_touched("building the touched objects with W=1 and sparse", tree, out, *flags))
	if new:
		# Only then is the base of interest.
		origin = source.pristine()
		base = prepared("kernel-w1-base", origin, "")
		new -= warnings(compile_touched("building them from the base", origin, base, *flags))
	return "; ".join(f"{path}: {message}" for path, message in sorted(new))


def kernel_doc(tree, paths):
	result = subprocess.run(["scripts/kernel-doc", "-none", *paths], cwd=tree, capture_output=True, text=True)
	text = result.stdout + result.stderr
	return collections.Counter(re.sub(r":\d+", "", line) for line in text.splitlines() if line.strip())


def check_kernel_doc():
	tree, origin = source.patched(), source.pristine()
	paths = sorted({path for patch in source.series() for path in source.touched(patch)
		if path.endswith((".c", ".h")) and os.path.exists(os.path.join(tree, path))})
	known = [path for path in paths if os.path.exists(os.path.join(origin, path))]
	new = kernel_doc(tree, paths) - (kernel_doc(origin, known) if known else collections.Counter())
	return "; ".join(sorted(new))


def attempt(name, check, *arguments):
	try:
		problem = check(*arguments)
	except step.Failed as failure:
		problem = str(failure)
	return Case(name, FAIL if problem else PASS, problem)


def checks():
	"""(name, check, arguments) of everything about a series that is not empty."""
	tree = source.patched()
	for patch in source.series():
		yield f"checkpatch {os.path.basename(patch)}", check_patch, tree, patch
	yield "export reproduces the patches", check_export
	yield "no new warnings with W=1 and sparse", check_warnings
	yield "kernel-doc", check_kernel_doc


def suite():
	"""The cases of suite "kernel"; what passed is not done again until series, base or tools change."""
	applies = attempt("series applies", lambda: source.patched() and "")
	if applies.verdict == FAIL or not source.series():
		why = "the series is empty" if applies.verdict == PASS else "the series does not apply"
		return [applies, Case("review of the patches", SKIP, why)]
	saved = os.path.join(step.BUILD, "series-passed.json")
	here = os.path.dirname(os.path.abspath(__file__))
	tools = glob.glob(os.path.join(source.KERNEL, "*.sh")) + [CHECKPATCH_IGNORE, kernel.FRAGMENT,
		os.path.join(source.KERNEL, "BASE"), os.path.join(here, "series.py")]
	stamp = step.digest(kernel.series_digest(), *(step.read(path) for path in sorted(tools)))
	old = json.loads(step.read_or(saved, "{}"))
	passed = old.get("passed", []) if old.get("stamp") == stamp else []
	cases = [applies]
	for name, check, *arguments in checks():
		case = Case(name, PASS) if name in passed else attempt(name, check, *arguments)
		cases.append(case)
	step.write(saved, json.dumps({"stamp": stamp,
		"passed": [case.name for case in cases if case.verdict == PASS]}))
	return cases

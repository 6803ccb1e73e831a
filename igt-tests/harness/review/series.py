# SPDX-License-Identifier: MIT
"""Makes a git tree of all series, and runs the checks of their code that a reviewer would ask for."""

import collections
import filecmp
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile

from harness import step
from harness.build import kernel, source
from harness.verdict.results import FAIL, PASS, SKIP, Case

AMDGPU = "drivers/gpu/drm/amd/amdgpu"
CHECKPATCH_IGNORE = os.path.join(source.KERNEL, "tools/checkpatch.ignore")

# The checks apply the series to this tree of the checkout: first one series, then two, until all are in it.
TREE = "linux-series"

# {name of a configuration: lines that are added to the guest's configuration}. In these configurations parts of the
# series are not compiled, and the rest must still build.
WITHOUT_HSA = "CONFIG_HSA_AMD=n\nCONFIG_HSA_AMD_SVM=n\n"
VARIANTS = {
	"HSA_AMD=n": WITHOUT_HSA,
	"DRM_AMDGPU_USERPTR=n": WITHOUT_HSA + "CONFIG_DRM_AMDGPU_USERPTR=n\n",
}


def script(name, *arguments):
	return ["bash", os.path.join(source.KERNEL, name), *arguments]


def counts():
	return ", ".join(f"{len(source.series(name))} patches of {name}" for name in source.SERIES)


def words_of(result, text):
	"""
	Returns the problem of the failed program @result: its output @text, or its status if it printed nothing. A check
	takes an empty text for a success.
	"""
	return text or f"{' '.join(result.args[:2])} ended with status {result.returncode}"


def checkout():
	"""Make a git tree in step.TREE from the base and the series. Each series is a branch of it."""
	if os.listdir(step.TREE):
		raise step.Failed(f"{step.host_path(step.TREE)} is not empty")
	step.run_logged("making the git tree", script("checkout.sh", source.pristine(), step.TREE, source.PATCHES))
	step.give(step.TREE)
	step.say(f"{counts()} on top of the tag \"base\" in {step.host_path(step.TREE)}")


def export():
	"""Write the commits of the git tree step.TREE to the folders of kernel/patches."""
	# Without safe.directory git, which runs as root here, refuses a tree of another user. With GIT_OPTIONAL_LOCKS=0
	# git status does not write the tree's index, which would belong to root then.
	env = {**os.environ, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
		"GIT_CONFIG_VALUE_0": "*", "GIT_OPTIONAL_LOCKS": "0"}
	result = subprocess.run(script("export.sh", step.TREE, source.PATCHES), env=env, capture_output=True,
		text=True)
	if result.returncode:
		raise step.Failed(result.stderr.strip() or "export failed")
	step.give(source.PATCHES)
	step.say(f"{counts()} in {step.host_path(source.PATCHES)}")


def check_export():
	"""
	Check that a checkout and an export write the series as they are in kernel/patches, byte for byte. Returns the
	problem, or "". To be quick, the tree has only the files that the series touch.
	"""
	origin = source.pristine()
	with tempfile.TemporaryDirectory() as work:
		base, tree, out = (os.path.join(work, name) for name in ("linux", "tree", "patches"))
		for name in (base, tree, out):
			os.mkdir(name)
		source.copy_touched(base, source.series(), origin)
		# With .gitattributes git writes the same function names behind the @@ of hunks as in the whole tree.
		shutil.copy(os.path.join(origin, ".gitattributes"), base)
		# export.sh takes the text of a cover letter from the cover letter that its output directory already has.
		for path in filter(os.path.exists, map(source.cover, source.SERIES)):
			os.makedirs(os.path.join(out, os.path.dirname(source.label(path))))
			shutil.copy(path, os.path.join(out, source.label(path)))
		for command in (script("checkout.sh", base, tree, source.PATCHES), script("export.sh", tree, out)):
			result = subprocess.run(command, capture_output=True, text=True)
			if result.returncode:
				return words_of(result, result.stderr.strip())
		return differences(source.PATCHES, out)


def differences(here, exported):
	"""
	Returns how the patches in the folders @here and @exported differ in names or content, or "" if they do not.
	"""
	names = {directory: {os.path.relpath(path, directory) for path in glob.glob(os.path.join(directory, "*/*"))}
		for directory in (here, exported)}
	if names[here] != names[exported]:
		return "export names the patches differently: " + " ".join(sorted(names[here] ^ names[exported]))
	different = [name for name in sorted(names[here])
		if not filecmp.cmp(os.path.join(here, name), os.path.join(exported, name), shallow=False)]
	return f"export would change {' '.join(different)}" if different else ""


def check_patch(tree, patch):
	ignore = ",".join(line for line in step.read(CHECKPATCH_IGNORE).splitlines()
		if line and not line.startswith("#"))
	result = subprocess.run(["perl", "scripts/checkpatch.pl", "--strict", "--terse", "--show-types", "--no-summary",
		"--color=never", "--ignore", ignore, patch], cwd=tree, capture_output=True, text=True)
	if not result.returncode:
		return ""
	return words_of(result, "; ".join(result.stdout.splitlines() or result.stderr.splitlines()[-1:]))


def author(path):
	"""Returns the author of the patch or cover letter @path. The name may be wrapped."""
	return " ".join(re.search(r"^From: (.*(?:\n[ \t].*)*)", step.read(path), re.M)[1].split())


def check_authors():
	"""
	Check that all patches have the author of the cover letters, because git takes the author of a new commit from
	the configuration of the machine. Returns the problem, or "".
	"""
	wanted = author(source.cover(source.SERIES[0]))
	others = [source.label(patch) for patch in source.series() if author(patch) != wanted]
	return f"not by {wanted}: {' '.join(others)}" if others else ""


def makefile(directory, tree, out):
	"""
	Returns (objects of a @directory of the kernel that the configuration of @out has, include flags with which they
	have to be compiled). Lets make read the Makefile of the directory.
	"""
	show = f"""
include {out}/include/config/auto.conf
srctree := {tree}
src := {tree}/{directory}
obj := {directory}
include {tree}/{directory}/Makefile
$(info $(foreach name,$(obj-y) $(obj-m),$(name) $($(name:.o=-y)) $($(name:.o=-objs))))
$(info $(filter -I%,$(ccflags-y) $(subdir-ccflags-y)))
all: ;
"""
	result = subprocess.run(["make", "-s", "-f", "-", "all"], input=show, text=True, check=True,
		capture_output=True, cwd=tree)
	objects, flags = result.stdout.splitlines()[:2]
	return {os.path.normpath(os.path.join(directory, name)) for name in objects.split() if name.endswith(".o")}, flags


def objects_of(sources, tree, out):
	"""
	Returns (objects of the @sources that the configuration of @out has, include flags). The Makefile of amdgpu sets
	the include flags also for the sources of KFD, which are in another directory. If make is asked for single
	objects of KFD, it does not read that Makefile, so the caller has to pass the flags.
	"""
	objects, flags = makefile(AMDGPU, tree, out)
	for directory in {os.path.dirname(path) for path in sources if not path.startswith(os.path.dirname(AMDGPU))}:
		objects |= makefile(directory, tree, out)[0]
	return {path[:-2] + ".o" for path in sources if os.path.exists(os.path.join(tree, path))} & objects, flags


def compile_touched(what, patches, tree, out, *arguments):
	"""
	Compile the objects that the @patches touch anew. Returns the text of the log. Raises Failed if one does not
	compile.
	"""
	touched, flags = objects_of(source.sources(patches), tree, out)
	for name in touched:
		for path in glob.glob(os.path.join(out, name)):
			os.unlink(path)
	# Without --output-sync, processes that run at the same time write into each other's warnings.
	command = kernel.make(tree, out, "--output-sync=target", *arguments, f"KCFLAGS={flags}", *sorted(touched))
	return step.read(step.run_logged(what, command, env=kernel.environment()))


def prepared(name, tree, extra):
	out = os.path.join(step.BUILD, name)
	kernel.configure(tree, out, extra)
	# Let make write auto.conf, which makefile() reads, and the headers that are generated.
	step.run_logged(f"preparing {name}", kernel.make(tree, out, "prepare"), env=kernel.environment(), quiet=True)
	return out


def warnings(text):
	"""
	Returns how often the log @text has each warning of compiler and sparse. Line numbers are left out: patches
	change them.
	"""
	found = re.findall(r"^(\S+\.[ch]):\d+(?::\d+)?: ((?:warning|error): .*)$", text, re.M)
	return collections.Counter((os.path.basename(path), message) for path, message in found)


def check_warnings(name):
	"""
	Check with W=1 and sparse that the series @name, and those before it, add no warning in the objects that they
	touch. Returns the new warnings, or "".
	"""
	flags = ("W=1", "C=2")
	patches = source.series(*source.up_to(name))
	tree = source.patched(TREE, patches)
	out = prepared(f"kernel-w1-{name}", tree, "")
	new = warnings(compile_touched(f"building the objects touched up to {name} with W=1 and sparse", patches, tree, out, *flags))
	if new:
		# The base may have some of the warnings, too. So build the base, and take away its warnings.
		origin = source.pristine()
		base = prepared("kernel-w1-base", origin, "")
		new -= warnings(compile_touched("building them from the base", patches, origin, base, *flags))
	return "; ".join(f"{path}: {message}" for path, message in sorted(new))


def kernel_doc(tree, paths):
	"""
	Returns how often kernel-doc prints each warning about the files @paths of the @tree. Line numbers are left out.
	"""
	result = subprocess.run(["scripts/kernel-doc", "-none", *paths], cwd=tree, capture_output=True, text=True)
	# With -none kernel-doc ends with 0 whatever it finds. If it crashed on both trees, their outputs would not differ.
	if result.returncode:
		raise step.Failed(words_of(result, "; ".join(result.stderr.splitlines()[-1:])))
	text = result.stdout + result.stderr
	return collections.Counter(re.sub(r":\d+", "", line) for line in text.splitlines() if line.strip())


def check_kernel_doc(name):
	patches, origin = source.series(*source.up_to(name)), source.pristine()
	tree = source.patched(TREE, patches)
	paths = sorted({path for patch in patches for path in source.touched(patch)
		if path.endswith((".c", ".h")) and os.path.exists(os.path.join(tree, path))})
	known = [path for path in paths if os.path.exists(os.path.join(origin, path))]
	new = kernel_doc(tree, paths) - (kernel_doc(origin, known) if known else collections.Counter())
	return "; ".join(sorted(new))


def check_applies(name):
	"""
	Apply the series @name on top of the series before it. Raises Failed if it does not apply; returns another
	problem, or "".
	"""
	source.patched(TREE, source.series(*source.up_to(name)))
	return "" if source.series(name) else "the series is empty"


def attempt(name, check, *arguments):
	try:
		problem = check(*arguments)
	except step.Failed as failure:
		problem = str(failure)
	return Case(name, FAIL if problem else PASS, problem)


def checks(tree):
	"""
	Yields (name, function, arguments...) of all checks but check_applies(). They need series that apply; @tree is the
	kernel with all of them.
	"""
	for patch in source.series():
		yield f"checkpatch {source.label(patch)}", check_patch, tree, patch
	yield "all patches have one author", check_authors
	yield "export reproduces the patches", check_export
	for name in source.SERIES:
		yield f"no new warnings with W=1 and sparse: {name}", check_warnings, name
		yield f"kernel-doc: {name}", check_kernel_doc, name


def names():
	return [applies(name) for name in source.SERIES] + [name for name, *_ in checks("")]


def applies(name):
	"""Returns the name of the case that says whether the series @name applies."""
	return f"applies: {name}"


def code_cases():
	"""
	Returns the cases of the suite "kernel" about code. Repeats a check that has passed only if series, base,
	configuration or scripts have changed since.
	"""
	applied = [attempt(applies(name), check_applies, name) for name in source.SERIES]
	if any(case.verdict == FAIL for case in applied):
		return applied + [Case("review of the patches", SKIP, "a series does not apply")]
	saved = os.path.join(step.BUILD, "series-passed.json")
	here = os.path.dirname(os.path.abspath(__file__))
	tools = glob.glob(os.path.join(source.KERNEL, "*.sh")) + [CHECKPATCH_IGNORE, kernel.FRAGMENT,
		os.path.join(source.KERNEL, "BASE"), os.path.join(here, "series.py")]
	covers = filter(os.path.exists, map(source.cover, source.SERIES))
	stamp = step.digest(kernel.series_digest(), *(step.read(path) for path in sorted(tools)), *map(step.read, covers))
	old = json.loads(step.read_or(saved, "{}"))
	passed = old.get("passed", []) if old.get("stamp") == stamp else []
	cases = []
	for name, check, *arguments in checks(source.patched()):
		cases.append(Case(name, PASS) if name in passed else attempt(name, check, *arguments))
	step.write(saved, json.dumps({"stamp": stamp,
		"passed": [case.name for case in cases if case.verdict == PASS]}))
	return applied + cases

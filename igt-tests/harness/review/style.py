# SPDX-License-Identifier: MIT
"""Checks those rules of docs/contributing.md that a program can check."""

import glob
import os
import re
import subprocess

from harness import arguments, step
from harness.build import project
from harness.review import readme
from harness.verdict.results import FAIL, PASS, Case

MAX_LINES = 700
SPDX = "SPDX-License-Identifier: MIT"
CHANGELOG = "docs/CHANGELOG.md"
DESTRUCTIVE = "igt-tests/testlists/amd-userptr.destructive.testlist"
PATCHES = ("kernel/patches/", "kernel/controls/")
# Debian's tools permit no comment in these files, so they have no SPDX line. Their licence is in debian/copyright.
NO_COMMENT = ("lib/debian/changelog", "lib/debian/copyright", "lib/debian/source/format")
# Matches paths that exist on one machine only. The pattern is written so that it does not match this file.
MACHINE_PATH = re.compile(r"/(root/\.|work/|home/[a-z])")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
VGPU = os.path.join(project.DIRECTORY, "igt-tests/vgpu")
# Matches old names that the project has replaced because a word in them had two meanings (docs/glossary.md), so that
# nobody brings them back. The pattern is written so that it does not match this file.
OLD_NAMES = re.compile(r"\b(amd_userptr_ho" r"les|amd_userptr_(start|stop)\(|amd_userptr_expect_st" r"ops|VG_NUM_M" r"ES\b|VG_FA" r"ULT_|"
	r"vgpu_dma_ch" r"anged|test" r"ing\.md)")
# Matches names of files that name no subject, as docs/contributing.md forbids.
NO_SUBJECT = re.compile(r"(^|_|/)(more|misc|utils?|helpers?|common)\.(c|h|py|sh)$")
# The rules of docs/contributing.md for messages of commits hold since these dates. The checks leave out older commits.
SUBJECT_RULE = "2026-11-28T10:00:00Z"	# the rule about the length of the subject
PREFIX_RULE = "2026-11-28T15:00:00Z"	# the rules about the prefix of the subject, and about the body
IMPERATIVE_RULE = "2026-11-29T17:00:00Z"	# the rule about the first word behind the prefix
WHAT_RULE = "2026-12-01T00:00:00Z"	# the rule that the subject has no "what"
SUBJECT_LENGTH = 72
# Words with which no imperative sentence begins.
NO_VERBS = ("the", "a", "an", "what", "more")
PREFIXES = ("kernel", "lib", "vgpu", "igt", "run", "docs")


def files():
	"""
	Returns the paths of all files of the checkout that are in git, or that git add would add, relative to the
	checkout.
	"""
	result = subprocess.run(["git", "-c", "safe.directory=*", "-C", step.PROJECT, "ls-files", "-z", "--cached", "--others",
		"--exclude-standard"], capture_output=True)
	if result.returncode == 0:
		names = result.stdout.decode().split("\0")
	else:	# the checkout is no git tree, so take all files
		names = [os.path.relpath(os.path.join(directory, name), step.PROJECT)
			for directory, _, found in os.walk(step.PROJECT) for name in found]
	return sorted(name for name in names if name and not name.startswith(".git/")
		and os.path.isfile(os.path.join(step.PROJECT, name)))


def lines(name):
	with open(os.path.join(step.PROJECT, name), encoding="utf-8", errors="replace") as f:
		return f.read().splitlines()


def ours(names):
	"""Returns those @names whose style this project decides: not the licence, and not the patches of the kernel."""
	return [name for name in names if name != "LICENSE" and not name.startswith(PATCHES)]


def check_spdx(names):
	"""The SPDX line is the first line, or the second line after a #! line"""
	wrong = []
	for name in ours(names):
		if name in NO_COMMENT:
			continue
		head = lines(name)[:2]
		first = head[1:] if head and head[0].startswith("#!") else head[:1]
		if not first or SPDX not in first[0]:
			wrong.append(name)
	return wrong


def check_size(names):
	return [f"{name} ({len(lines(name))})" for name in ours(names) if len(lines(name)) > MAX_LINES]


def matching(names, pattern):
	return [f"{name}:{number}" for name in names for number, line in enumerate(lines(name), 1)
		if pattern.search(line)]


def check_paths(names):
	return matching(names, MACHINE_PATH)


def check_finished(names):
	return matching(ours(names), UNFINISHED)


def check_shell(names):
	scripts = [name for name in ours(names) if re.match(r"#!.*\b(sh|bash)\b", (lines(name) or [""])[0])]
	result = subprocess.run(["shellcheck", "--format=gcc", *scripts], cwd=step.PROJECT, capture_output=True,
		text=True)
	found = result.stdout.splitlines()
	# shellcheck ends with 1 if it has found something. Otherwise it has not checked all scripts.
	if result.returncode not in (0, 1) or result.returncode and not found:
		found.append(f"shellcheck ended with status {result.returncode}: {result.stderr.strip()}")
	return found


VGPU_SOURCE = "igt-tests/vgpu/"
# {folder or file of the simulated GPU: the folders whose headers it may include}. Each may also include its own headers
# and vgpu.h. "kernel" stands for the headers of the guest's kernel that describe the hardware. Tests may include any
# header.
VGPU_INCLUDES = {
	"core": (),
	"engine": ("core", "kernel"),
	"oracle": ("core",),
	"gfx9": ("core", "engine", "kernel"),
	"vgpu.c": ("core", "oracle", "gfx9"),
	"host": (),
	"main.c": ("host",),
}


VGPU_OTHERS = ("tests", "fuzz", "vgpu.h")	# folders whose files may include any header, and the header that includes none


def folder(name):
	"""
	Returns the first folder of the path of a file of the simulated GPU, or the name of the file if it is in no folder.
	Returns "tests" for tests, and "kernel" if the file @name does not belong to the simulated GPU.
	"""
	if not name.startswith(VGPU_SOURCE):
		return "kernel"
	parts = name[len(VGPU_SOURCE):].split("/")
	return "tests" if "tests" in parts[:-1] else parts[0]


def included(name, header, names):
	"""Returns the file that the compiler reads for #include "@header" in the file @name. @names are all files."""
	beside = os.path.normpath(os.path.join(os.path.dirname(name), header))
	return beside if beside in names else os.path.normpath(VGPU_SOURCE + header)


def check_includes(names):
	"""Includes of the simulated GPU go one way, from folder to folder"""
	known = set(names)
	wrong = []
	for name in names:
		here = folder(name)
		if not name.endswith((".c", ".h")) or here in ("kernel", *VGPU_OTHERS):
			continue
		if here not in VGPU_INCLUDES:
			wrong.append(f"{name}: VGPU_INCLUDES has no {here}")
			continue
		for number, line in enumerate(lines(name), 1):
			match = re.match(r'\s*#\s*include\s*"(.*)"', line)
			path = match and included(name, match.group(1), known)
			there = path and folder(path if path in known else "")
			if there and there not in (here, "vgpu.h", *VGPU_INCLUDES[here]):
				wrong.append(f"{name}:{number}: {here} includes {there}")
	return wrong


def check_globals(_names):
	"""All state of the simulated GPU hangs off struct vgpu, so its object files have no writable data"""
	# Leave out fuzz, too, because it has objects of the same sources that clang has instrumented.
	objects = [path for path in glob.glob(os.path.join(VGPU, "**/*.o"), recursive=True)
		if "/tests/" not in path and "/fuzz/" not in path]
	if not objects:
		return ["vgpu has not been built"]
	result = subprocess.run(["nm", "--format=sysv", "--defined-only", *objects], capture_output=True, text=True,
		check=True)
	wrong = []
	for line in result.stdout.splitlines():
		fields = [field.strip() for field in line.split("|")]
		if len(fields) != 7 or fields[3] != "OBJECT":
			continue
		# Permit .data.rel.ro, because the loader makes it read-only after the relocation.
		if re.match(r"\.(data|bss)|\*COM\*", fields[6]) and not fields[6].startswith(".data.rel.ro"):
			wrong.append(fields[0])
	return wrong


def check_names(names):
	"""One word has one meaning"""
	return matching(ours(names), OLD_NAMES) + [name for name in ours(names) if NO_SUBJECT.search(name)]


# Matches the files that have tabs by .editorconfig. In .map, .cfg and shell scripts without an extension no line is
# aligned by spaces, either.
TABS = re.compile(r"\.(c|h|map|py|sh|bash|cfg)$|(^|/)(run|init|session)$|^igt-tests/harness/door/(root|stubs)/[^/]+$")


def check_editorconfig(names):
	"""Files follow .editorconfig: tabs, no white space at the end of a line, a newline at the end of a file"""
	wrong = []
	for name in ours(names):
		text = step.read(os.path.join(step.PROJECT, name))
		if text and not text.endswith("\n"):
			wrong.append(f"{name}: no newline at the end")
		indented = re.compile(r"^ {8}|^\t* +\t" if TABS.search(name) else r"(?!)")
		wrong += [f"{name}:{number}" for number, line in enumerate(lines(name), 1)
			if line != line.rstrip() or indented.search(line)]
	return wrong


def c_files(names):
	return [name for name in names if name.endswith((".c", ".h"))]


def unformatted(names):
	"""
	Returns {file: the text that clang-format would write} of the C files in @names that clang-format would change.
	"""
	result = {}
	for name in c_files(names):
		text = subprocess.run(["clang-format", name], cwd=step.PROJECT, capture_output=True, text=True, check=True).stdout
		if text != step.read(os.path.join(step.PROJECT, name)):
			result[name] = text
	return result


def check_format(names):
	"""C files look as .clang-format says; ./run format writes them so"""
	return list(unformatted(names))


def write_formatted():
	"""Write the C files of the checkout as .clang-format says. Returns the names of the changed files."""
	changed = unformatted(files())
	for name, text in changed.items():
		with open(os.path.join(step.PROJECT, name), "w", encoding="utf-8") as f:
			f.write(text)
	return list(changed)


def commits(since):
	"""Returns (hash, subject, body) of each commit after the date @since; none if the checkout has no history."""
	result = subprocess.run(["git", "-c", "safe.directory=*", "-C", step.PROJECT, "log", "--no-merges", "-z",
		"--format=%h%n%s%n%b", "--since=" + since], capture_output=True, text=True)
	return [text.split("\n", 2) for text in result.stdout.split("\0") if text]


def message_problems(subject, body):
	"""Returns the problems of the message of a commit, apart from the length of its subject."""
	prefix, colon, _ = subject.partition(": ")
	problems = []
	if not colon or not set(prefix.split(", ")) <= set(PREFIXES):
		problems.append(f"no prefix of {', '.join(PREFIXES)}")
	if not body.strip():
		problems.append("no body")
	return problems


def is_imperative(subject):
	"""Returns whether the sentence behind the prefix of @subject may be an imperative."""
	return subject.partition(": ")[2].split(" ")[0].lower() not in NO_VERBS


def has_what(subject):
	"""Returns whether @subject has the word "what", which stands there in the place of the name of a thing."""
	return bool(re.search(r"\bwhat\b", subject, re.I))


def check_messages(_names):
	"""
	Messages of commits have a subject that fits a line, a prefix of the list in contributing.md, an imperative behind
	it, no "what", and a body
	"""
	wrong = [f"{commit} {subject}: longer than {SUBJECT_LENGTH}" for commit, subject, _ in commits(SUBJECT_RULE)
		if len(subject) > SUBJECT_LENGTH]
	wrong += [f"{commit} {subject}: no imperative" for commit, subject, _ in commits(IMPERATIVE_RULE)
		if not is_imperative(subject)]
	wrong += [f"{commit} {subject}: \"what\" in the place of a name" for commit, subject, _ in commits(WHAT_RULE)
		if has_what(subject)]
	return wrong + [f"{commit} {subject}: {problem}" for commit, subject, body in commits(PREFIX_RULE)
		for problem in message_problems(subject, body)]


def check_readme(_names):
	"""
	README's sample of ./run test has each suite once, in order, and the right sum; its sample of the library has only
	names of the headers; its table of effects has all destructive programs; the glossary is there
	"""
	text = step.read(readme.README)
	return [*readme.problems(text, arguments.usual_suites()),
		*readme.library_problems(text, "".join(map(step.read, glob.glob(os.path.join(step.PROJECT, "lib/include/*.h"))))),
		*readme.effect_problems(text, step.read(os.path.join(step.PROJECT, DESTRUCTIVE))),
		*readme.glossary_problems(step.read(os.path.join(step.PROJECT, "docs/glossary.md")))]


def check_changelog(_names):
	"""The changelog begins with the version of the library's header"""
	version = subprocess.run(["sh", "lib/version.sh", "lib/include/amdgpu_userptr.h"], cwd=step.PROJECT, capture_output=True,
		text=True, check=True).stdout.strip()
	return version_problems(step.read(os.path.join(step.PROJECT, CHANGELOG)), version)


def version_problems(text, version):
	"""Returns the problem of the @text of the changelog, if its first section is not that of @version."""
	first = re.search(r"^## (\S+)", text, re.M)
	return [] if first and first[1] == version else [f"{CHANGELOG} begins with {first and first[1]}, not {version}"]


CHECKS = {
	"licence line": check_spdx,
	"file size": check_size,
	"no path of a machine": check_paths,
	"nothing unfinished": check_finished,
	"shellcheck": check_shell,
	"include directions": check_includes,
	"vgpu has no writable globals": check_globals,
	"one word, one meaning": check_names,
	"white space": check_editorconfig,
	"clang-format": check_format,
	"messages of commits": check_messages,
	"README": check_readme,
	"version of the changelog": check_changelog,
}


def style_cases():
	names = files()
	cases = []
	for what, check in CHECKS.items():
		wrong = check(names)
		cases.append(Case(what, FAIL if wrong else PASS, ", ".join(wrong)))
	return cases

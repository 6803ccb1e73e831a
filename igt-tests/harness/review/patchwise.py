# SPDX-License-Identifier: MIT
"""
Checks that the kernel builds after each patch of all series, in each configuration.

A full build after each patch would take hours, so this module compiles only some sources: the sources that some patch
touches, and, after a patch of a header, other sources in the folders of the patch's files that use a name which the
patch removes or declares in another way.

After a patch, it compiles a source again if the patch changed the source, or if the source includes a header that the
patch changed and uses such a name. Other sources hardly ever break: if a patch breaks a source that it does not touch,
the reason is almost always a name in a header. After the last patch the module compiles all touched sources that
include a changed header. This step, and the builds of the guests' kernels, find sources that broke in another way.

make compiles the state with which a run begins (the base, or a state that is known from an earlier run), the sources
that a Makefile adds, and other sources for the first time. After the other patches this module calls the compiler with
the command that make had used, because make needs seconds to find out which sources to compile.

The module does not link the objects. Instead it compares their symbols: after no patch may an object use a symbol that
an object defines only after another patch. So after its last patch a series needs no symbol of the series that come
later.
"""

import collections
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess

from harness import step
from harness.build import kernel, source
from harness.review import series
from harness.verdict.results import FAIL, PASS, Case

TREE, DIRECTORY = "linux-steps", "steps"
UP_TO, ALL_COMPILED = "builds up to ", "every source is compiled"	# names of cases
# FIELD and CALLED match names that a line of a header may declare: FIELD the names of fields and objects, CALLED the
# names of functions and of macros with arguments.
FIELD = re.compile(r"\b([A-Za-z_]\w*)(?:\[\w*\])*\s*;")
CALLED = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
# Words that the expressions above find, but that are no names.
KEYWORDS = {"", "bool", "false", "for", "if", "int", "return", "sizeof", "true", "while", "IS_ENABLED", "NULL"}
# In the text of statements(): a line was removed or added here.
REMOVED, ADDED = "\1", "\2"
# Matches names that a line of a header may define: of a macro, a type or an enumerator.
DEFINED = re.compile(r"^\s*#\s*define\s+(\w+)|\b(?:struct|union|enum)\s+(\w+)\s*\{|^\s*([A-Z]\w*)\s*(?:=.*)?,$", re.M)
# Matches a line inside a comment. COMMENT does not find it if the patch changes neither the begin nor the end of the
# comment.
INSIDE_COMMENT = re.compile(r"^[\1\2]*\s*\*(?:\s.*|/)?$|^[\1\2]*\s*\*.*\*/$", re.M)
# The names of the files that define the kernel's options begin with this word, also the name Kconfig.debug.
KCONFIG = "Kconfig"
KUNIT = "DRM_AMDGPU_USERPTR_KUNIT_TEST"
# {name of a configuration: lines that are added to the guest's configuration}. CONFIG_DRM_AMDGPU_CIK is on because the
# series touch sources for GPUs of that generation.
CONFIGURATIONS = {"the guest's and KUnit": f"CONFIG_KUNIT=y\nCONFIG_{KUNIT}=y\nCONFIG_DRM_AMDGPU_CIK=y\n",
	**series.VARIANTS}
# ccache does not trust a header that somebody wrote just before, and then does not use its cache. With this variable
# ccache trusts such headers.
CCACHE = {"CCACHE_SLOPPINESS": "include_file_mtime,include_file_ctime"}


def diff_of(patch):
	"""Returns the text of a patch without its message."""
	text = step.read(patch)
	return text[text.find("\ndiff --git "):]


def may_include(directory, header):
	"""
	Returns whether sources in @directory may include @header. A header that is not in include/ is only for its own
	subsystem: sources in mm/ do not include a header in drivers/.
	"""
	return not directory or header.startswith("include/") or header.split("/")[0] == directory.split("/")[0]


def statements(part):
	"""
	Yields the statements of a header that @part, the diff of the header, removes or changes, as they are before the
	patch.
	"""
	text = ""
	for line in part.splitlines():
		if line.startswith("@@"):
			text += ";\n"
		elif line.startswith("+") and not line.startswith("+++"):
			text += ADDED
		elif line.startswith(("-", " ")) and not line.startswith("---"):
			text += REMOVED * (line[0] == "-") + line[1:] + "\n"
	text = INSIDE_COMMENT.sub("", COMMENT.sub("", text))
	# The preprocessor's lines have no semicolon.
	text = re.sub(r"^([\1\2]*\s*#.*[^\\\n])$", r"\1;", text, flags=re.M)
	for statement in re.findall(r"[^;{}]*[;{}]?", text):
		# Lines that the patch adds before a statement or behind it do not change the statement.
		if REMOVED in statement or ADDED in statement.lstrip(ADDED + " \t\n").rstrip(ADDED + " \t\n;{}"):
			yield statement.replace(REMOVED, "").replace(ADDED, "")


def names_in_headers(patch, directory=""):
	"""
	Returns (names of fields, names of functions and others) that @patch removes or declares in another way in
	headers that sources in @directory may include.
	"""
	fields, functions = set(), set()
	for part in diff_of(patch).split("\ndiff --git ")[1:]:
		name = part.split("\n", 1)[0].split(" b/")[-1]
		if name.endswith(".h") and may_include(directory, name):
			text = "\n".join(statements(part))
			fields.update(FIELD.findall(text))
			functions.update(CALLED.findall(text), *DEFINED.findall(text))
	return fields - KEYWORDS, functions - KEYWORDS


def uses(text, fields, functions):
	"""Returns whether the source @text uses one of the @fields or @functions."""
	return bool(functions & set(re.findall(r"\w+", text)) or fields & set(re.findall(r"(?:->|\.)\s*(\w+)", text)))


def users(patch, tree):
	"""
	Returns the sources of @tree, in the folders of the files that @patch touches, that use a name which @patch
	removes from a header or declares in another way.
	"""
	paths = set()
	for directory in {os.path.dirname(path) for path in source.touched(patch) if not path.startswith("tools/")}:
		names = names_in_headers(patch, directory)
		if any(names):
			paths.update(os.path.relpath(path, tree) for path in glob.glob(os.path.join(tree, directory, "*.c"))
				if uses(step.read(path), *names))
	return paths


def beside(name, what):
	"""Returns the name of the file WHAT that kbuild or the compiler writes for the object @name."""
	directory, base = os.path.split(name)
	return os.path.join(directory, f".{base}.{what}")


class Build:
	"""The objects of one configuration, which are brought up to date after each patch."""

	def __init__(self, name, extra, sources, kconfigs=()):
		self.name, self.extra, self.sources, self.kconfigs = name, extra, sources, kconfigs
		self.out = None
		self.commands = {}	# {object: command that compiles it}
		self.deps = {}		# {object: files of the tree that the compiler reads for it}
		self.broken = set()	# objects that did not compile
		self.stale = set()	# objects that were not compiled since a patch changed a header they include

	def objects(self, tree, sources=None):
		"""
		Returns (objects of the @sources, or of those that the series touch, that this configuration has, flags
		with which they have to be compiled).
		"""
		return series.objects_of(self.sources if sources is None else sources, tree, self.out)

	def configure(self, tree):
		"""
		Choose the directory of the objects, and configure it unless that is done. Each content of the Kconfig
		files has a directory of its own, so that a next run need not configure them anew.
		"""
		texts = [step.read_or(os.path.join(tree, path)) for path in self.kconfigs]
		extra = "".join(line for line in self.extra.splitlines(True) if KUNIT not in line or KUNIT in "".join(texts))
		name = f"{DIRECTORY}/{re.sub(r'[^a-z]+', '-', self.name.lower())}-{step.digest(*texts)[:8]}"
		for path in self.kconfigs:
			path = os.path.join(tree, path)
			# Make the file look old, so that make does not configure anew because of it. Leave out a hard
			# link: no patch has changed it, and it is the same file as in the base, whose time must not
			# change.
			if os.path.exists(path) and os.stat(path).st_nlink == 1:
				os.utime(path, times=(0, 0))
		self.out = series.prepared(name, tree, extra)

	def by_make(self, tree, new=None):
		"""Let make compile all touched sources, or if given the @new objects only. Returns the output of make."""
		if not new:
			self.configure(tree)
			self.commands, self.deps, self.broken, self.stale = {}, {}, set(), set()
		objects, flags = self.objects(tree)
		objects = new or objects
		for name in objects:
			for path in glob.glob(os.path.join(self.out, name)):
				os.unlink(path)
		result = subprocess.run(kernel.make(tree, self.out, "-k", f"KCFLAGS={flags}", *sorted(objects)),
			env={**kernel.environment(), **CCACHE}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
		for name in objects:
			self.learn(tree, name, step.read_or(self.beside(name, "cmd")))
		self.broken |= {name for name in objects if not os.path.exists(os.path.join(self.out, name))}
		if result.returncode and not self.broken:
			raise step.Failed(f"make failed in {self.name}: {result.stderr.strip()[-200:]}")
		return result.stdout + result.stderr

	def configure_again(self, tree):
		"""
		Configure after a patch of a Kconfig file, and take over the objects. The patch touches the sources that use
		a new option.
		"""
		before = self.out
		self.configure(tree)
		for name in self.commands if self.out != before else ():
			for path in (name, beside(name, "d"), beside(name, "cmd")):
				old, new = os.path.join(before, path), os.path.join(self.out, path)
				if os.path.exists(old):
					os.makedirs(os.path.dirname(new), exist_ok=True)
					shutil.copy2(old, new)

	def beside(self, name, what):
		return os.path.join(self.out, beside(name, what))

	def learn(self, tree, name, cmd):
		"""
		Learn by which command to compile the object @name, and which files it depends on. @cmd is the text of
		the file .NAME.cmd, which kbuild has written beside the object.
		"""
		match = re.search(r"^savedcmd_\S+ := (.*)$", cmd, re.M)
		if match:
			self.commands[name] = match[1].replace("$(pound)", "#").replace("$$", "$")
			self.read_by(tree, name, cmd)

	def read_by(self, tree, name, text):
		self.deps[name] = {os.path.normpath(path) for path in re.findall(re.escape(tree) + r"/([^\s\\:]+)", text)}

	def compile(self, tree, name):
		"""Call the compiler for the object @name. Returns the output of the compiler."""
		result = subprocess.run(["sh", "-ec", self.commands[name]], cwd=self.out, stdin=subprocess.DEVNULL,
			env={**kernel.environment(), **CCACHE}, capture_output=True, text=True)
		if result.returncode:
			self.broken.add(name)
		else:
			self.broken.discard(name)
			self.read_by(tree, name, step.read(self.beside(name, "d")))
		return result.stdout + result.stderr

	def concerns(self, tree, name, changed, names):
		"""
		Returns whether the object @name must be compiled again after a patch of the files @changed, which
		changed the @names in headers.
		"""
		if name in self.broken or name[:-2] + ".c" in changed:
			return True
		if not any(names):
			return False
		return bool(self.deps[name] & changed) and uses(step.read(os.path.join(tree, name[:-2] + ".c")), *names)

	def update(self, tree, changed, names, others, last):
		"""
		Compile the objects that the patch of the files @changed concerns, also those of the sources @others,
		and those that did not compile before. If this is the @last patch, compile all stale objects of touched
		sources. Returns the output of the compiler.
		"""
		if any(os.path.basename(path).startswith(KCONFIG) for path in changed):
			self.configure_again(tree)
		objects, _ = self.objects(tree)
		around = self.objects(tree, others)[0] if others else set()
		self.broken &= objects | around | set(self.commands)
		# If make could not compile an object, its command may be unknown, so that only make can try it again.
		if self.broken - set(self.commands):
			return self.by_make(tree)
		new = (objects | around) - set(self.commands)
		text = self.by_make(tree, new) if new else ""
		known = {name for name in self.commands if os.path.exists(os.path.join(tree, name[:-2] + ".c"))} - new
		todo = {name for name in known if self.concerns(tree, name, changed, names)}
		self.stale = (self.stale | {name for name in known & objects if self.deps[name] & changed}) - todo
		if last:
			todo, self.stale = todo | self.stale & known, set()
		with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
			return text + "".join(pool.map(lambda name: self.compile(tree, name), sorted(todo)))

	def symbols(self, tree):
		"""
		Returns (objects that exist, symbols that they define, symbols that they use but none of them defines).
		"""
		there = sorted(name for name in self.objects(tree)[0] if os.path.exists(os.path.join(self.out, name)))
		listed = subprocess.run(["nm", "-g", "-P", "-A", *there], cwd=self.out, capture_output=True, text=True,
			check=True).stdout if there else ""
		words = [line.split()[1:3] for line in listed.splitlines()]
		defined = {name for name, kind in words if kind not in "Uw"}
		return there, defined, {name for name, kind in words if kind == "U"} - defined

	def state(self, tree, text):
		"""
		Returns the result of this build after a patch, for States. @text is the output of make or of the
		compiler.
		"""
		there, defined, wanted = self.symbols(tree)
		return {"text": complaints(text), "broken": sorted(self.broken), "objects": there,
			"defined": sorted(defined), "wanted": sorted(wanted)}


def complaints(text):
	"""
	Returns how often the output @text has each warning and error. Line numbers are left out, because patches change
	them. Warnings of #warning are left out: they are about the configuration, and a source may be compiled for the
	first time after a patch that has nothing to do with it.
	"""
	pattern = r"^(\S+?):(?:\d+:)*(?: \*\*\*)? ((?:warning|error|fatal error): .*)$"
	return collections.Counter(f"{os.path.basename(path)}: {message}"
		for path, message in re.findall(pattern, text, re.M) if not message.endswith("[-Wcpp]"))


class States:
	"""
	Keeps the results of Build.state() for the base and after each patch. Each result has as its key a digest of
	everything that it depends on, so the results of the first patches stay valid when later patches change. Only
	good results are kept for the next run.
	"""

	def __init__(self, patches, path, *parts):
		self.patches, self.path = patches, path
		self.stamps = [step.digest(*parts)]
		for number, patch in enumerate(patches, 1):
			self.stamps.append(step.digest(self.stamps[-1], diff_of(patch), *["last"] * (number == len(patches))))
		saved = json.loads(step.read_or(path, "{}"))
		self.known = {stamp: saved[stamp] for stamp in self.stamps if stamp in saved}

	def at(self, number):
		return self.known[self.stamps[number]]

	def said(self, number, name):
		"""
		Returns the problems of the configuration @name after @number patches: warnings and errors that the base
		does not have, and objects that do not compile. too_early() finds missing symbols.
		"""
		state, base = self.at(number)[name], self.at(0)[name]
		new = collections.Counter(state["text"])
		if number:
			new -= collections.Counter(base["text"])
		else:	# this is the base, which may have warnings
			new = collections.Counter({text: 1 for text in new if "error: " in text})
		return sorted(new) + [f"{path} does not compile" for path in state["broken"] if not new]

	def build(self, builds, tree_of):
		"""
		Build the states that are not known. Begin with the known state before the first of them, because its
		objects are needed to compile only a part after the next patch.
		"""
		unknown = [number for number, stamp in enumerate(self.stamps) if stamp not in self.known]
		if not unknown:
			return
		first = max(unknown[0] - 1, 0)
		for number in range(first, len(self.stamps)):
			tree = tree_of(number)
			patch = self.patches[number - 1] if number else None
			change = (source.touched(patch), names_in_headers(patch), users(patch, tree) - set(builds[0].sources),
				number == len(self.patches)) if number else ()
			with concurrent.futures.ThreadPoolExecutor(len(builds)) as pool:
				texts = list(pool.map(lambda build: build.by_make(tree) if number == first
					else build.update(tree, *change), builds))
			self.known[self.stamps[number]] = {build.name: build.state(tree, text) for build, text in zip(builds, texts)}
		good = {stamp: self.known[stamp] for number, stamp in enumerate(self.stamps)
			if not any(self.said(number, build.name) for build in builds)}
		step.write(self.path, json.dumps(good))

	def too_early(self, number, name, old):
		"""
		Returns the symbols that objects use after @number patches, but that some object defines only after
		another patch. Leaves out the words @old, which the base has: a state that an earlier run saved has the
		symbols of the sources that the series touched at that time, so it may lack such a symbol by mistake.
		"""
		ever = set().union(*(self.at(other)[name]["defined"] for other in range(len(self.stamps))))
		return [f"{symbol} is not there" for symbol in self.at(number)[name]["wanted"] if symbol in ever - old]

	def cases(self, names, sources, base):
		"""
		Returns a case for each patch, one for the tree @base if it is broken, and one that fails if one of the
		touched @sources is never compiled.
		"""
		old = set().union(*(re.findall(r"\w+", step.read_or(os.path.join(base, path))) for path in sources))
		cases = []
		for number, patch in enumerate(["the base", *map(source.label, self.patches)]):
			wrong = [f"{name}: {problem}" for name in names
				for problem in self.said(number, name) + self.too_early(number, name, old)]
			if number or wrong:
				cases.append(Case(UP_TO + patch, FAIL if wrong else PASS, "; ".join(wrong)))
		compiled = {path[:-2] + ".c" for state in self.known.values() for one in state.values() for path in one["objects"]}
		never = sorted(set(sources) - compiled)
		return cases + [Case(ALL_COMPILED, FAIL if never else PASS, " ".join(never))]


def names():
	return [UP_TO + source.label(patch) for patch in source.series()] + [ALL_COMPILED]


def build_cases():
	"""
	Build after each patch, as far as the results are not known from an earlier run. Returns the cases of
	States.cases().
	"""
	patches = source.series()
	if not patches:
		return []
	sources = sorted(source.sources(patches))
	kconfigs = sorted(path for patch in patches for path in source.touched(patch)
		if os.path.basename(path).startswith(KCONFIG))
	builds = [Build(name, extra, sources, kconfigs) for name, extra in CONFIGURATIONS.items()]
	here = os.path.dirname(os.path.abspath(__file__))
	states = States(patches, os.path.join(step.BUILD, "patchwise.json"), step.read(kernel.FRAGMENT),
		step.read(os.path.join(source.KERNEL, "BASE")), step.read(os.path.join(here, "patchwise.py")),
		*CONFIGURATIONS, *CONFIGURATIONS.values())
	step.say(f"building {len(sources)} sources after each of {len(patches)} patches, {len(builds)} configurations")
	try:
		states.build(builds, lambda number: source.patched(TREE, patches[:number]))
	except step.Failed as failure:
		return [Case("builds after each patch", FAIL, str(failure))]
	return states.cases(list(CONFIGURATIONS), sources, source.pristine())
